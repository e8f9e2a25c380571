from django.db import migrations

# As in `mirror_changes`, of links to integrations as well. Of the changes it is only asked whether
# they can matter; `customers.providers.steps` decides what they ask for.
PROVIDERS = """
        SELECT link.organization_id, link.customer_id, link.connection_id,
            link.provider_customer_id AS remote_id, 'payment_provider' AS kind, record.changes
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
"""
INTEGRATIONS = """
        SELECT link.organization_id, link.customer_id, link.connection_id,
            link.external_customer_id, 'integration', record.changes
        FROM records record
        JOIN customers_integrationlink link ON link.customer_id = record.object_id
        WHERE record.resource = 'customer'
          AND record.action IN ('created', 'updated', 'restored')
          AND record.door <> 'provider'
          AND link.type IN ('netsuite', 'xero')
          AND (
            record.action = 'restored'
            OR record.changes ?| array[
                'integration_customers', 'account_type', 'customer_type', 'name', 'firstname',
                'lastname', 'legal_name', 'tax_identification_number', 'email', 'phone',
                'address_line1', 'address_line2', 'city', 'zipcode', 'state', 'country',
                'shipping_address.address_line1', 'shipping_address.address_line2',
                'shipping_address.city', 'shipping_address.zipcode', 'shipping_address.state',
                'shipping_address.country'
            ]
          )
"""
DEFER = """
CREATE OR REPLACE FUNCTION customers_mirror_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM procrastinate_defer_jobs_v1(array_agg(ROW(
        'providers', 'customers.mirror_customer', 0, NULL, NULL,
        jsonb_build_object(
            'organization_id', link.organization_id,
            'customer_id', link.customer_id,
            'connection_id', link.connection_id,
            'paths', (SELECT jsonb_agg(path) FROM jsonb_object_keys(link.changes) AS path),
            'remote_id', link.remote_id,
            'kind', link.kind
        ),
        NULL
    )::procrastinate_job_to_defer_v1))
    FROM ({links}) link
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
"""
BOTH = DEFER.replace("{links}", f"{PROVIDERS} UNION ALL {INTEGRATIONS}")
PROVIDERS_ALONE = DEFER.replace("{links}", PROVIDERS)


class Migration(migrations.Migration):
    dependencies = [("customers", "0025_mirror_throttled")]
    operations = [migrations.RunSQL(BOTH, PROVIDERS_ALONE)]
