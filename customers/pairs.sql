-- Pairs of an organization's kept customers that share a tax number, an e-mail address, or name and
-- place: each with the oldest of those that share it. Whoever asks reads all customers, so nobody
-- asks while somebody waits; what is found is bounded.
WITH
-- 1. What kept customers may share. Not materialized: each look at it below has an index of its own.
kept AS NOT MATERIALIZED (
    SELECT id, created_at,
        regexp_replace(upper(tax_identification_number), '[^0-9A-Z]', '', 'g') AS tax_number,
        lower(email) AS email,
        {sort_name} AS name, lower(city) AS city, coalesce(country, '') AS country
    FROM customers_customer
    WHERE organization_id = %(organization)s AND deleted_at IS NULL
),
-- 2. What several of them do share, the latest news first.
value (kind, one, city, country) AS MATERIALIZED (
    (
        SELECT 'tax_number', tax_number, NULL, NULL
        FROM kept
        WHERE tax_number <> ''
        GROUP BY tax_number
        HAVING count(*) > 1
        ORDER BY max(created_at) DESC
        LIMIT %(most)s
    )
    UNION ALL
    (
        SELECT 'email', email, NULL, NULL
        FROM kept
        WHERE email <> ''
        GROUP BY email
        HAVING count(*) > 1
        ORDER BY max(created_at) DESC
        LIMIT %(most)s
    )
    UNION ALL
    (
        SELECT 'name', name, city, country
        FROM kept
        WHERE city <> ''
        GROUP BY name, city, country
        HAVING count(*) > 1
        ORDER BY max(created_at) DESC
        LIMIT %(most)s
    )
),
-- 3. Who shares it: a few of them, by index.
member AS (
    SELECT value.*, found.id, found.created_at
    FROM value
    CROSS JOIN LATERAL (
        SELECT id, created_at FROM kept WHERE tax_number = value.one LIMIT %(sharing)s
    ) found
    WHERE value.kind = 'tax_number'
    UNION ALL
    SELECT value.*, found.id, found.created_at
    FROM value
    CROSS JOIN LATERAL (
        SELECT id, created_at FROM kept WHERE email = value.one LIMIT %(sharing)s
    ) found
    WHERE value.kind = 'email'
    UNION ALL
    SELECT value.*, found.id, found.created_at
    FROM value
    CROSS JOIN LATERAL (
        SELECT id, created_at
        FROM kept
        WHERE name COLLATE "C" = value.one
          AND city = value.city AND country = value.country
        LIMIT %(sharing)s
    ) found
    WHERE value.kind = 'name'
),
-- 4. Each beside the oldest of them.
pair AS (
    SELECT
        first_value(id) OVER sharing AS first_id, id AS second_id,
        first_value(created_at) OVER sharing, created_at
    FROM member
    WINDOW sharing AS (PARTITION BY kind, one, city, country ORDER BY created_at, id DESC)
)
-- 5. Those that nobody knows yet, as far as there is room.
INSERT INTO customers_duplicatepair (organization_id, first_id, second_id)
SELECT %(organization)s, first_id, second_id
FROM pair
WHERE first_id <> second_id
  AND NOT EXISTS (
      SELECT FROM customers_duplicatepair known
      WHERE known.first_id = pair.first_id AND known.second_id = pair.second_id
  )
GROUP BY first_id, second_id
ORDER BY max(created_at), second_id DESC
LIMIT %(room)s
ON CONFLICT DO NOTHING
