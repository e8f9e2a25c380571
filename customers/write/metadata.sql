-- Metadata (contract: customers.md 2.8).

-- :remove
removed_metadata AS (
    DELETE FROM customers_customermetadata entry
    USING json_to_recordset(%(remove_metadata)s::json) AS item (n int, ids uuid[]), target
    WHERE target.n = item.n AND entry.customer_id = target.id AND entry.id = ANY (item.ids)
)

-- :put
put_metadata AS (
    INSERT INTO customers_customermetadata
        (id, organization_id, customer_id, key, value, display_in_invoice, created_at)
    SELECT item.lago_id, %(organization)s::uuid, target.id, item.key, item.value,
        item.display_in_invoice, coalesce(item.created_at, now())
    FROM json_to_recordset(%(put_metadata)s::json) AS item (
        n int, lago_id uuid, key text, value text, display_in_invoice boolean, created_at timestamptz
    )
    JOIN target ON target.n = item.n
    {again}
)

-- :again
ON CONFLICT (id) DO UPDATE SET
    key = excluded.key, value = excluded.value, display_in_invoice = excluded.display_in_invoice
