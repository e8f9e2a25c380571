from django.db import migrations

# Whatever writes a customer writes the record of it, so this is where every door passes. The job
# belongs to the transaction of the change: none for a change that was rolled back, and no change
# without its job. What the job does is decided by `customers.providers.steps`; here it is only
# asked whether the change can matter to a provider at all.
DEFER = """
CREATE FUNCTION customers_mirror_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM procrastinate_defer_jobs_v1(array_agg(job.job))
    FROM (
        SELECT ROW(
            'providers', 'customers.mirror_customer', 0, NULL, NULL,
            jsonb_build_object(
                'organization_id', link.organization_id,
                'customer_id', link.customer_id,
                'connection_id', link.connection_id,
                'paths', (SELECT jsonb_agg(path) FROM jsonb_object_keys(record.changes) AS path),
                'remote_id', link.provider_customer_id
            ),
            NULL
        )::procrastinate_job_to_defer_v1 AS job
        FROM records record
        JOIN customers_providerlink link ON link.customer_id = record.object_id
        JOIN billing_paymentprovider connection ON connection.id = link.connection_id
        WHERE record.resource = 'customer'
          AND record.action IN ('created', 'updated', 'restored')
          AND record.door <> 'provider'
          AND connection.type IN ('stripe', 'gocardless', 'adyen')
          AND (
            record.action = 'restored'
            OR record.changes ?| array[
                'billing_configuration.payment_provider',
                'billing_configuration.payment_provider_code',
                'billing_configuration.provider_customer_id',
                'billing_configuration.sync_with_provider',
                'billing_configuration.provider_payment_methods'
            ]
            OR (
                (connection.type = 'stripe' OR link.provider_customer_id IS NULL)
                AND (link.provider_customer_id IS NOT NULL OR link.sync_with_provider)
                AND record.changes ?| array[
                    'name', 'firstname', 'lastname', 'email', 'phone', 'address_line1',
                    'address_line2', 'city', 'zipcode', 'state', 'country', 'legal_name'
                ]
            )
          )
    ) job
    HAVING count(*) > 0;
    RETURN NULL;
END $$;

CREATE TRIGGER mirror_changes AFTER INSERT ON billing_changerecord
REFERENCING NEW TABLE AS records
FOR EACH STATEMENT EXECUTE FUNCTION customers_mirror_changes();
"""
UNDO = """
DROP TRIGGER mirror_changes ON billing_changerecord;
DROP FUNCTION customers_mirror_changes();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0019_failed_step"),
        ("billing", "0012_integration_of_any_type"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]
    operations = [migrations.RunSQL(DEFER, UNDO)]
