-- Active billing entities as the API shows them, a row each, oldest first. A code that is given
-- picks one. The whole form has its taxes and sections too.
SELECT json_build_object(
    'lago_id', entity.id,
    'code', entity.code,
    'name', entity.name,
    'default_currency', entity.default_currency,
    'created_at', to_char(entity.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'updated_at', to_char(entity.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'country', entity.country,
    'address_line1', entity.address_line1,
    'address_line2', entity.address_line2,
    'phone', entity.phone,
    'city', entity.city,
    'state', entity.state,
    'zipcode', entity.zipcode,
    'einvoicing', entity.einvoicing,
    'email', entity.email,
    'legal_name', entity.legal_name,
    'legal_number', entity.legal_number,
    'timezone', entity.timezone,
    'net_payment_term', entity.net_payment_term,
    'email_settings', entity.email_settings,
    'document_numbering', entity.document_numbering,
    'document_number_prefix', entity.document_number_prefix,
    'tax_identification_number', entity.tax_identification_number,
    'finalize_zero_amount_invoice', entity.finalize_zero_amount_invoice,
    'invoice_footer', entity.invoice_footer,
    'invoice_grace_period', entity.invoice_grace_period,
    'subscription_invoice_issuing_date_adjustment',
        entity.subscription_invoice_issuing_date_adjustment,
    'subscription_invoice_issuing_date_anchor', entity.subscription_invoice_issuing_date_anchor,
    'document_locale', entity.document_locale,
    'is_default', entity.is_default,
    'eu_tax_management', entity.eu_tax_management,
    'logo_url', CASE WHEN entity.logo IS NOT NULL THEN %(home)s::text || '/logos/' || entity.id END
    /* of the whole form only */
)::text
FROM billing_billingentity entity
WHERE entity.organization_id = %(organization)s::uuid
  AND entity.archived_at IS NULL
  AND (%(code)s::text IS NULL OR entity.code = %(code)s::text)
ORDER BY entity.created_at, entity.id
