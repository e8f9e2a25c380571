-- First of the two statements of a write; the second one then sees what is true under the locks.
-- The configuration (taxes, entities, connections, sections) is frozen, and the customers that
-- exist are locked in one order. Whoever creates a customer meanwhile is found out by the unique
-- index when this write inserts the same one.
WITH
frozen AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(8401, hashtext(%(organization)s::text))
),
locked AS MATERIALIZED (
    SELECT customer.id
    FROM frozen, customers_customer customer
    WHERE customer.organization_id = %(organization)s::uuid
      AND customer.external_id = ANY (string_to_array(%(external_ids)s::text, E'\x1f'))
      AND customer.deleted_at IS NULL
    ORDER BY customer.id
    FOR NO KEY UPDATE OF customer
)
SELECT count(*) FROM locked
