from django.db import migrations

# Customers that bring their numbers along, and others between them, which get the next ones.
FORWARD = """
CREATE FUNCTION customers_keep_numbers(
    organization uuid, numbered bigint, highest bigint, newcomers bigint
) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    first bigint;
BEGIN
    UPDATE customers_customercounter counter
    SET last_number = greatest(last_number, highest) + newcomers, kept = kept + numbered + newcomers
    WHERE counter.organization_id = organization
    RETURNING last_number - newcomers + 1 INTO STRICT first;
    RETURN first;
END $$;
"""
BACKWARD = "DROP FUNCTION customers_keep_numbers(uuid, bigint, bigint, bigint);"


class Migration(migrations.Migration):
    dependencies = [("customers", "0023_customers_without_tax_number")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
