from django.db import migrations

# The first is the database's twin of billing.ids.newest_first_id; the second counts up, so that
# entries written together keep the order they were sent in.
FORWARD = """
CREATE FUNCTION customers_newest_first_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT overlay(
        overlay(gen_random_uuid()::text PLACING substr(countdown, 9, 4) || '-8' || substr(countdown, 13, 1)
            FROM 10 FOR 7)
        PLACING substr(countdown, 1, 8) FROM 1 FOR 8
    )::uuid
    FROM (
        SELECT lpad(to_hex(
            (1::bigint << 52) - 1 - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
        ), 13, '0') AS countdown
    ) time
$$;
CREATE FUNCTION customers_ordered_id(place bigint) RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT overlay(
        overlay(gen_random_uuid()::text PLACING substr(count, 9, 4) || '-8' || substr(count, 13, 1)
            FROM 10 FOR 7)
        PLACING substr(count, 1, 8) FROM 1 FOR 8
    )::uuid
    FROM (
        SELECT lpad(to_hex(
            (extract(epoch FROM statement_timestamp()) * 1000000)::bigint + place
        ), 13, '0') AS count
    ) time
$$;
CREATE FUNCTION customers_tag(id uuid, version integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT replace(id::text, '-', '') || '-' || version
$$;
"""
BACKWARD = """
DROP FUNCTION customers_tag(uuid, integer);
DROP FUNCTION customers_ordered_id(bigint);
DROP FUNCTION customers_newest_first_id();
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0003_search")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
