-- The oldest changes, taken off for good when the transaction commits. One taker at a time, so that
-- the changes of a customer stay in order; whoever comes second finds none.
WITH taker AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(8403, 1) AS is_alone
),
chosen AS MATERIALIZED (
    SELECT id
    FROM customers_mirrorchange
    WHERE (SELECT is_alone FROM taker)
      AND (put_off_until IS NULL OR put_off_until <= now())
    ORDER BY id
    LIMIT %(most)s::int
    FOR UPDATE SKIP LOCKED
)
DELETE FROM customers_mirrorchange change
USING chosen
WHERE change.id = chosen.id
RETURNING change.id, change.organization_id, change.customer_id, change.payment_provider_id,
    change.integration_id, change.paths, change.remote_id
