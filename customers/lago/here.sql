-- Customers by the caller's own ids for them, whole.
WITH
chosen AS MATERIALIZED (
    SELECT * FROM customers_customer
    WHERE organization_id = %(organization)s::uuid
      AND external_id = ANY (%(external_ids)s::text[])
      AND deleted_at IS NULL
),
{form}
SELECT json::text FROM form
