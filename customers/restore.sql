-- Take deleted customers back, all that are asked for or none; `kept.sql` is the rest of it.
-- Whoever takes an external id meanwhile is found out by the unique index.
WITH
chosen AS MATERIALIZED (
    SELECT * FROM customers_customer
    WHERE organization_id = %(organization)s::uuid AND id = ANY (%(ids)s::uuid[])
    ORDER BY id
    FOR NO KEY UPDATE
),
victim AS MATERIALIZED (
    SELECT asked.n, chosen.id,
        CASE
            WHEN chosen.id IS NULL OR row_number() OVER (PARTITION BY asked.id ORDER BY asked.n) > 1
                THEN 'unknown'
            WHEN chosen.deleted_at IS NULL THEN 'kept'
            WHEN holder.id IS NOT NULL
                OR row_number() OVER (PARTITION BY chosen.external_id ORDER BY asked.n) > 1
                THEN 'taken'
        END AS problem
    FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS asked (id, n)
    LEFT JOIN chosen ON chosen.id = asked.id
    LEFT JOIN customers_customer holder
        ON holder.organization_id = %(organization)s::uuid
        AND holder.external_id = chosen.external_id
        AND holder.deleted_at IS NULL
),
allowed AS MATERIALIZED (SELECT count(problem) = 0 AS yes FROM victim),
{kept}
SELECT n::int, problem FROM victim WHERE problem IS NOT NULL ORDER BY n
