-- One page of customers, in one statement: `total` rows there are, `found` are the page's and,
-- by cursor, the one that follows.
-- Blocks are headed `-- :name`; customers/page.py puts together what a query asks for.

-- :everyone
-- Nothing is filtered, so the counter knows how many there are, and ids come off the index alone,
-- read from the end that is nearer. The outer limit tells the planner that a page is short.
total AS MATERIALIZED (
    SELECT
        kept AS count,
        %(offset)s::bigint <= kept - %(offset)s::bigint - %(size)s::bigint AS is_near_start,
        least(%(size)s::bigint, kept - %(offset)s::bigint) AS rows,
        greatest(kept - %(offset)s::bigint - %(size)s::bigint, 0) AS offset_from_end
    FROM customers_customercounter
    WHERE organization_id = %(organization)s::uuid
),
found AS MATERIALIZED (
    SELECT * FROM (
        (
            SELECT customer.id, customer.created_at
            FROM customers_customer customer
            WHERE customer.organization_id = %(organization)s::uuid AND customer.deleted_at IS NULL
              AND (SELECT is_near_start FROM total)
            ORDER BY customer.created_at DESC, customer.id
            LIMIT %(size)s::bigint OFFSET %(offset)s::bigint
        )
        UNION ALL
        (
            SELECT customer.id, customer.created_at
            FROM customers_customer customer
            WHERE customer.organization_id = %(organization)s::uuid AND customer.deleted_at IS NULL
              AND (SELECT NOT is_near_start AND rows > 0 FROM total)
            ORDER BY customer.created_at, customer.id DESC
            LIMIT (SELECT greatest(rows, 0) FROM total) OFFSET (SELECT offset_from_end FROM total)
        )
    ) page
    LIMIT 1001
),

-- :everyone_after
-- The same by cursor: the rest of one moment, and what is older, each straight off the index.
total AS MATERIALIZED (
    SELECT kept AS count FROM customers_customercounter WHERE organization_id = %(organization)s::uuid
),
found AS MATERIALIZED (
    SELECT * FROM (
        (
            SELECT customer.id, customer.created_at
            FROM customers_customer customer
            WHERE customer.organization_id = %(organization)s::uuid AND customer.deleted_at IS NULL
              AND customer.created_at = %(after_time)s::timestamptz AND customer.id > %(after_id)s::uuid
            ORDER BY customer.id
            LIMIT %(size)s::bigint + 1
        )
        UNION ALL
        (
            SELECT customer.id, customer.created_at
            FROM customers_customer customer
            WHERE customer.organization_id = %(organization)s::uuid AND customer.deleted_at IS NULL
              AND customer.created_at < %(after_time)s::timestamptz
            ORDER BY customer.created_at DESC, customer.id
            LIMIT %(size)s::bigint + 1
        )
        ORDER BY created_at DESC, id
        LIMIT %(size)s::bigint + 1
    ) page
    LIMIT 1001
),

-- :sample
-- The index of trigrams has to look at the text of each customer it finds, which takes longer than
-- to read them all once more than one in eight is found. So some are looked at first, evenly spread.
sample AS MATERIALIZED (
    SELECT count(*) > 8 AS has_many
    FROM customers_customercounter counter
    CROSS JOIN generate_series(1, 64) place
    JOIN customers_customer customer
        ON customer.sequential_id = counter.last_number * place / 64
        AND customer.organization_id = counter.organization_id
    WHERE counter.organization_id = %(organization)s::uuid AND customer.deleted_at IS NULL{unindexed}
),

-- :hits
    SELECT customer.id, customer.created_at
    FROM customers_customer customer
    WHERE customer.organization_id = %(organization)s::uuid AND customer.deleted_at IS NULL{conditions}

-- :hits_of_sample
    SELECT customer.id, customer.created_at
    FROM customers_customer customer
    WHERE customer.organization_id = %(organization)s::uuid AND customer.deleted_at IS NULL{conditions}
      AND (SELECT NOT has_many FROM sample)
    UNION ALL
    SELECT customer.id, customer.created_at
    FROM customers_customer customer
    WHERE customer.organization_id = %(organization)s::uuid AND customer.deleted_at IS NULL{unindexed}
      AND (SELECT has_many FROM sample)

-- :filtered
-- All hits are found before any is sorted: they are to be counted anyway, and the planner can't
-- take the index of the order, which costs dearly where hits are rare.
entity AS MATERIALIZED (
    SELECT id FROM billing_billingentity
    WHERE organization_id = %(organization)s::uuid AND code = ANY (%(billing_entity_codes)s::text[])
),
{sample}hit AS MATERIALIZED (
{hits}),
total AS MATERIALIZED (SELECT count(*) FROM hit),
found AS MATERIALIZED (
    SELECT * FROM (
        SELECT id, created_at FROM hit
        WHERE {after}
        ORDER BY created_at DESC, id
        LIMIT %(size)s::bigint + %(more)s::bigint OFFSET %(offset)s::bigint
    ) page
    LIMIT 1001
),

-- :chosen
chosen AS MATERIALIZED (
    SELECT customer.*
    FROM (SELECT id FROM found ORDER BY created_at DESC, id LIMIT %(size)s::bigint) page
    JOIN customers_customer customer ON customer.id = page.id
),

-- :page
SELECT
    (SELECT count FROM total) AS total,
    (
        SELECT convert_to(string_agg(form.json::text, ',' ORDER BY form.created_at DESC, form.id), 'UTF8')
        FROM form
    ) AS list,
    last.created_at AS last_created_at,
    last.id AS last_id,
    {known_entities} AS known_entities
FROM (SELECT count(*) > %(size)s::bigint AS follow FROM found) others
LEFT JOIN LATERAL (
    SELECT created_at, id FROM found ORDER BY created_at DESC, id OFFSET %(size)s::bigint - 1 LIMIT 1
) last ON others.follow
