-- Hold customers, deleted or not, in the order every writer locks: the configuration, shared, then
-- customers by id. What comes after in the transaction sees what is true under these locks.
WITH
frozen AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(8401, hashtext(%(organization)s::uuid::text))
)
SELECT id, external_id, version, deleted_at IS NOT NULL AS is_deleted
FROM customers_customer
WHERE (SELECT count(*) FROM frozen) = 1
  AND organization_id = %(organization)s::uuid
  AND id = ANY (%(ids)s::uuid[])
ORDER BY id
FOR NO KEY UPDATE
