-- Invoice custom sections (contract: customers.md 2.11): unknown codes are left out.

-- :find
wanted_section AS MATERIALIZED (
    SELECT wish.n, wish.customer_id, section.id AS section_id, section.code
    FROM wish
    CROSS JOIN LATERAL jsonb_array_elements_text(wish.sent -> 'sections') AS item (code)
    JOIN billing_invoicecustomsection section
        ON section.organization_id = %(organization)s::uuid
        AND section.code = item.code
        AND section.deleted_at IS NULL
),
stored_section AS MATERIALIZED (
    SELECT wish.n, choice.id, choice.section_id, section.code
    FROM wish
    JOIN customers_selectedsection choice ON choice.customer_id = wish.stored_id
    JOIN billing_invoicecustomsection section ON section.id = choice.section_id
    WHERE wish.sent -> 'sections' IS NOT NULL
)

-- :difference
SELECT n, 'invoice_custom_section_codes',
    coalesce(jsonb_agg(code ORDER BY code) FILTER (WHERE side = 'old'), '[]'),
    coalesce(jsonb_agg(code ORDER BY code) FILTER (WHERE side = 'new'), '[]')
FROM (
    SELECT n, 'old' AS side, code FROM stored_section
    UNION ALL
    SELECT n, 'new', code FROM wanted_section
) sides
GROUP BY n
HAVING jsonb_agg(code ORDER BY code) FILTER (WHERE side = 'old')
    IS DISTINCT FROM jsonb_agg(code ORDER BY code) FILTER (WHERE side = 'new')

-- :put
removed_section AS (
    DELETE FROM customers_selectedsection choice
    USING stored_section stored, changed
    WHERE choice.id = stored.id AND changed.n = stored.n
      AND NOT EXISTS (
          SELECT FROM wanted_section wanted WHERE wanted.n = stored.n AND wanted.section_id = stored.section_id
      )
    RETURNING choice.id
),
put_sections AS (
    INSERT INTO customers_selectedsection (id, organization_id, customer_id, section_id)
    SELECT gen_random_uuid(), %(organization)s::uuid, wanted.customer_id, wanted.section_id
    FROM wanted_section wanted
    JOIN changed ON changed.n = wanted.n
    WHERE NOT EXISTS (
        SELECT FROM stored_section stored WHERE stored.n = wanted.n AND stored.section_id = wanted.section_id
    )
    RETURNING id
)

-- :now
selected_section AS (SELECT customer_id, section_id FROM wanted_section)
