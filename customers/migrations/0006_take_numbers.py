from django.db import migrations

# A function sees the counter as it is when its turn comes. Inside the write's own statement, which
# looked before it waited, PostgreSQL would start the whole plan again to check the new row.
FORWARD = """
CREATE FUNCTION customers_take_numbers(organization uuid, newcomers bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    first bigint;
BEGIN
    UPDATE customers_customercounter counter
    SET last_number = last_number + newcomers, kept = kept + newcomers
    WHERE counter.organization_id = organization
    RETURNING last_number - newcomers + 1 INTO STRICT first;
    RETURN first;
END $$;
"""
BACKWARD = "DROP FUNCTION customers_take_numbers(uuid, bigint);"


class Migration(migrations.Migration):
    dependencies = [("customers", "0005_one_index_less_on_customers")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
