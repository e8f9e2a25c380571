from django.db import migrations

LINKS = [
    ("comparison", "mirror_id", "customers_mirror (organization_id, id)"),
    ("driftround", "payment_provider_id", "billing_paymentprovider (organization_id, id)"),
    ("driftround", "integration_id", "billing_integration (organization_id, id)"),
]


def tenant_link(table: str, column: str, target: str) -> migrations.RunSQL:
    """Return the foreign key that makes a link across organizations impossible."""
    name = f"{table}_{column}_tenant"
    return migrations.RunSQL(
        f"ALTER TABLE customers_{table} ADD CONSTRAINT {name} "
        f"FOREIGN KEY (organization_id, {column}) REFERENCES {target} ON DELETE CASCADE",
        f"ALTER TABLE customers_{table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("customers", "0030_comparisons")]
    operations = [tenant_link(*link) for link in LINKS]
