-- The named customers that exist, with the notes they carry. Held against others if asked to, in
-- the order every writer locks: the configuration, shared, then customers by id.
WITH
frozen AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(8401, hashtext(%(organization)s::uuid::text))
    WHERE %(hold)s::boolean
),
named AS MATERIALIZED (
    SELECT id, external_id, version
    FROM customers_customer
    WHERE (SELECT count(*) FROM frozen) >= 0
      AND organization_id = %(organization)s::uuid
      AND external_id = ANY (%(external_ids)s::text[])
      AND deleted_at IS NULL
    ORDER BY id
    {lock}
)
SELECT named.external_id, named.version, coalesce(entries.notes, '[]')::text AS notes
FROM named
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'key', key, 'value', value, 'display_in_invoice', display_in_invoice
    ) ORDER BY created_at, id) AS notes
    FROM customers_customermetadata entry
    WHERE entry.customer_id = named.id
) entries
