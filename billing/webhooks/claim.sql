-- The deliveries to make now: what is due, of each endpoint a fair share, and never two at a time
-- for one customer at one endpoint. Runs after claim_lock.sql, so that it sees every other claim; one
-- that is not settled in time, because its worker died, is given to somebody else.
WITH busy AS MATERIALIZED (
    SELECT endpoint_id, count(*) AS calls
    FROM billing_delivery
    WHERE claimed_until > statement_timestamp()
    GROUP BY endpoint_id
),
chosen AS MATERIALIZED (
    SELECT due.id
    FROM billing_webhookendpoint endpoint
    LEFT JOIN busy ON busy.endpoint_id = endpoint.id
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (delivery.object_id) delivery.id, delivery.due_at
        FROM (
            SELECT id, object_id, due_at, event_id
            FROM billing_delivery
            WHERE endpoint_id = endpoint.id
              AND status IN ('pending', 'retrying')
              AND due_at <= statement_timestamp()
              AND (claimed_until IS NULL OR claimed_until <= statement_timestamp())
            ORDER BY due_at
            LIMIT 4 * %(share)s::int
        ) delivery
        WHERE NOT EXISTS (
            SELECT FROM billing_delivery other
            WHERE other.endpoint_id = endpoint.id
              AND other.object_id = delivery.object_id
              AND other.claimed_until > statement_timestamp()
        )
        ORDER BY delivery.object_id, delivery.event_id
        LIMIT greatest(0, %(share)s::int - coalesce(busy.calls, 0))
    ) due
    WHERE endpoint.paused_at IS NULL
    ORDER BY due.due_at
    LIMIT %(room)s::int
),
claimed AS (
    UPDATE billing_delivery
    SET claimed_until = statement_timestamp() + interval '60 seconds'
    WHERE id = ANY (ARRAY(SELECT id FROM chosen))
    RETURNING id, organization_id, attempts, url, endpoint_id, event_id
)
-- Looked up one by one: a plan that joins was made while the tables were small, and kept.
SELECT claimed.id, claimed.organization_id, claimed.attempts,
    coalesce(claimed.url, endpoint.webhook_url), endpoint.signature_algo, endpoint.with_changes,
    event.id, event.event_type, event.object_type, event.snapshot, event.record_id
FROM claimed
CROSS JOIN LATERAL (
    SELECT * FROM billing_webhookendpoint WHERE id = claimed.endpoint_id OFFSET 0
) endpoint
CROSS JOIN LATERAL (SELECT * FROM billing_event WHERE id = claimed.event_id OFFSET 0) event
