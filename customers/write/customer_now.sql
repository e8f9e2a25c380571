-- The customer as this statement leaves it, for the JSON form.
customer AS MATERIALIZED (
    SELECT * FROM updated
    UNION ALL
    SELECT * FROM inserted
    UNION ALL
    SELECT stored.*
    FROM wish
    JOIN customers_customer stored ON stored.id = wish.stored_id
    WHERE NOT EXISTS (SELECT FROM record) AND NOT EXISTS (SELECT FROM problem)
)
