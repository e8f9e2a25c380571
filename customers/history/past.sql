-- A customer as it was: its present values by the path of the wire, and over each of them the
-- value before the first change that came later.
WITH
customer AS MATERIALIZED (
    SELECT * FROM customers_customer
    WHERE organization_id = %(organization)s::uuid AND id = %(id)s::uuid
),
-- Changes of one customer are numbered in the order they were made; a change whose transaction
-- began before another's may still come after it, and then counts as made at that one's time.
undone AS MATERIALIZED (
    SELECT id, action, changes
    FROM billing_changerecord
    WHERE organization_id = %(organization)s::uuid AND object_id = %(id)s::uuid
      AND resource = 'customer'
      AND id >= (
          SELECT min(id) FROM billing_changerecord
          WHERE organization_id = %(organization)s::uuid AND object_id = %(id)s::uuid
            AND resource = 'customer'
            AND at > %(moment)s::timestamptz
      )
),
value (path, value) AS (
    -- Of the names on the wire only those of columns are found here; the rest follows.
    SELECT part.prefix || field.key, field.value
    FROM customer
    CROSS JOIN LATERAL jsonb_each(to_jsonb(customer)) AS field
    JOIN (
        VALUES ('', %(fields)s::text[]), ('billing_configuration.', %(configuration)s::text[])
    ) AS part (prefix, names) ON field.key = ANY (part.names)
    UNION ALL
    SELECT 'billing_entity_code', to_jsonb(entity.code)
    FROM customer
    JOIN billing_billingentity entity ON entity.id = customer.billing_entity_id
    UNION ALL
    SELECT 'shipping_address.' || part, to_jsonb(address) -> part
    FROM customer
    LEFT JOIN customers_shippingaddress address ON address.customer_id = customer.id
    CROSS JOIN unnest(%(address)s::text[]) AS part
    UNION ALL
    SELECT 'billing_configuration.' || field.name, field.value
    FROM customer
    LEFT JOIN customers_providerlink link ON link.customer_id = customer.id
    LEFT JOIN billing_paymentprovider connection ON connection.id = link.connection_id
    CROSS JOIN LATERAL (
        VALUES
            ('payment_provider', to_jsonb(connection.type)),
            ('payment_provider_code', to_jsonb(connection.code)),
            ('provider_customer_id', to_jsonb(link.provider_customer_id)),
            ('sync', to_jsonb(link.sync)),
            ('sync_with_provider', to_jsonb(link.sync_with_provider)),
            ('provider_payment_methods', to_jsonb(link.provider_payment_methods))
    ) AS field (name, value)
    UNION ALL
    SELECT 'tax_codes', coalesce(jsonb_agg(tax.code ORDER BY tax.code), '[]')
    FROM customer
    JOIN customers_appliedtax link ON link.customer_id = customer.id
    JOIN billing_tax tax ON tax.id = link.tax_id
    UNION ALL
    SELECT 'invoice_custom_section_codes', coalesce(jsonb_agg(section.code ORDER BY section.code), '[]')
    FROM customer
    JOIN customers_selectedsection link ON link.customer_id = customer.id
    JOIN billing_invoicecustomsection section ON section.id = link.section_id
    UNION ALL
    SELECT 'metadata', coalesce(jsonb_agg(
        jsonb_build_object(
            'lago_id', entry.id, 'key', entry.key, 'value', entry.value,
            'display_in_invoice', entry.display_in_invoice
        ) ORDER BY entry.created_at, entry.id
    ), '[]')
    FROM customer
    JOIN customers_customermetadata entry ON entry.customer_id = customer.id
    UNION ALL
    SELECT 'integration_customers', coalesce(jsonb_agg(
        jsonb_build_object(
            'lago_id', link.id, 'integration_type', link.type, 'integration_code', connection.code,
            'external_customer_id', link.external_customer_id,
            'sync_with_provider', link.sync_with_provider, 'subsidiary_id', link.subsidiary_id,
            'targeted_object', link.targeted_object
        ) ORDER BY link.created_at, link.id
    ), '[]')
    FROM customer
    JOIN customers_integrationlink link ON link.customer_id = customer.id
    JOIN billing_integration connection ON connection.id = link.connection_id
),
old_value AS (
    SELECT DISTINCT ON (change.key) change.key AS path, change.value -> 0 AS value
    FROM undone
    CROSS JOIN LATERAL jsonb_each(undone.changes) AS change
    ORDER BY change.key, undone.id
)
SELECT
    customer.external_id,
    customers_tag(customer.id, customer.version),
    customer.created_at <= %(moment)s::timestamptz,
    coalesce(
        (SELECT action = 'restored' FROM undone WHERE action IN ('deleted', 'restored') ORDER BY id LIMIT 1),
        customer.deleted_at IS NOT NULL
    ),
    (
        (SELECT jsonb_object_agg(path, value) FROM value)
        || coalesce((SELECT jsonb_object_agg(path, value) FROM old_value), '{}')
    )::text
FROM customer
