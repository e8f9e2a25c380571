-- Every writable value of customers, in the order of `customers.outgoing`: what an import reads.
SELECT {columns}
FROM customers_customer customer
JOIN billing_billingentity entity ON entity.id = customer.billing_entity_id
LEFT JOIN customers_shippingaddress shipping ON shipping.customer_id = customer.id
LEFT JOIN customers_providerlink provider ON provider.customer_id = customer.id
LEFT JOIN billing_paymentprovider connection ON connection.id = provider.connection_id
CROSS JOIN LATERAL (
    -- Taxes set by rules are not for a file to set: naming them would make them set by hand.
    SELECT coalesce(
        array_agg(tax.code ORDER BY tax.code) FILTER (WHERE link.origin = 'manual'), '{{}}'
    ) AS codes
    FROM customers_appliedtax link
    JOIN billing_tax tax ON tax.id = link.tax_id
    WHERE link.customer_id = customer.id
) taxes
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(section.code ORDER BY section.code), '{{}}') AS codes
    FROM customers_selectedsection choice
    JOIN billing_invoicecustomsection section ON section.id = choice.section_id
    WHERE choice.customer_id = customer.id
) sections
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_object(
        'key', entry.key, 'value', entry.value, 'display_in_invoice', entry.display_in_invoice
    ) ORDER BY entry.created_at, entry.id), '[]')::text AS entries
    FROM customers_customermetadata entry
    WHERE entry.customer_id = customer.id
) notes
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_strip_nulls(json_build_object(
        'integration_type', integration.type,
        'integration_code', integration.code,
        -- Sent together with an id, syncing would be switched off.
        'external_customer_id',
        CASE WHEN integration.type = 'salesforce' OR NOT link.sync_with_provider
            THEN link.external_customer_id END,
        'sync_with_provider', link.sync_with_provider,
        'subsidiary_id', link.subsidiary_id,
        'targeted_object', link.targeted_object
    )) ORDER BY link.created_at, link.id), '[]')::text AS links
    FROM customers_integrationlink link
    JOIN billing_integration integration ON integration.id = link.connection_id
    WHERE link.customer_id = customer.id
) integrations
WHERE customer.organization_id = %s AND customer.id IN ({chosen})
-- The oldest first: imported elsewhere, customers get their numbers in the same order.
ORDER BY customer.created_at, customer.id DESC
