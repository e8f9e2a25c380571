-- Writes what was decided, all or nothing: the rows are those that were looked at, or none is touched.

-- :frozen
-- What the customers come to point to still stands, and will until the commit.
frozen AS MATERIALIZED (
    SELECT customers_may_link(%(organization)s::uuid, string_to_array(%(links)s::text, E'\x1f')::uuid[]) AS stands
),

-- :begin
wanted AS MATERIALIZED (
    SELECT item.n, coalesce(item.id, (item.identity ->> 'id')::uuid, customers_newest_first_id()) AS id,
        item.id IS NULL AS is_new, item.version, item.fields, item.changes, item.identity
    FROM jsonb_to_recordset(%(customers)s::jsonb) AS item (
        n int, id uuid, version int, fields jsonb, changes jsonb, identity jsonb
    )
)

-- :hold
-- In one order everywhere. Whoever waits here sees the version that the other one left.
held AS MATERIALIZED (
    SELECT wanted.n, wanted.fields, customer
    FROM wanted
    JOIN customers_customer customer
        ON customer.id = wanted.id AND customer.version = wanted.version AND customer.deleted_at IS NULL
    WHERE {stands}
    ORDER BY customer.id
    FOR NO KEY UPDATE OF customer
)

-- :unmoved
(SELECT count(*) FROM held) = (SELECT count(*) FROM wanted WHERE NOT is_new)

-- :record
target AS MATERIALIZED (
    SELECT wanted.*
    FROM wanted
    WHERE {stands} AND {unmoved}
),
recorded AS (
    INSERT INTO billing_changerecord
        (organization_id, resource, object_id, action, door, actor_id, actor_name, reason, batch_id, changes, at)
    SELECT %(organization)s::uuid, 'customer', target.id,
        CASE WHEN target.is_new THEN 'created' ELSE 'updated' END,
        %(door)s::text, %(actor_id)s::text, %(actor_name)s::text, %(reason)s::text, %(batch)s::uuid,
        target.changes, now()
    FROM target
    ORDER BY target.n
)

-- :update
updated AS (
    UPDATE customers_customer customer SET
        version = customer.version + 1,
        updated_at = greatest(now(), customer.updated_at),
        billing_entity_id = new.billing_entity_id,
        account_type = new.account_type,
        customer_type = new.customer_type,
        name = new.name,
        firstname = new.firstname,
        lastname = new.lastname,
        legal_name = new.legal_name,
        legal_number = new.legal_number,
        tax_identification_number = new.tax_identification_number,
        email = new.email,
        phone = new.phone,
        url = new.url,
        logo_url = new.logo_url,
        address_line1 = new.address_line1,
        address_line2 = new.address_line2,
        city = new.city,
        zipcode = new.zipcode,
        state = new.state,
        country = new.country,
        currency = new.currency,
        timezone = new.timezone,
        net_payment_term = new.net_payment_term,
        external_salesforce_id = new.external_salesforce_id,
        finalize_zero_amount_invoice = new.finalize_zero_amount_invoice,
        invoice_grace_period = new.invoice_grace_period,
        document_locale = new.document_locale,
        subscription_invoice_issuing_date_anchor = new.subscription_invoice_issuing_date_anchor,
        subscription_invoice_issuing_date_adjustment = new.subscription_invoice_issuing_date_adjustment,
        skip_invoice_custom_sections = new.skip_invoice_custom_sections
    FROM held
    JOIN target ON target.n = held.n
    CROSS JOIN LATERAL jsonb_populate_record(held.customer, held.fields) AS new
    WHERE customer.id = new.id
    RETURNING held.n, customer.id, customer.version, customer.updated_at
)

-- :take_numbers
-- The counter's row stays locked until the commit; last, and before the unique index is touched.
counted AS MATERIALIZED (
    SELECT customers_take_numbers(%(organization)s::uuid, newcomers.count) AS first_number
    FROM (SELECT count(*) FROM target WHERE is_new) newcomers
    WHERE newcomers.count > 0
)

-- :keep_numbers
-- The same, where some bring their numbers along: the next ones follow the highest of them.
counted AS MATERIALIZED (
    SELECT customers_keep_numbers(
        %(organization)s::uuid, newcomers.numbered, newcomers.highest, newcomers.count - newcomers.numbered
    ) AS first_number
    FROM (
        SELECT count(*), count(identity) AS numbered,
            coalesce(max((identity ->> 'sequential_id')::bigint), 0) AS highest
        FROM target
        WHERE is_new
    ) newcomers
    WHERE newcomers.count > 0
)

-- :create
-- A newcomer whose external_id somebody else has just taken breaks the unique index here, and the
-- whole write is done again.
inserted AS (
    INSERT INTO customers_customer
    SELECT new.*
    FROM counted
    CROSS JOIN (
        SELECT *, row_number() OVER (PARTITION BY identity IS NULL ORDER BY n) AS place
        FROM target
        WHERE is_new
    ) newcomer
    JOIN billing_organization organization ON organization.id = %(organization)s::uuid
    CROSS JOIN LATERAL (SELECT (counted.first_number + newcomer.place - 1)::text AS number) number
    CROSS JOIN LATERAL jsonb_populate_record(
        NULL::customers_customer,
        jsonb_build_object(
            'account_type', 'customer',
            'finalize_zero_amount_invoice', 'inherit',
            'skip_invoice_custom_sections', false
        )
        || newcomer.fields
        || jsonb_build_object(
            'id', newcomer.id,
            'organization_id', %(organization)s::uuid,
            'sequential_id', number.number,
            'slug', organization.document_number_prefix || '-'
                || lpad(number.number, greatest(3, length(number.number)), '0'),
            'version', 1,
            'created_at', now(),
            'updated_at', now()
        )
        || coalesce(newcomer.identity, '{}')
    ) AS new
    RETURNING id, version, updated_at
),
created AS (
    SELECT target.n, inserted.* FROM inserted JOIN target ON target.id = inserted.id
)

-- :outcome
SELECT n, id::text, version, to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS updated_at
FROM {written}
