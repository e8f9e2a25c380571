-- 6. The record of each change.
recorded AS (
    INSERT INTO billing_changerecord
        (organization_id, resource, object_id, action, door, actor_id, actor_name, reason, batch_id, changes, at)
    SELECT %(organization)s::uuid, 'customer', changed.customer_id,
        CASE WHEN changed.is_new THEN 'created' ELSE 'updated' END,
        %(door)s::text, %(actor_id)s::text, %(actor_name)s::text, %(reason)s::text, %(batch)s::uuid,
        changed.changes, now()
    FROM changed
    ORDER BY changed.n
    RETURNING 1
),

-- 7. The numbers of the newcomers; the counter's row stays locked until the commit.
counted AS MATERIALIZED (
    SELECT customers_take_numbers(%(organization)s::uuid, newcomers.count) AS first_number
    FROM (SELECT count(*) FROM changed WHERE is_new) newcomers
    WHERE newcomers.count > 0
),

-- 8. The customers. A newcomer whose external_id somebody else has just taken breaks the unique
-- index here, and the whole write is done again.
put_customer AS (
    INSERT INTO customers_customer
    SELECT wanted.*
    FROM changed
    LEFT JOIN counted ON changed.is_new
    JOIN billing_organization organization ON organization.id = %(organization)s::uuid
    CROSS JOIN LATERAL (SELECT (counted.first_number + changed.place - 1)::text AS number) number
    CROSS JOIN LATERAL jsonb_populate_record(
        NULL::customers_customer,
        CASE WHEN changed.is_new THEN jsonb_build_object(
            'id', changed.customer_id,
            'organization_id', %(organization)s::uuid,
            'external_id', changed.sent ->> 'external_id',
            'account_type', 'customer',
            'finalize_zero_amount_invoice', 'inherit',
            'skip_invoice_custom_sections', false,
            'sequential_id', number.number,
            'slug', organization.document_number_prefix || '-'
                || lpad(number.number, greatest(3, length(number.number)), '0'),
            'created_at', now()
        ) ELSE changed.stored END
        || (changed.sent -> 'fields')
        || coalesce(changed.sent -> 'configuration', '{}')
        || jsonb_build_object(
            'billing_entity_id', changed.entity_id,
            'version', coalesce((changed.stored ->> 'version')::integer, 0) + 1,
            'updated_at', greatest(now(), (changed.stored ->> 'updated_at')::timestamptz)
        )
    ) AS wanted
    ON CONFLICT (id) DO UPDATE SET
        billing_entity_id = excluded.billing_entity_id,
        account_type = excluded.account_type,
        customer_type = excluded.customer_type,
        name = excluded.name,
        firstname = excluded.firstname,
        lastname = excluded.lastname,
        legal_name = excluded.legal_name,
        legal_number = excluded.legal_number,
        tax_identification_number = excluded.tax_identification_number,
        email = excluded.email,
        phone = excluded.phone,
        url = excluded.url,
        logo_url = excluded.logo_url,
        address_line1 = excluded.address_line1,
        address_line2 = excluded.address_line2,
        city = excluded.city,
        zipcode = excluded.zipcode,
        state = excluded.state,
        country = excluded.country,
        currency = excluded.currency,
        timezone = excluded.timezone,
        net_payment_term = excluded.net_payment_term,
        external_salesforce_id = excluded.external_salesforce_id,
        finalize_zero_amount_invoice = excluded.finalize_zero_amount_invoice,
        invoice_grace_period = excluded.invoice_grace_period,
        document_locale = excluded.document_locale,
        subscription_invoice_issuing_date_anchor = excluded.subscription_invoice_issuing_date_anchor,
        subscription_invoice_issuing_date_adjustment = excluded.subscription_invoice_issuing_date_adjustment,
        skip_invoice_custom_sections = excluded.skip_invoice_custom_sections,
        version = excluded.version,
        updated_at = excluded.updated_at
    RETURNING *
)
