-- Webhook endpoints as the API shows them, a row each, newest first. An id that is given picks one.
SELECT json_build_object(
    'lago_id', endpoint.id,
    'lago_organization_id', endpoint.organization_id,
    'webhook_url', endpoint.webhook_url,
    'signature_algo', endpoint.signature_algo,
    'name', endpoint.name,
    'event_types', endpoint.event_types,
    'created_at', to_char(endpoint.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
)::text
FROM billing_webhookendpoint endpoint
WHERE endpoint.organization_id = %(organization)s::uuid
  AND (%(id)s::uuid IS NULL OR endpoint.id = %(id)s::uuid)
ORDER BY endpoint.created_at DESC, endpoint.id
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint
