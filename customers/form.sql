-- The one JSON form of a customer (contract: customers.md 3).
form AS (
    SELECT customer.id, customer.version, customer.created_at, provider_link.connection_id,
        row_to_json(body) AS json
    FROM {customer} customer
    JOIN billing_billingentity entity ON entity.id = customer.billing_entity_id
    LEFT JOIN customers_shippingaddress shipping ON shipping.customer_id = customer.id
    LEFT JOIN (
        customers_providerlink provider_link
        JOIN billing_paymentprovider provider ON provider.id = provider_link.connection_id
    ) ON provider_link.customer_id = customer.id
    CROSS JOIN LATERAL (
        SELECT
            customer.id AS lago_id,
            entity.code AS billing_entity_code,
            customer.external_id,
            customer.account_type,
            customer.name,
            customer.firstname,
            customer.lastname,
            customer.customer_type,
            customer.sequential_id,
            customer.slug,
            to_char(customer.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created_at,
            to_char(customer.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS updated_at,
            customer.country,
            customer.address_line1,
            customer.address_line2,
            customer.state,
            customer.zipcode,
            customer.email,
            customer.city,
            customer.url,
            customer.phone,
            customer.logo_url,
            customer.legal_name,
            customer.legal_number,
            customer.currency,
            customer.tax_identification_number,
            customer.timezone,
            coalesce(customer.timezone, entity.timezone, 'UTC') AS applicable_timezone,
            customer.net_payment_term,
            customer.external_salesforce_id,
            customer.finalize_zero_amount_invoice,
            CASE
                WHEN provider.type = 'stripe' THEN json_build_object(
                    'invoice_grace_period', customer.invoice_grace_period,
                    'payment_provider', provider.type,
                    'payment_provider_code', provider.code,
                    'document_locale', customer.document_locale,
                    'subscription_invoice_issuing_date_anchor',
                    customer.subscription_invoice_issuing_date_anchor,
                    'subscription_invoice_issuing_date_adjustment',
                    customer.subscription_invoice_issuing_date_adjustment,
                    'provider_customer_id', provider_link.provider_customer_id,
                    'sync', provider_link.sync,
                    'sync_with_provider', provider_link.sync_with_provider,
                    'provider_payment_methods', provider_link.provider_payment_methods
                )
                WHEN provider.type IS NOT NULL THEN json_build_object(
                    'invoice_grace_period', customer.invoice_grace_period,
                    'payment_provider', provider.type,
                    'payment_provider_code', provider.code,
                    'document_locale', customer.document_locale,
                    'subscription_invoice_issuing_date_anchor',
                    customer.subscription_invoice_issuing_date_anchor,
                    'subscription_invoice_issuing_date_adjustment',
                    customer.subscription_invoice_issuing_date_adjustment,
                    'provider_customer_id', provider_link.provider_customer_id,
                    'sync', provider_link.sync,
                    'sync_with_provider', provider_link.sync_with_provider
                )
                ELSE json_build_object(
                    'invoice_grace_period', customer.invoice_grace_period,
                    'payment_provider', NULL,
                    'payment_provider_code', NULL,
                    'document_locale', customer.document_locale,
                    'subscription_invoice_issuing_date_anchor',
                    customer.subscription_invoice_issuing_date_anchor,
                    'subscription_invoice_issuing_date_adjustment',
                    customer.subscription_invoice_issuing_date_adjustment
                )
            END AS billing_configuration,
            json_build_object(
                'address_line1', shipping.address_line1,
                'address_line2', shipping.address_line2,
                'city', shipping.city,
                'zipcode', shipping.zipcode,
                'state', shipping.state,
                'country', shipping.country
            ) AS shipping_address,
            customer.skip_invoice_custom_sections,
            coalesce((
                SELECT json_agg(
                    json_build_object(
                        'lago_id', entry.id,
                        'key', entry.key,
                        'value', entry.value,
                        'display_in_invoice', entry.display_in_invoice,
                        'created_at', to_char(entry.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                    ) ORDER BY entry.created_at, entry.id
                )
                FROM customers_customermetadata entry
                WHERE entry.customer_id = customer.id
            ), '[]') AS metadata,
            coalesce((
                SELECT json_agg(
                    json_build_object(
                        'lago_id', tax.id,
                        'name', tax.name,
                        'code', tax.code,
                        'description', tax.description,
                        'rate', trim_scale(tax.rate),
                        'applied_to_organization', EXISTS (
                            SELECT FROM billing_billingentitytax entity_tax
                            JOIN billing_billingentity main ON main.id = entity_tax.billing_entity_id
                            WHERE entity_tax.tax_id = tax.id AND main.is_default
                        ),
                        'created_at', to_char(tax.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                        'add_ons_count', 0,
                        'customers_count', 0,
                        'plans_count', 0,
                        'charges_count', 0,
                        'commitments_count', 0
                    ) ORDER BY tax.created_at, tax.id
                )
                FROM customers_appliedtax link
                JOIN billing_tax tax ON tax.id = link.tax_id
                WHERE link.customer_id = customer.id
            ), '[]') AS taxes,
            coalesce((
                SELECT json_agg(
                    CASE connection.type
                        WHEN 'netsuite' THEN json_build_object(
                            'lago_id', link.id, 'type', connection.type, 'integration_code', connection.code,
                            'external_customer_id', link.external_customer_id,
                            'sync_with_provider', link.sync_with_provider,
                            'subsidiary_id', link.subsidiary_id
                        )
                        WHEN 'hubspot' THEN json_build_object(
                            'lago_id', link.id, 'type', connection.type, 'integration_code', connection.code,
                            'external_customer_id', link.external_customer_id,
                            'sync_with_provider', link.sync_with_provider,
                            'targeted_object', link.targeted_object, 'email', NULL
                        )
                        ELSE json_build_object(
                            'lago_id', link.id, 'type', connection.type, 'integration_code', connection.code,
                            'external_customer_id', link.external_customer_id,
                            'sync_with_provider', link.sync_with_provider
                        )
                    END ORDER BY link.created_at, link.id
                )
                FROM customers_integrationlink link
                JOIN billing_integration connection ON connection.id = link.connection_id
                WHERE link.customer_id = customer.id
            ), '[]') AS integration_customers
            {one_only}
    ) body
)
