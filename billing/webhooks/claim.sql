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
)
UPDATE billing_delivery
SET claimed_until = statement_timestamp() + interval '60 seconds'
FROM chosen, billing_webhookendpoint endpoint, billing_event event
WHERE billing_delivery.id = chosen.id
  AND endpoint.id = billing_delivery.endpoint_id
  AND event.id = billing_delivery.event_id
RETURNING billing_delivery.id, billing_delivery.organization_id, billing_delivery.attempts,
    coalesce(billing_delivery.url, endpoint.webhook_url), endpoint.signature_algo, endpoint.with_changes,
    event.id, event.event_type, event.object_type, event.snapshot, event.record_id
