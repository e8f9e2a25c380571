-- Invoice custom sections (contract: customers.md 2.11): unknown codes are left out.

-- :stored
'sections', (
    SELECT json_agg(section.code)
    FROM customers_selectedsection choice
    JOIN billing_invoicecustomsection section ON section.id = choice.section_id
    WHERE choice.customer_id = form.id
)

-- :named
'sections', (
    SELECT json_object_agg(section.code, section.id)
    FROM billing_invoicecustomsection section
    WHERE section.organization_id = {organization}
      AND section.code = ANY (string_to_array(%(sections)s::text, E'\x1f'))
      AND section.deleted_at IS NULL
)

-- :remove
removed_section AS (
    DELETE FROM customers_selectedsection choice
    USING json_to_recordset(%(remove_sections)s::json) AS item (n int, ids uuid[]), target
    WHERE target.n = item.n AND choice.customer_id = target.id AND choice.section_id <> ALL (item.ids)
)

-- :put
put_sections AS (
    INSERT INTO customers_selectedsection (id, organization_id, customer_id, section_id)
    SELECT item.id, %(organization)s::uuid, target.id, item."to"
    FROM json_to_recordset(%(put_sections)s::json) AS item (n int, id uuid, "to" uuid)
    JOIN target ON target.n = item.n
    {again}
)

-- :again
ON CONFLICT (customer_id, section_id) DO NOTHING
