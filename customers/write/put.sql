-- 6. The record of each change, and the customers that exist.
recorded AS (
    INSERT INTO billing_changerecord
        (organization_id, resource, object_id, action, door, actor_id, actor_name, reason, changes, at)
    SELECT %(organization)s::uuid, 'customer', changed.customer_id,
        CASE WHEN changed.stored_id IS NULL THEN 'created' ELSE 'updated' END,
        %(door)s::text, %(actor_id)s::text, %(actor_name)s::text, %(reason)s::text,
        changed.changes, now()
    FROM changed
    ORDER BY changed.n
    RETURNING object_id
),
updated AS (
    UPDATE customers_customer customer SET
        billing_entity_id = wanted.billing_entity_id,
        account_type = wanted.account_type,
        customer_type = wanted.customer_type,
        name = wanted.name,
        firstname = wanted.firstname,
        lastname = wanted.lastname,
        legal_name = wanted.legal_name,
        legal_number = wanted.legal_number,
        tax_identification_number = wanted.tax_identification_number,
        email = wanted.email,
        phone = wanted.phone,
        url = wanted.url,
        logo_url = wanted.logo_url,
        address_line1 = wanted.address_line1,
        address_line2 = wanted.address_line2,
        city = wanted.city,
        zipcode = wanted.zipcode,
        state = wanted.state,
        country = wanted.country,
        currency = wanted.currency,
        timezone = wanted.timezone,
        net_payment_term = wanted.net_payment_term,
        external_salesforce_id = wanted.external_salesforce_id,
        finalize_zero_amount_invoice = wanted.finalize_zero_amount_invoice,
        invoice_grace_period = wanted.invoice_grace_period,
        document_locale = wanted.document_locale,
        subscription_invoice_issuing_date_anchor = wanted.subscription_invoice_issuing_date_anchor,
        subscription_invoice_issuing_date_adjustment = wanted.subscription_invoice_issuing_date_adjustment,
        skip_invoice_custom_sections = wanted.skip_invoice_custom_sections,
        version = stored.version + 1,
        updated_at = greatest(now(), stored.updated_at)
    FROM changed
    JOIN customers_customer stored ON stored.id = changed.stored_id
    CROSS JOIN LATERAL jsonb_populate_record(stored, changed.wanted) AS wanted
    WHERE customer.id = changed.stored_id
    RETURNING customer.*
),

-- 7. The newcomers and their numbers: last of all, because the counter's row stays locked until
-- the commit.
newcomer AS MATERIALIZED (
    SELECT changed.customer_id, changed.wanted, row_number() OVER (ORDER BY changed.n) AS place
    FROM changed
    WHERE changed.is_new {after_the_parts}
),
counted AS MATERIALIZED (
    UPDATE customers_customercounter counter SET
        last_number = counter.last_number + newcomers.count,
        kept = counter.kept + newcomers.count
    FROM (SELECT count(*) FROM newcomer) newcomers
    WHERE counter.organization_id = %(organization)s::uuid AND newcomers.count > 0
    RETURNING counter.last_number - newcomers.count AS last_number
),
inserted AS (
    INSERT INTO customers_customer
    SELECT wanted.*
    FROM newcomer
    JOIN counted ON true
    JOIN billing_organization organization ON organization.id = %(organization)s::uuid
    CROSS JOIN LATERAL (SELECT counted.last_number + newcomer.place AS number) number
    JOIN wish ON wish.customer_id = newcomer.customer_id
    CROSS JOIN LATERAL jsonb_populate_record(
        NULL::customers_customer,
        jsonb_build_object(
            'account_type', 'customer',
            'finalize_zero_amount_invoice', 'inherit',
            'skip_invoice_custom_sections', false
        ) || newcomer.wanted || jsonb_build_object(
            'id', newcomer.customer_id,
            'organization_id', %(organization)s::uuid,
            'external_id', wish.external_id,
            'sequential_id', number.number,
            'slug', organization.document_number_prefix || '-'
                || lpad(number.number::text, greatest(3, length(number.number::text)), '0'),
            'version', 1,
            'created_at', now(),
            'updated_at', now()
        )
    ) AS wanted
    RETURNING *
)
