-- Pairs of an organization's kept customers that share a tax number, an e-mail address, or name and
-- place: each with the oldest of those that share it. Whoever asks reads all customers, so nobody
-- asks while somebody waits; what is found is bounded.
WITH
-- 1. What several customers have, the latest news first.
value (kind, one, city, country) AS MATERIALIZED (
    (
        SELECT
            'tax_number', regexp_replace(upper(tax_identification_number), '[^0-9A-Z]', '', 'g'),
            NULL, NULL
        FROM customers_customer
        WHERE organization_id = %(organization)s AND deleted_at IS NULL
          AND regexp_replace(upper(tax_identification_number), '[^0-9A-Z]', '', 'g') <> ''
        GROUP BY 2
        HAVING count(*) > 1
        ORDER BY max(created_at) DESC
        LIMIT %(most)s
    )
    UNION ALL
    (
        SELECT 'email', lower(email), NULL, NULL
        FROM customers_customer
        WHERE organization_id = %(organization)s AND deleted_at IS NULL AND email <> ''
        GROUP BY 2
        HAVING count(*) > 1
        ORDER BY max(created_at) DESC
        LIMIT %(most)s
    )
    UNION ALL
    (
        SELECT 'name', {sort_name}, lower(city), coalesce(country, '')
        FROM customers_customer
        WHERE organization_id = %(organization)s AND deleted_at IS NULL AND city <> ''
        GROUP BY 2, 3, 4
        HAVING count(*) > 1
        ORDER BY max(created_at) DESC
        LIMIT %(most)s
    )
),
-- 2. Who has it: a few of them, by index.
member AS (
    SELECT value.*, found.id, found.created_at
    FROM value
    CROSS JOIN LATERAL (
        SELECT id, created_at
        FROM customers_customer
        WHERE organization_id = %(organization)s AND deleted_at IS NULL
          AND regexp_replace(upper(tax_identification_number), '[^0-9A-Z]', '', 'g') = value.one
        LIMIT %(sharing)s
    ) found
    WHERE value.kind = 'tax_number'
    UNION ALL
    SELECT value.*, found.id, found.created_at
    FROM value
    CROSS JOIN LATERAL (
        SELECT id, created_at
        FROM customers_customer
        WHERE organization_id = %(organization)s AND deleted_at IS NULL
          AND lower(email) = value.one
        LIMIT %(sharing)s
    ) found
    WHERE value.kind = 'email'
    UNION ALL
    SELECT value.*, found.id, found.created_at
    FROM value
    CROSS JOIN LATERAL (
        SELECT id, created_at
        FROM customers_customer
        WHERE organization_id = %(organization)s AND deleted_at IS NULL
          AND {sort_name} COLLATE "C" = value.one
          AND lower(city) = value.city AND coalesce(country, '') = value.country
        LIMIT %(sharing)s
    ) found
    WHERE value.kind = 'name'
),
-- 3. Each beside the oldest of them.
pair AS (
    SELECT
        first_value(id) OVER sharing AS first_id, id AS second_id,
        first_value(created_at) OVER sharing, created_at
    FROM member
    WINDOW sharing AS (PARTITION BY kind, one, city, country ORDER BY created_at, id DESC)
)
-- 4. Those that nobody knows yet, as far as there is room.
INSERT INTO customers_duplicatepair (organization_id, first_id, second_id)
SELECT %(organization)s, first_id, second_id
FROM pair
WHERE first_id <> second_id
  AND NOT EXISTS (
      SELECT FROM customers_duplicatepair known
      WHERE known.first_id = pair.first_id AND known.second_id = pair.second_id
  )
GROUP BY first_id, second_id
ORDER BY max(created_at)
LIMIT %(room)s
ON CONFLICT DO NOTHING
