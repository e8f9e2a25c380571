from django.db import migrations

CUSTOMER = "customers_customer (organization_id, id)"
LINKS = [
    (
        "customer",
        "organization_id, billing_entity_id",
        "billing_billingentity (organization_id, id)",
    ),
    ("shippingaddress", "organization_id, customer_id", CUSTOMER),
    ("customermetadata", "organization_id, customer_id", CUSTOMER),
    ("appliedtax", "organization_id, customer_id", CUSTOMER),
    ("appliedtax", "organization_id, tax_id", "billing_tax (organization_id, id)"),
    ("providerlink", "organization_id, customer_id", CUSTOMER),
    (
        "providerlink",
        "organization_id, connection_id",
        "billing_paymentprovider (organization_id, id)",
    ),
    ("integrationlink", "organization_id, customer_id", CUSTOMER),
    (
        "integrationlink",
        "organization_id, connection_id, type",
        "billing_integration (organization_id, id, type)",
    ),
    ("selectedsection", "organization_id, customer_id", CUSTOMER),
    (
        "selectedsection",
        "organization_id, section_id",
        "billing_invoicecustomsection (organization_id, id)",
    ),
]


def tenant_link(table: str, columns: str, target: str) -> migrations.RunSQL:
    """Return the foreign key that makes a link across organizations impossible."""
    name = f"{table}_{columns.split(', ')[1]}_tenant"
    return migrations.RunSQL(
        f"ALTER TABLE customers_{table} ADD CONSTRAINT {name} "
        f"FOREIGN KEY ({columns}) REFERENCES {target}",
        f"ALTER TABLE customers_{table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial"), ("billing", "0002_tenant_links")]
    operations = [tenant_link(*link) for link in LINKS]
