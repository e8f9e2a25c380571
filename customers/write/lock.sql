-- Holds what the next look will see: the configuration (taxes, entities, connections, sections),
-- shared with other writers, then the customers that exist, in one order.
WITH
frozen AS MATERIALIZED (
    -- As a uuid first: its text has hyphens however the value was sent.
    SELECT pg_advisory_xact_lock_shared(8401, hashtext(%(organization)s::uuid::text))
)
SELECT customer.id
FROM customers_customer customer
-- Asked for on its own: joined, it would be skipped where no customer exists yet.
WHERE (SELECT count(*) FROM frozen) = 1
  AND customer.organization_id = %(organization)s::uuid
  AND customer.external_id = ANY (string_to_array(%(external_ids)s::text, E'\x1f'))
  AND customer.deleted_at IS NULL
ORDER BY customer.id
FOR NO KEY UPDATE OF customer
