from django.db import migrations


def tenant_link(column: str) -> migrations.RunSQL:
    """Return the foreign key that makes a pair across organizations impossible."""
    name = f"duplicatepair_{column}_tenant"
    return migrations.RunSQL(
        f"ALTER TABLE customers_duplicatepair ADD CONSTRAINT {name} FOREIGN KEY "
        f"(organization_id, {column}) REFERENCES customers_customer (organization_id, id) "
        "ON DELETE CASCADE",
        f"ALTER TABLE customers_duplicatepair DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("customers", "0027_pairs_of_duplicates")]
    operations = [tenant_link("first_id"), tenant_link("second_id")]
