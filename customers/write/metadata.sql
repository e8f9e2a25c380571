-- Metadata (contract: customers.md 2.8): an item is matched by id, else by key among the entries
-- that no item claims by id; what no item matches goes.

-- :find
metadata_item AS MATERIALIZED (
    SELECT wish.n, wish.stored_id, wish.customer_id, item.item, item.position, claimed.id AS claimed_id,
        claimed.key, claimed.value, claimed.created_at
    FROM wish
    CROSS JOIN LATERAL jsonb_array_elements(wish.sent -> 'metadata') WITH ORDINALITY AS item (item, position)
    LEFT JOIN customers_customermetadata claimed
        ON claimed.customer_id = wish.stored_id AND claimed.id = (item.item ->> 'id')::uuid
),
stored_metadata AS MATERIALIZED (
    SELECT wish.n, entry.id, entry.key, entry.value, entry.display_in_invoice, entry.created_at
    FROM wish
    JOIN customers_customermetadata entry ON entry.customer_id = wish.stored_id
    WHERE wish.sent -> 'metadata' IS NOT NULL
),
wanted_metadata AS MATERIALIZED (
    SELECT
        item.n,
        coalesce(item.claimed_id, same_key.id, customers_ordered_id(item.position)) AS id,
        item.customer_id,
        coalesce(item.item ->> 'key', item.key) AS key,
        coalesce(item.item ->> 'value', item.value) AS value,
        coalesce((item.item ->> 'display_in_invoice')::boolean, false) AS display_in_invoice,
        coalesce(item.created_at, same_key.created_at, now()) AS created_at,
        item.claimed_id
    FROM metadata_item item
    LEFT JOIN stored_metadata same_key
        ON item.claimed_id IS NULL
        AND same_key.n = item.n
        AND same_key.key = item.item ->> 'key'
        AND NOT EXISTS (
            SELECT FROM metadata_item other WHERE other.n = item.n AND other.claimed_id = same_key.id
        )
)

-- :difference
SELECT n, 'metadata',
    coalesce(jsonb_agg(entry ORDER BY created_at, id) FILTER (WHERE side = 'old'), '[]'),
    coalesce(jsonb_agg(entry ORDER BY created_at, id) FILTER (WHERE side = 'new'), '[]')
FROM (
    SELECT n, 'old' AS side, id, created_at,
        jsonb_build_object('lago_id', id, 'key', key, 'value', value, 'display_in_invoice', display_in_invoice) AS entry
    FROM stored_metadata
    UNION ALL
    SELECT n, 'new', id, created_at,
        jsonb_build_object('lago_id', id, 'key', key, 'value', value, 'display_in_invoice', display_in_invoice)
    FROM wanted_metadata
) sides
GROUP BY n
HAVING jsonb_agg(entry ORDER BY created_at, id) FILTER (WHERE side = 'old')
    IS DISTINCT FROM jsonb_agg(entry ORDER BY created_at, id) FILTER (WHERE side = 'new')

-- :problem
SELECT found.n, 'invalid', rule.key, rule.code
FROM (
    SELECT n,
        count(claimed_id) > count(DISTINCT claimed_id) AS id_twice,
        bool_or(key IS NULL) AS no_key,
        bool_or(value IS NULL) AS no_value,
        count(key) > count(DISTINCT key) AS key_twice
    FROM wanted_metadata
    GROUP BY n
) found
CROSS JOIN LATERAL (
    VALUES
        ('id', 'value_already_exist', id_twice),
        ('key', 'value_is_mandatory', no_key),
        ('value', 'value_is_mandatory', no_value),
        ('key', 'value_already_exist', key_twice)
) AS rule (key, code, is_broken)
WHERE rule.is_broken

-- :put
removed_metadata AS (
    DELETE FROM customers_customermetadata entry
    USING stored_metadata stored, changed
    WHERE entry.id = stored.id AND changed.n = stored.n
      AND NOT EXISTS (SELECT FROM wanted_metadata wanted WHERE wanted.n = stored.n AND wanted.id = stored.id)
    RETURNING entry.id
),
put_metadata AS (
    INSERT INTO customers_customermetadata
        (id, organization_id, customer_id, key, value, display_in_invoice, created_at)
    SELECT wanted.id, %(organization)s::uuid, wanted.customer_id, wanted.key, wanted.value,
        wanted.display_in_invoice, wanted.created_at
    FROM wanted_metadata wanted
    JOIN changed ON changed.n = wanted.n
    WHERE NOT EXISTS (
        SELECT FROM stored_metadata stored
        WHERE (stored.n, stored.id, stored.key, stored.value, stored.display_in_invoice)
            = (wanted.n, wanted.id, wanted.key, wanted.value, wanted.display_in_invoice)
    )
    ON CONFLICT (id) DO UPDATE SET
        key = excluded.key, value = excluded.value, display_in_invoice = excluded.display_in_invoice
    RETURNING id
)

-- :now
metadata AS (SELECT * FROM wanted_metadata)
