-- What became of the calls: each delivery moves on, each call is kept, each endpoint is judged.
WITH result AS MATERIALIZED (
    SELECT *
    FROM unnest(
        %(ids)s::uuid[], %(milliseconds)s::int[], %(statuses)s::int[], %(errors)s::text[],
        %(answers)s::text[], %(successes)s::boolean[], %(delays)s::float8[]
    ) AS result (id, milliseconds, status, error, answer, is_success, delay)
),
settled AS (
    UPDATE billing_delivery
    SET attempts = attempts + 1,
        claimed_until = NULL,
        status = CASE
            WHEN result.is_success THEN 'succeeded'
            WHEN result.delay IS NULL THEN 'failed'
            ELSE 'retrying'
        END,
        due_at = now() + make_interval(secs => result.delay),
        finished_at = CASE WHEN result.is_success OR result.delay IS NULL THEN now() END
    FROM result
    WHERE billing_delivery.id = ANY (%(ids)s::uuid[])
      AND billing_delivery.id = result.id
      -- Not as the index of those that wait has it: a plan made while none did would read it all.
      AND billing_delivery.status NOT IN ('succeeded', 'failed')
    RETURNING billing_delivery.id, endpoint_id, url
),
kept AS (
    INSERT INTO billing_attempt (delivery_id, at, milliseconds, status, error, answer)
    SELECT result.id, now() - make_interval(secs => result.milliseconds / 1000.0), result.milliseconds,
        result.status, result.error, result.answer
    FROM result
    JOIN settled ON settled.id = result.id
    RETURNING 1
),
judged AS (
    SELECT settled.endpoint_id, bool_or(result.is_success) AS works, bool_or(result.status = 410) AS is_gone
    FROM settled
    JOIN result ON result.id = settled.id
    WHERE settled.url IS NULL -- a replay to elsewhere says nothing about the endpoint
    GROUP BY settled.endpoint_id
)
UPDATE billing_webhookendpoint endpoint
SET failing_since = CASE WHEN judged.works THEN NULL ELSE coalesce(endpoint.failing_since, now()) END,
    paused_at = CASE
        WHEN judged.is_gone OR endpoint.failing_since < now() - %(patience)s::interval THEN now()
        ELSE endpoint.paused_at
    END,
    pause_reason = CASE
        WHEN judged.is_gone THEN 'gone'
        WHEN endpoint.failing_since < now() - %(patience)s::interval THEN 'failing'
        ELSE endpoint.pause_reason
    END
FROM judged
WHERE endpoint.id = judged.endpoint_id
  -- Written only if it changes: a busy endpoint that works is not touched at every call.
  AND (NOT judged.works OR endpoint.failing_since IS NOT NULL)
  AND (judged.is_gone OR NOT judged.works OR endpoint.failing_since IS NOT NULL)
RETURNING endpoint.id
