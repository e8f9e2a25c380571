from django.db import migrations

CUSTOMER = "customers_customer (organization_id, id)"
PROVIDER = "billing_paymentprovider (organization_id, id)"
LINKS = [
    ("mirror", "customer_id", CUSTOMER),
    ("mirror", "payment_provider_id", PROVIDER),
    ("mirror", "integration_id", "billing_integration (organization_id, id)"),
    ("paymentmethod", "customer_id", CUSTOMER),
    ("paymentmethod", "connection_id", PROVIDER),
    ("providerevent", "connection_id", PROVIDER),
]


def tenant_link(table: str, column: str, target: str) -> migrations.RunSQL:
    """Return the foreign key that makes a link across organizations impossible."""
    name = f"{table}_{column}_tenant"
    return migrations.RunSQL(
        f"ALTER TABLE customers_{table} ADD CONSTRAINT {name} "
        f"FOREIGN KEY (organization_id, {column}) REFERENCES {target} ON DELETE CASCADE",
        f"ALTER TABLE customers_{table} DROP CONSTRAINT {name}",
    )


# Stored ways to pay belong to one id at one connection: they go with either.
FORGET_METHODS = migrations.RunSQL(
    """
    CREATE FUNCTION customers_forget_methods() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM customers_paymentmethod WHERE customer_id = OLD.customer_id;
        RETURN NULL;
    END $$;

    CREATE TRIGGER forget_methods_of_another AFTER UPDATE ON customers_providerlink FOR EACH ROW
    WHEN (
        OLD.connection_id <> NEW.connection_id
        OR OLD.provider_customer_id IS DISTINCT FROM NEW.provider_customer_id
    )
    EXECUTE FUNCTION customers_forget_methods();

    CREATE TRIGGER forget_methods AFTER DELETE ON customers_providerlink FOR EACH ROW
    EXECUTE FUNCTION customers_forget_methods();
    """,
    """
    DROP TRIGGER forget_methods_of_another ON customers_providerlink;
    DROP TRIGGER forget_methods ON customers_providerlink;
    DROP FUNCTION customers_forget_methods();
    """,
)


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0016_mirrors_and_provider_events"),
        ("billing", "0012_integration_of_any_type"),
    ]
    operations = [*(tenant_link(*link) for link in LINKS), FORGET_METHODS]
