from django.db import migrations

FORWARD = """
CREATE FUNCTION billing_refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'change records are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER change_record_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_changerecord
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_rewriting();
"""
BACKWARD = """
DROP TRIGGER change_record_append_only ON billing_changerecord;
DROP FUNCTION billing_refuse_rewriting();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_tenant_links")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
