-- Keeps which customers agree with which rows, if all that this was decided by still stands.
WITH {terms},
agreed AS (
    INSERT INTO customers_agreement AS agreement (customer_id, version, digest)
    SELECT customer.id, customer.version, sha256(row.digest || terms.mark)
    FROM terms
    CROSS JOIN json_to_recordset(%(agreed)s::json) AS item (number int, external_id text, version int)
    CROSS JOIN LATERAL (
        SELECT row.digest
        FROM customers_importrow row
        WHERE row.intake_id = %(import)s::uuid AND row.number = item.number AND row.digest IS NOT NULL
        LIMIT 1
    ) row
    CROSS JOIN LATERAL (
        SELECT customer.id, customer.version
        FROM customers_customer customer
        WHERE customer.organization_id = %(organization)s::uuid
          AND customer.external_id = item.external_id
          AND customer.version = item.version
          AND customer.deleted_at IS NULL
        LIMIT 1
    ) customer
    WHERE terms.mark = %(terms)s::bytea
    ON CONFLICT (customer_id) DO UPDATE SET version = excluded.version, digest = excluded.digest
    RETURNING 1
)
SELECT count(*) FROM agreed
