from django.db import migrations

# A batch of an import is one group of statements: hold the import, write, move it. An error in
# any of them undoes the group, so that the checkpoint and the customers can't part.
FORWARD = """
CREATE FUNCTION customers_hold_import(held uuid, stands_at integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM customers_import WHERE id = held AND checkpoint = stands_at FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the import was moved by somebody else' USING ERRCODE = 'TN001';
    END IF;
END $$;

CREATE FUNCTION customers_move_import(
    moved uuid, place integer, more_new integer, more_changed integer, more_unchanged integer,
    more_refused integer, is_written boolean, OUT wants_stop boolean, OUT seconds double precision
) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_written THEN
        RAISE EXCEPTION 'the customers were changed by somebody else' USING ERRCODE = 'TN002';
    END IF;
    UPDATE customers_import SET
        checkpoint = place,
        new = new + more_new,
        changed = changed + more_changed,
        unchanged = unchanged + more_unchanged,
        refused = refused + more_refused
    WHERE id = moved
    RETURNING customers_import.wants_stop INTO STRICT wants_stop;
    seconds := extract(epoch FROM clock_timestamp() - now());
END $$;
"""
BACKWARD = """
DROP FUNCTION customers_move_import(uuid, integer, integer, integer, integer, integer, boolean);
DROP FUNCTION customers_hold_import(uuid, integer);
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0034_failed_provider_events")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
