from django.db import migrations

# A function sees the configuration as it is once its lock is held. Inside the write's own
# statement, which began before it waited, a tax deleted meanwhile would still stand.
FORWARD = """
CREATE FUNCTION customers_may_link(organization uuid, targets uuid[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(8401, hashtext(organization::text));
    RETURN NOT EXISTS (
        SELECT FROM billing_tax WHERE id = ANY (targets) AND deleted_at IS NOT NULL
        UNION ALL
        SELECT FROM billing_invoicecustomsection WHERE id = ANY (targets) AND deleted_at IS NOT NULL
        UNION ALL
        SELECT FROM billing_billingentity WHERE id = ANY (targets) AND archived_at IS NOT NULL
    );
END $$;
"""
BACKWARD = "DROP FUNCTION customers_may_link(uuid, uuid[]);"


class Migration(migrations.Migration):
    dependencies = [("customers", "0017_mirrors_of_one_tenant")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
