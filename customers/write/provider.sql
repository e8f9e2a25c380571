-- The link to a payment provider (contract: customers.md 2.7).

-- :find
provider AS MATERIALIZED (
    SELECT
        wish.n,
        wish.customer_id,
        wish.sent -> 'provider' AS sent,
        link.customer_id IS NOT NULL AS was_linked,
        link.connection_id,
        link.provider_customer_id,
        link.sync,
        link.sync_with_provider,
        link.provider_payment_methods,
        connection.type AS stored_type,
        connection.code AS stored_code,
        CASE
            WHEN wish.sent -> 'provider' ? 'payment_provider'
                THEN wish.sent -> 'provider' ->> 'payment_provider'
            ELSE connection.type
        END AS type
    FROM wish
    LEFT JOIN customers_providerlink link ON link.customer_id = wish.stored_id
    LEFT JOIN billing_paymentprovider connection ON connection.id = link.connection_id
    WHERE wish.sent -> 'provider' IS NOT NULL
),
provider_choice AS MATERIALIZED (
    SELECT
        provider.n,
        (array_agg(connection.id))[1] AS connection_id,
        min(connection.code) AS code,
        count(connection.id) AS candidates
    FROM provider
    LEFT JOIN billing_paymentprovider connection
        ON connection.organization_id = %(organization)s::uuid
        AND connection.type = provider.type
        AND CASE
            WHEN provider.sent ? 'code' THEN connection.code = provider.sent ->> 'code'
            WHEN provider.stored_type = provider.type THEN connection.id = provider.connection_id
            ELSE true
        END
    WHERE provider.type IS NOT NULL
    GROUP BY provider.n
),
wanted_provider AS MATERIALIZED (
    SELECT
        provider.n,
        provider.customer_id,
        choice.connection_id,
        CASE
            WHEN provider.sent ? 'provider_customer_id' THEN provider.sent ->> 'provider_customer_id'
            WHEN choice.connection_id = provider.connection_id THEN provider.provider_customer_id
        END AS provider_customer_id,
        coalesce(
            (provider.sent ->> 'sync')::boolean, provider.stored_type = provider.type AND provider.sync, false
        ) AS sync,
        coalesce(
            (provider.sent ->> 'sync_with_provider')::boolean,
            provider.stored_type = provider.type AND provider.sync_with_provider,
            false
        ) AS sync_with_provider,
        CASE
            WHEN provider.type <> 'stripe' THEN '{}'::varchar[]
            WHEN provider.sent ? 'methods'
                THEN ARRAY(SELECT jsonb_array_elements_text(provider.sent -> 'methods'))::varchar[]
            WHEN provider.stored_type = provider.type THEN provider.provider_payment_methods
            ELSE '{card}'::varchar[]
        END AS provider_payment_methods,
        provider.type,
        choice.code
    FROM provider_choice choice
    JOIN provider ON provider.n = choice.n
)

-- :difference
SELECT provider.n, 'billing_configuration.' || field.path, field.old, field.new
FROM provider
LEFT JOIN wanted_provider wanted ON wanted.n = provider.n
CROSS JOIN LATERAL (
    VALUES
        ('payment_provider', to_jsonb(provider.stored_type), to_jsonb(wanted.type)),
        ('payment_provider_code', to_jsonb(provider.stored_code), to_jsonb(wanted.code)),
        (
            'provider_customer_id',
            to_jsonb(provider.provider_customer_id),
            to_jsonb(wanted.provider_customer_id)
        ),
        ('sync', to_jsonb(provider.sync), to_jsonb(wanted.sync)),
        ('sync_with_provider', to_jsonb(provider.sync_with_provider), to_jsonb(wanted.sync_with_provider)),
        (
            'provider_payment_methods',
            to_jsonb(provider.provider_payment_methods),
            to_jsonb(wanted.provider_payment_methods)
        )
) AS field (path, old, new)
WHERE field.old IS DISTINCT FROM field.new

-- :problem
SELECT n, 'invalid', 'base',
    CASE WHEN candidates = 0 THEN 'payment_provider_not_found' ELSE 'payment_provider_code_missing' END
FROM provider_choice
WHERE candidates <> 1
UNION ALL
SELECT n, 'invalid', 'provider_customer_id', 'value_is_invalid'
FROM provider WHERE sent ? 'card' AND type IS NOT NULL
UNION ALL
SELECT n, 'invalid', 'provider_payment_methods', refused.code
FROM provider
CROSS JOIN LATERAL jsonb_array_elements_text(sent -> 'refused_methods') AS refused (code)
WHERE type = 'stripe'

-- :put
removed_provider AS (
    DELETE FROM customers_providerlink link
    USING changed, provider
    WHERE provider.n = changed.n AND provider.type IS NULL AND link.customer_id = changed.stored_id
    RETURNING link.customer_id
),
put_provider AS (
    INSERT INTO customers_providerlink
        (organization_id, customer_id, connection_id, provider_customer_id, sync, sync_with_provider,
         provider_payment_methods)
    SELECT %(organization)s::uuid, wanted.customer_id, wanted.connection_id, wanted.provider_customer_id,
        wanted.sync, wanted.sync_with_provider, wanted.provider_payment_methods
    FROM wanted_provider wanted
    JOIN provider ON provider.n = wanted.n
    JOIN changed ON changed.n = wanted.n
    WHERE (provider.connection_id, provider.provider_customer_id, provider.sync,
           provider.sync_with_provider, provider.provider_payment_methods)
        IS DISTINCT FROM (wanted.connection_id, wanted.provider_customer_id, wanted.sync,
           wanted.sync_with_provider, wanted.provider_payment_methods)
    ON CONFLICT (customer_id) DO UPDATE SET
        connection_id = excluded.connection_id, provider_customer_id = excluded.provider_customer_id,
        sync = excluded.sync, sync_with_provider = excluded.sync_with_provider,
        provider_payment_methods = excluded.provider_payment_methods
    RETURNING customer_id
)

-- :now
provider_link AS (SELECT * FROM wanted_provider)
