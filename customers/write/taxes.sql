-- Taxes (contract: customers.md 2.9): the list replaces the set, and what it names is set by hand.

-- :stored
'automatic', EXISTS (
    SELECT FROM customers_appliedtax link
    WHERE link.customer_id = form.id AND link.origin <> 'manual'
)

-- :named
'taxes', (
    SELECT json_object_agg(tax.code, tax.id)
    FROM billing_tax tax
    WHERE tax.organization_id = {organization}
      AND tax.code = ANY (string_to_array(%(taxes)s::text, E'\x1f'))
      AND tax.deleted_at IS NULL
)

-- :remove
removed_tax AS (
    DELETE FROM customers_appliedtax link
    USING json_to_recordset(%(remove_taxes)s::json) AS item (n int, ids uuid[]), target
    WHERE target.n = item.n AND link.customer_id = target.id AND link.tax_id <> ALL (item.ids)
)

-- :put
put_taxes AS (
    INSERT INTO customers_appliedtax AS link (id, organization_id, customer_id, tax_id, origin, created_at)
    SELECT item.id, %(organization)s::uuid, target.id, item."to", 'manual', now()
    FROM json_to_recordset(%(put_taxes)s::json) AS item (n int, id uuid, "to" uuid)
    JOIN target ON target.n = item.n
    {again}
)

-- :again
ON CONFLICT (customer_id, tax_id) DO UPDATE SET origin = excluded.origin
    WHERE link.origin <> excluded.origin
