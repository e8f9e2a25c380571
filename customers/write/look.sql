-- What is stored of the named customers, and what the wishes name of the configuration, as one JSON
-- value: one picture, so that a rule never sees half of somebody else's change. Nothing is locked.
WITH
chosen AS (
    SELECT *
    FROM customers_customer
    WHERE organization_id = {organization}
      AND external_id = ANY (string_to_array(%(external_ids)s::text, E'\x1f'))
      AND deleted_at IS NULL
),
{form}
SELECT json_build_object(
    'customers', (
        SELECT json_agg(json_build_object('id', form.id, 'version', form.version, 'form', form.json{stored}))
        FROM form
    ),
    'entities', (
        SELECT json_agg(json_build_array(entity.code, entity.id, entity.is_default))
        FROM billing_billingentity entity
        WHERE entity.organization_id = {organization}
          AND entity.archived_at IS NULL
          AND (entity.is_default OR entity.code = ANY (string_to_array(%(entities)s::text, E'\x1f')))
    ),
    'listens', EXISTS (SELECT FROM billing_webhookendpoint WHERE organization_id = {organization}){named}
)::text
