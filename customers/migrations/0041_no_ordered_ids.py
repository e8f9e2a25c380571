from django.db import migrations

# Entries that are written together get their ids from the writer.
ORDERED_ID = """
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
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0040_mirror_once")]
    operations = [migrations.RunSQL("DROP FUNCTION customers_ordered_id(bigint)", ORDERED_ID)]
