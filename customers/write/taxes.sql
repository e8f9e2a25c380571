-- Taxes (contract: customers.md 2.9): the list replaces the set, and what it names is set by hand.

-- :find
tax_item AS MATERIALIZED (
    SELECT wish.n, wish.customer_id, item.code, item.position, tax.id AS tax_id
    FROM wish
    CROSS JOIN LATERAL jsonb_array_elements_text(wish.sent -> 'taxes') WITH ORDINALITY AS item (code, position)
    LEFT JOIN billing_tax tax
        ON tax.organization_id = %(organization)s::uuid AND tax.code = item.code AND tax.deleted_at IS NULL
),
stored_tax AS MATERIALIZED (
    SELECT wish.n, link.id, link.tax_id, link.origin, tax.code
    FROM wish
    JOIN customers_appliedtax link ON link.customer_id = wish.stored_id
    JOIN billing_tax tax ON tax.id = link.tax_id
    WHERE wish.sent -> 'taxes' IS NOT NULL
)

-- :difference
SELECT n, 'tax_codes',
    coalesce(jsonb_agg(code ORDER BY code) FILTER (WHERE side = 'old'), '[]'),
    coalesce(jsonb_agg(code ORDER BY code) FILTER (WHERE side = 'new'), '[]')
FROM (
    SELECT n, 'old' AS side, code, origin FROM stored_tax
    UNION ALL
    SELECT n, 'new', code, 'manual' FROM tax_item
) sides
GROUP BY n
HAVING jsonb_agg(code ORDER BY code) FILTER (WHERE side = 'old')
        IS DISTINCT FROM jsonb_agg(code ORDER BY code) FILTER (WHERE side = 'new')
    OR bool_or(origin <> 'manual')

-- :problem
SELECT n, 'not_found', 'tax', NULL FROM tax_item WHERE tax_id IS NULL

-- :put
removed_tax AS (
    DELETE FROM customers_appliedtax link
    USING stored_tax stored, changed
    WHERE link.id = stored.id AND changed.n = stored.n
      AND NOT EXISTS (SELECT FROM tax_item item WHERE item.n = stored.n AND item.tax_id = stored.tax_id)
    RETURNING link.id
),
put_taxes AS (
    INSERT INTO customers_appliedtax (id, organization_id, customer_id, tax_id, origin, created_at)
    SELECT customers_ordered_id(item.position), %(organization)s::uuid, item.customer_id, item.tax_id, 'manual', now()
    FROM tax_item item
    JOIN changed ON changed.n = item.n
    WHERE NOT EXISTS (
        SELECT FROM stored_tax stored
        WHERE (stored.n, stored.tax_id, stored.origin) = (item.n, item.tax_id, 'manual')
    )
    ON CONFLICT (customer_id, tax_id) DO UPDATE SET origin = excluded.origin
    RETURNING id
)

-- :now
applied_tax AS (SELECT customer_id, tax_id FROM tax_item)
