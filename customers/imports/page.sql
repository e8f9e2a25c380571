-- The next rows of a file, in its order. Where a customer still is as a row just like this one left
-- or found it, `agrees` is its version, and the cells stay here: there is nothing to decide.
WITH {terms},
page AS MATERIALIZED (
    SELECT row.number, row.cells, row.digest, coalesce(row.flaws, row.problems) AS flaws, row.version, row.state
    FROM customers_importrow row
    WHERE row.intake_id = %(import)s::uuid AND row.number > %(after)s::int
    ORDER BY row.number
    LIMIT %(size)s::int
),
-- One by one, whatever a plan believes of the sizes of tables that are only being filled.
met AS MATERIALIZED (
    SELECT page.*, CASE WHEN page.state IS NULL THEN (
        SELECT customer.version
        FROM customers_customer customer
        JOIN customers_agreement agreement
            ON agreement.customer_id = customer.id AND agreement.version = customer.version
        WHERE customer.organization_id = %(organization)s::uuid
          AND customer.external_id = page.cells ->> %(place)s::{place}
          AND customer.deleted_at IS NULL
          AND agreement.digest = sha256(page.digest || terms.mark)
    ) END AS agrees
    FROM page
    CROSS JOIN terms
)
SELECT met.number, CASE WHEN met.agrees IS NULL THEN met.cells::text END,
    met.flaws::text, met.version, met.state, met.agrees, terms.mark
FROM met
CROSS JOIN terms
ORDER BY met.number
