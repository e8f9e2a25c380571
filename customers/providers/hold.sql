-- The mirrors of these customers at these connections, made where there are none.
INSERT INTO customers_mirror
    (id, organization_id, customer_id, payment_provider_id, integration_id, state, todo, attempts, uncertain,
        pushed)
SELECT gen_random_uuid(), one.*, 'idle', '{}', 0, false, '{}'
FROM unnest(
    %(organizations)s::uuid[], %(customers)s::uuid[], %(payment_providers)s::uuid[], %(integrations)s::uuid[]
) one
ON CONFLICT DO NOTHING
RETURNING id
