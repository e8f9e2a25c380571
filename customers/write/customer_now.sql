-- The customer as this statement leaves it, for the JSON form.
customer AS MATERIALIZED (
    SELECT * FROM put_customer
    UNION ALL
    SELECT stored.*
    FROM wish
    JOIN customers_customer stored ON stored.id = wish.stored_id
    WHERE NOT EXISTS (SELECT FROM record) AND NOT EXISTS (SELECT FROM problem)
)
