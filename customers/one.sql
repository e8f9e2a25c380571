-- One customer, by the caller's own id for it.
WITH
chosen AS (
    SELECT * FROM customers_customer
    WHERE organization_id = %(organization)s::uuid AND external_id = %(external_id)s::text
      AND deleted_at IS NULL
),
{form}
SELECT customers_tag(id, version), json::text FROM form
