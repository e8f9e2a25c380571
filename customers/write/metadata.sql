-- Metadata (contract: customers.md 2.8).

-- :remove
removed_metadata AS (
    DELETE FROM customers_customermetadata entry
    USING jsonb_to_recordset(%(remove_metadata)s::jsonb) AS item (n int, ids uuid[]), target
    WHERE target.n = item.n AND entry.customer_id = target.id AND entry.id = ANY (item.ids)
)

-- :put
put_metadata AS (
    INSERT INTO customers_customermetadata
        (id, organization_id, customer_id, key, value, display_in_invoice, created_at)
    SELECT entry.lago_id, %(organization)s::uuid, target.id, entry.key, entry.value,
        entry.display_in_invoice, coalesce(entry.created_at, now())
    FROM jsonb_to_recordset(%(put_metadata)s::jsonb) AS item (n int, entries jsonb)
    JOIN target ON target.n = item.n
    CROSS JOIN LATERAL jsonb_to_recordset(item.entries) AS entry (
        lago_id uuid, key text, value text, display_in_invoice boolean, created_at timestamptz
    )
    ON CONFLICT (id) DO UPDATE SET
        key = excluded.key, value = excluded.value, display_in_invoice = excluded.display_in_invoice
)
