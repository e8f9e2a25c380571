-- One customer, by the caller's own id for it.
WITH
chosen AS MATERIALIZED (
    SELECT * FROM customers_customer
    WHERE organization_id = %(organization)s AND external_id = %(external_id)s AND deleted_at IS NULL
),
{form}
SELECT customers_tag(id, version), json::text FROM form
