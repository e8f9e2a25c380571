-- The organization as the API shows it. Currency and time zone count where its default billing
-- entity has them.
SELECT json_build_object(
    'lago_id', organization.id,
    'name', organization.name,
    'slug', organization.slug,
    'default_currency', entity.default_currency,
    'created_at', to_char(organization.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'webhook_url', coalesce(endpoints.urls ->> 0, ''),
    'webhook_urls', coalesce(endpoints.urls, '[]'),
    'country', organization.country,
    'address_line1', organization.address_line1,
    'address_line2', organization.address_line2,
    'state', organization.state,
    'zipcode', organization.zipcode,
    'email', organization.email,
    'city', organization.city,
    'legal_name', organization.legal_name,
    'legal_number', organization.legal_number,
    'timezone', entity.timezone,
    'net_payment_term', organization.net_payment_term,
    'email_settings', organization.email_settings,
    'document_numbering', organization.document_numbering,
    'document_number_prefix', organization.document_number_prefix,
    'tax_identification_number', organization.tax_identification_number,
    'finalize_zero_amount_invoice', organization.finalize_zero_amount_invoice,
    'billing_configuration', json_build_object(
        'invoice_footer', organization.invoice_footer,
        'invoice_grace_period', organization.invoice_grace_period,
        'document_locale', organization.document_locale
    ),
    'taxes', coalesce(taxes.list, '[]')
)::text
FROM billing_organization organization
JOIN billing_billingentity entity
  ON entity.organization_id = organization.id AND entity.is_default
-- Addresses for webhooks, oldest first; ids count down.
CROSS JOIN LATERAL (
    SELECT json_agg(endpoint.webhook_url ORDER BY endpoint.created_at, endpoint.id DESC) AS urls
    FROM billing_webhookendpoint endpoint
    WHERE endpoint.organization_id = organization.id
) endpoints
-- The default taxes, as they stand inside other objects.
CROSS JOIN LATERAL (
    SELECT json_agg(
        json_build_object(
            'lago_id', tax.id,
            'name', tax.name,
            'code', tax.code,
            'description', tax.description,
            'rate', trim_scale(tax.rate),
            'applied_to_organization', true,
            'created_at', to_char(tax.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
            'add_ons_count', 0,
            'customers_count', 0,
            'plans_count', 0,
            'charges_count', 0,
            'commitments_count', 0
        )
        ORDER BY tax.created_at, tax.id
    ) AS list
    FROM billing_billingentitytax link
    JOIN billing_tax tax ON tax.id = link.tax_id AND tax.deleted_at IS NULL
    WHERE link.billing_entity_id = entity.id
) taxes
WHERE organization.id = %(organization)s::uuid
