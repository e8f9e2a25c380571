-- What is to be done at mirrors that are held, and what failed; a job for each where nothing was to
-- be done before.
WITH new AS MATERIALIZED (
    SELECT *
    FROM jsonb_to_recordset(%(mirrors)s::jsonb) AS new (
        id uuid, state text, todo jsonb, attempts int, throttled int, next_try_at timestamptz, failed_step text,
        error_message text, error_code text, error_request_id text, error_at timestamptz, is_to_begin boolean
    )
),
kept AS (
    UPDATE customers_mirror mirror
    SET state = new.state,
        todo = array(SELECT jsonb_array_elements_text(new.todo)),
        attempts = new.attempts,
        throttled = new.throttled,
        next_try_at = new.next_try_at,
        failed_step = new.failed_step,
        error_message = new.error_message,
        error_code = new.error_code,
        error_request_id = new.error_request_id,
        error_at = new.error_at
    FROM new
    WHERE mirror.id = new.id
)
INSERT INTO procrastinate_jobs (queue_name, task_name, args)
SELECT 'providers', 'customers.continue_mirror', jsonb_build_object('mirror_id', new.id)
FROM new
WHERE new.is_to_begin
RETURNING id
