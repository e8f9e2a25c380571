-- 11. The relations of the JSON form, as this statement has just written them.
customer AS MATERIALIZED (
    SELECT * FROM updated
    UNION ALL
    SELECT * FROM inserted
    UNION ALL
    SELECT (wish.stored).*
    FROM wish
    WHERE wish.stored_id IS NOT NULL AND (SELECT yes FROM allowed)
      AND NOT EXISTS (SELECT FROM record WHERE record.n = wish.n)
),
shipping_address AS (
    SELECT shipping.customer_id, wanted.address_line1, wanted.address_line2, wanted.city,
        wanted.zipcode, wanted.state, wanted.country
    FROM stored_shipping shipping
    CROSS JOIN LATERAL jsonb_populate_record(shipping.shipping, coalesce(shipping.sent, '{}')) wanted
),
provider_link AS (
    SELECT customer_id, connection_id, provider_customer_id, sync, sync_with_provider, provider_payment_methods
    FROM wanted_provider
    UNION ALL
    SELECT (link).customer_id, (link).connection_id, (link).provider_customer_id, (link).sync,
        (link).sync_with_provider, (link).provider_payment_methods
    FROM provider_wish
    WHERE sent IS NULL AND was_linked
),
metadata AS (
    SELECT customer_id, id, key, value, display_in_invoice, created_at FROM wanted_metadata
    UNION ALL
    SELECT customer_id, id, key, value, display_in_invoice, created_at FROM stored_metadata WHERE NOT replaced
),
applied_tax AS (
    SELECT customer_id, tax_id FROM wanted_tax
    UNION ALL
    SELECT customer_id, tax_id FROM stored_tax WHERE NOT replaced
),
integration_link AS (
    SELECT customer_id, id, connection_id, external_customer_id, sync_with_provider, subsidiary_id,
        targeted_object, created_at
    FROM wanted_integration
    UNION ALL
    SELECT customer_id, id, connection_id, external_customer_id, sync_with_provider, subsidiary_id,
        targeted_object, created_at
    FROM stored_integration WHERE NOT replaced
),
selected_section AS (
    SELECT customer_id, section_id FROM wanted_section
    UNION ALL
    SELECT customer_id, section_id FROM stored_section WHERE NOT replaced
),
