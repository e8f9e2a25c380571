-- Rows that name a customer whom another row names too, with the numbers of those others: nobody
-- but the file's owner knows which of them is right, so none of them counts.
WITH
named AS MATERIALIZED (
    SELECT number, cells ->> %(place)s::{place} AS external_id
    FROM customers_importrow
    WHERE intake_id = %(import)s::uuid AND flaws IS NULL
),
doubled AS MATERIALIZED (
    SELECT external_id, min(number) AS first, max(number) AS last
    FROM named
    WHERE external_id IS NOT NULL
    GROUP BY external_id
    HAVING count(*) > 1
),
marked AS (
    UPDATE customers_importrow row
    SET state = 'refused',
        problems = jsonb_build_array(jsonb_build_array(
            %(column)s::text, 'doubled',
            (CASE WHEN named.number = doubled.first THEN doubled.last ELSE doubled.first END)::text
        ))
    FROM named
    JOIN doubled USING (external_id)
    WHERE row.intake_id = %(import)s::uuid AND row.number = named.number
    RETURNING 1
)
SELECT count(*) FROM marked
