-- 1. The wishes, one row each, beside the customer they name and the entity it will belong to.
wish AS MATERIALIZED (
    SELECT
        item.n::int AS n,
        item.sent,
        item.sent ->> 'external_id' AS external_id,
        customer.id AS stored_id,
        coalesce(customer.id, customers_newest_first_id()) AS customer_id,
        customer.version,
        customer.account_type,
        to_jsonb(customer) AS stored,
        entity.id AS entity_id,
        entity.code AS entity_code,
        customer.billing_entity_id AS stored_entity_id
    FROM {source} AS item (sent, n)
    LEFT JOIN customers_customer customer
        ON customer.organization_id = %(organization)s::uuid
        AND customer.external_id = item.sent ->> 'external_id'
        AND customer.deleted_at IS NULL
    LEFT JOIN billing_billingentity entity
        ON entity.organization_id = %(organization)s::uuid
        AND CASE
            WHEN item.sent ? 'entity'
                THEN entity.code = item.sent ->> 'entity' AND entity.archived_at IS NULL
            WHEN customer.id IS NULL THEN entity.is_default
            ELSE entity.id = customer.billing_entity_id
        END
)
