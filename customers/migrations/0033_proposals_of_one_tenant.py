from django.db import migrations

TABLES = ("proposal", "portalvisits")


def tenant_link(table: str) -> migrations.RunSQL:
    """Return the foreign key that makes a link across organizations impossible."""
    name = f"{table}_customer_id_tenant"
    return migrations.RunSQL(
        f"ALTER TABLE customers_{table} ADD CONSTRAINT {name} "
        "FOREIGN KEY (organization_id, customer_id) "
        "REFERENCES customers_customer (organization_id, id) ON DELETE CASCADE",
        f"ALTER TABLE customers_{table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("customers", "0032_proposals")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE customers_portalvisits SET UNLOGGED",
            "ALTER TABLE customers_portalvisits SET LOGGED",
        ),
        *(tenant_link(table) for table in TABLES),
    ]
