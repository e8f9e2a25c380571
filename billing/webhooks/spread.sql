-- A delivery for each endpoint that wanted to know, for the oldest events that have none yet.
WITH event AS (
    SELECT id, organization_id, object_id, endpoint_ids, created_at
    FROM billing_event
    WHERE spread_at IS NULL
    ORDER BY id
    LIMIT 500
    FOR UPDATE SKIP LOCKED
),
made AS (
    INSERT INTO billing_delivery
        (id, organization_id, endpoint_id, event_id, object_id, status, attempts, due_at, created_at)
    SELECT gen_random_uuid(), event.organization_id, endpoint.id, event.id, event.object_id, 'pending', 0,
        event.created_at, now()
    FROM event
    -- An endpoint that was deleted meanwhile is not told.
    JOIN billing_webhookendpoint endpoint ON endpoint.id = ANY (event.endpoint_ids)
    FOR KEY SHARE OF endpoint
    RETURNING 1
)
UPDATE billing_event
SET spread_at = now()
WHERE id = ANY (ARRAY(SELECT id FROM event))
RETURNING id
