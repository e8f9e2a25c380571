-- First of the two statements of a write; the second one then sees what is true under the locks.
-- The configuration (taxes, entities, connections, sections) is frozen, and the customers that
-- exist are locked in one order. Whoever creates a customer meanwhile is found out by the unique
-- index when this write inserts the same one, or, when it was committed before this write looks,
-- by the number of locks: a customer that is not locked must not be written.
WITH
frozen AS MATERIALIZED (
    -- As a uuid first: its text has hyphens however the value was sent.
    SELECT pg_advisory_xact_lock_shared(8401, hashtext(%(organization)s::uuid::text))
),
locked AS MATERIALIZED (
    SELECT customer.id
    FROM customers_customer customer
    -- Asked for on its own: joined, it would be skipped where no customer exists yet.
    WHERE (SELECT count(*) FROM frozen) = 1
      AND customer.organization_id = %(organization)s::uuid
      AND customer.external_id = ANY (string_to_array(%(external_ids)s::text, E'\x1f'))
      AND customer.deleted_at IS NULL
    ORDER BY customer.id
    FOR NO KEY UPDATE OF customer
)
SELECT set_config('tarn.locked_customers', count(*)::text, true) FROM locked
