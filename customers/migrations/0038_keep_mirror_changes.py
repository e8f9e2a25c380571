from importlib import import_module

from django.db import migrations

# As in `links_by_id`, but what can matter is kept as a row instead of a job of its own; one job
# wakes whoever reads them. The links are looked up record by record: a plan that was made for many
# records, and kept, would read the whole table for one.
BEFORE = import_module("customers.migrations.0036_links_by_id")
KEEP = """
CREATE OR REPLACE FUNCTION customers_mirror_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO customers_mirrorchange
        (organization_id, customer_id, payment_provider_id, integration_id, remote_id, paths)
    SELECT record.organization_id, record.object_id, link.payment_provider_id, link.integration_id,
        link.remote_id, array(SELECT jsonb_object_keys(record.changes)) || link.mark
    FROM records record
    CROSS JOIN LATERAL (
        SELECT link.connection_id AS payment_provider_id, NULL::uuid AS integration_id,
            link.provider_customer_id AS remote_id, '{}'::text[] AS mark
        FROM customers_providerlink link
        JOIN billing_paymentprovider connection ON connection.id = link.connection_id
        WHERE link.customer_id = record.object_id
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
        UNION ALL
        SELECT NULL, link.connection_id, link.external_customer_id,
            CASE
                -- An id that came with the change is taken as it is.
                WHEN record.changes ? 'integration_customers'
                    AND link.external_customer_id IS NOT NULL
                    AND NOT coalesce(record.changes #> '{integration_customers,0}', '[]')
                        @> jsonb_build_array(jsonb_build_object(
                            'lago_id', link.id, 'external_customer_id', link.external_customer_id))
                THEN '{integration_customers.external_customer_id}'::text[]
                ELSE '{}'
            END
        FROM customers_integrationlink link
        WHERE link.customer_id = record.object_id
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
    ) link
    WHERE record.resource = 'customer'
      AND record.action IN ('created', 'updated', 'restored')
      AND record.door <> 'provider'
    ORDER BY record.id;
    IF FOUND THEN
        PERFORM billing_wake('providers', 'customers.mirror_changes');
    END IF;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0037_mirror_change"), ("billing", "0017_wake")]
    operations = [migrations.RunSQL(KEEP, BEFORE.with_mark(BEFORE.BEFORE.BOTH))]
