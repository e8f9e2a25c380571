-- The customers that one batch changed become the items of another, the last changed first: an
-- external id that was freed and taken again is then freed before it is given back.
WITH
touched AS MATERIALIZED (
    SELECT object_id, max(id) AS last_record
    FROM billing_changerecord
    WHERE organization_id = %(organization)s::uuid AND batch_id = %(undone)s::uuid
      AND resource = 'customer'
    GROUP BY object_id
),
put AS (
    INSERT INTO customers_batchitem (batch_id, position, customer_id, version)
    SELECT %(batch)s::uuid, row_number() OVER (ORDER BY touched.last_record DESC),
        customer.id, customer.version
    FROM touched
    JOIN customers_customer customer
        ON customer.organization_id = %(organization)s::uuid AND customer.id = touched.object_id
    RETURNING 1
)
SELECT count(*) FROM put
