from django.db import migrations

# Adds a job that says there is something to do, unless one is waiting that comes early enough.
# Where one is being done, it will most likely see for itself; then the new one comes a little
# later, so that under load they are few: each tells the workers by NOTIFY, which makes commits wait
# for one another. A job that is being done by nobody any more has no worker.
#
# No lock and no unique index: nobody waits for the commit of another. Two may add a job each.
WAKE = """
CREATE FUNCTION billing_wake(queue text, task text, at timestamptz DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM procrastinate_jobs
        WHERE task_name = task
          AND status = 'todo'
          AND coalesce(scheduled_at, '-infinity')
            < coalesce(at, clock_timestamp()) + interval '1 second'
    ) THEN
        INSERT INTO procrastinate_jobs (queue_name, task_name, scheduled_at)
        SELECT queue, task, coalesce(at, CASE WHEN EXISTS (
            SELECT FROM procrastinate_jobs
            WHERE task_name = task AND status = 'doing' AND worker_id IS NOT NULL
        ) THEN clock_timestamp() + interval '200 milliseconds' END);
    END IF;
END $$;
"""
INDEX = """
CREATE INDEX billing_jobs_by_task ON procrastinate_jobs (task_name)
WHERE status IN ('todo', 'doing');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0016_refused_credentials"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]
    operations = [
        migrations.RunSQL(INDEX, "DROP INDEX billing_jobs_by_task"),
        migrations.RunSQL(WAKE, "DROP FUNCTION billing_wake(text, text, timestamptz)"),
    ]
