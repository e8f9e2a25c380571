-- Writes what was decided, all or nothing: the rows are those that were looked at, or none is touched.

-- :frozen
-- What the customers come to point to still stands, and will until the commit.
frozen AS MATERIALIZED (
    SELECT customers_may_link(%(organization)s::uuid, string_to_array(%(links)s::text, E'\x1f')::uuid[]) AS stands
),

-- :columns
billing_entity_id, account_type, customer_type, name, firstname, lastname, legal_name, legal_number,
tax_identification_number, email, phone, url, logo_url, address_line1, address_line2, city, zipcode,
state, country, currency, timezone, net_payment_term, external_salesforce_id,
finalize_zero_amount_invoice, invoice_grace_period, document_locale,
subscription_invoice_issuing_date_anchor, subscription_invoice_issuing_date_adjustment,
skip_invoice_custom_sections

-- :one
wanted AS NOT MATERIALIZED (
    SELECT 0 AS n, %(id)s::uuid AS id, %(version)s::int IS NULL AS is_new, %(version)s::int AS version,
        %(fields)s::jsonb AS fields, %(changes)s::jsonb AS changes
)

-- :many
wanted AS MATERIALIZED (
    SELECT item.n, item.id, item.version IS NULL AS is_new, item.version, item.fields, item.changes
    FROM json_to_recordset(%(customers)s::json) AS item (n int, id uuid, version int, fields jsonb, changes jsonb)
)

-- :hold
-- Many: in one order everywhere. Whoever waits here sees the version that the other one left.
held AS MATERIALIZED (
    SELECT customer.id
    FROM wanted
    JOIN customers_customer customer
        ON customer.id = wanted.id AND customer.version = wanted.version AND customer.deleted_at IS NULL
    WHERE {stands}
    ORDER BY customer.id
    FOR NO KEY UPDATE OF customer
)

-- :held
(SELECT count(*) FROM held) = (SELECT count(*) FROM wanted WHERE NOT is_new)

-- :record
target AS (
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

-- :if_unmoved
-- One: its row needs no order. Whoever waits for it sees the version that the other one left.
customer.version = wanted.version AND customer.deleted_at IS NULL AND {stands}

-- :update
updated AS (
    UPDATE customers_customer customer SET
        version = customer.version + 1,
        updated_at = greatest(now(), customer.updated_at),
        ({columns}) = (SELECT {new_columns} FROM jsonb_populate_record(customer, {known}.fields) AS new)
    FROM {known}
    WHERE customer.id = {known}.id AND {if_unmoved}
    RETURNING {known}.n, customer.id, customer.version, customer.updated_at
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
        SELECT count(*), count(newcomer.sequential_id) AS numbered,
            coalesce(max(newcomer.sequential_id), 0) AS highest
        FROM json_to_recordset(%(newcomers)s::json) AS newcomer (id uuid, sequential_id bigint)
        JOIN target ON target.id = newcomer.id
    ) newcomers
    WHERE newcomers.count > 0
)

-- :place
newcomer.ordinality

-- :place_kept
count(*) FILTER (WHERE newcomer.sequential_id IS NULL) OVER (ORDER BY newcomer.ordinality)

-- :create
-- As json, not jsonb: each is read once, straight into the columns. A newcomer whose external_id
-- somebody else has just taken breaks the unique index here, and the whole write is done again.
inserted AS (
    INSERT INTO customers_customer (
        id, organization_id, external_id, sequential_id, slug, version, created_at, updated_at,
        {columns}
    )
    SELECT new.id, %(organization)s::uuid, new.external_id, number.number,
        coalesce(new.slug, organization.document_number_prefix || '-'
            || lpad(number.number::text, greatest(3, length(number.number::text)), '0')),
        1, coalesce(new.created_at, now()), now(),
        {new_columns}
    FROM counted
    JOIN billing_organization organization ON organization.id = %(organization)s::uuid
    CROSS JOIN (
        SELECT newcomer.*, {place} AS place
        FROM json_populate_recordset(NULL::customers_customer, %(newcomers)s::json) WITH ORDINALITY AS newcomer
    ) new
    CROSS JOIN LATERAL (SELECT coalesce(new.sequential_id, counted.first_number + new.place - 1) AS number) number
    RETURNING id, version, updated_at
),
created AS (
    SELECT target.n, inserted.* FROM inserted JOIN target ON target.id = inserted.id
)

-- :outcome
SELECT n, id::text, version, to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS updated_at
FROM {written}
