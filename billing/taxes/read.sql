-- Taxes as the API shows them, a row each, newest first. A code that is given picks one.
SELECT json_build_object(
    'lago_id', tax.id,
    'name', tax.name,
    'code', tax.code,
    'description', tax.description,
    'rate', trim_scale(tax.rate),
    'applied_to_organization', coalesce(links.with_default, false),
    'created_at', to_char(tax.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'add_ons_count', 0,
    'customers_count', 0,
    'plans_count', 0,
    'charges_count', 0,
    'commitments_count', 0,
    'applied_to_billing_entities_codes', coalesce(links.codes, '[]')
)::text
FROM billing_tax tax
-- The active billing entities that apply it by default.
CROSS JOIN LATERAL (
    SELECT bool_or(entity.is_default) AS with_default,
           json_agg(entity.code ORDER BY entity.code COLLATE "C") AS codes
    FROM billing_billingentitytax link
    JOIN billing_billingentity entity ON entity.id = link.billing_entity_id
    WHERE link.tax_id = tax.id AND entity.archived_at IS NULL
) links
WHERE tax.organization_id = %(organization)s::uuid
  AND tax.deleted_at IS NULL
  AND (%(code)s::text IS NULL OR tax.code = %(code)s::text)
ORDER BY tax.created_at DESC, tax.id
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint
