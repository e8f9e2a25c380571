-- The customers that may be the one described: a few candidates from each index, then judged. What
-- is read does not grow with the number of customers.
WITH
candidate (id, reason, rank) AS (
    (
        SELECT id, 'tax_identification_number', 1
        FROM customers_customer
        WHERE organization_id = %(organization)s::uuid AND deleted_at IS NULL
          AND regexp_replace(upper(tax_identification_number), '[^0-9A-Z]', '', 'g')
              = %(tax_number)s::text
        LIMIT 20
    )
    UNION ALL
    (
        SELECT id, 'email', 2
        FROM customers_customer
        WHERE organization_id = %(organization)s::uuid AND deleted_at IS NULL
          AND lower(email) = %(email)s::text
        LIMIT 20
    )
    UNION ALL
    SELECT id, 'name', 3
    FROM (
        -- The neighbors in the order of the alphabet: names that begin alike stand together.
        (
            SELECT id, name, legal_name, city, country
            FROM customers_customer
            WHERE organization_id = %(organization)s::uuid AND deleted_at IS NULL
              AND {sort_name} COLLATE "C" >= %(sort_name)s::text
            ORDER BY {sort_name} COLLATE "C"
            LIMIT 40
        )
        UNION ALL
        (
            SELECT id, name, legal_name, city, country
            FROM customers_customer
            WHERE organization_id = %(organization)s::uuid AND deleted_at IS NULL
              AND {sort_name} COLLATE "C" < %(sort_name)s::text
            ORDER BY {sort_name} COLLATE "C" DESC
            LIMIT 40
        )
    ) AS neighbor
    WHERE greatest(
              similarity(translate(name, '.,''’', ''), %(plain_name)s::text),
              similarity(translate(legal_name, '.,''’', ''), %(plain_name)s::text)
          ) >= %(similar)s::real
      AND (%(city)s::text IS NULL OR city IS NULL OR lower(city) = %(city)s::text)
      AND (%(country)s::text IS NULL OR country IS NULL OR country = %(country)s::text)
),
found AS (
    SELECT id, array_agg(reason ORDER BY rank) AS reasons, min(rank) AS rank
    FROM candidate
    WHERE id IS DISTINCT FROM %(exclude)s::uuid
    GROUP BY id
)
SELECT
    customer.id, customer.external_id,
    coalesce(
        nullif(customer.legal_name, ''), nullif(customer.name, ''),
        nullif(concat_ws(' ', customer.firstname, customer.lastname), ''), customer.external_id
    ),
    customer.city, customer.country, found.reasons
FROM found
JOIN customers_customer customer
  ON customer.organization_id = %(organization)s::uuid AND customer.id = found.id
ORDER BY found.rank, customer.created_at, customer.id
LIMIT %(limit)s::int
