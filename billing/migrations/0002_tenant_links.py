from django.db import migrations

LINKS = [
    ("billing_billingentitytax", "billing_entity_id", "billing_billingentity"),
    ("billing_billingentitytax", "tax_id", "billing_tax"),
    ("billing_billingentitysection", "billing_entity_id", "billing_billingentity"),
    ("billing_billingentitysection", "section_id", "billing_invoicecustomsection"),
]


def tenant_link(table: str, column: str, target: str) -> migrations.RunSQL:
    """Return the foreign key that makes a link across organizations impossible."""
    name = f"{table}_{column}_tenant"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (organization_id, {column}) "
        f"REFERENCES {target} (organization_id, id) ON DELETE CASCADE",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [tenant_link(*link) for link in LINKS]
