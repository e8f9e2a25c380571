from django.db import migrations

# Each is what `duplicates.sql` asks, to the letter.
FORWARD = r"""
CREATE INDEX customer_tax_number ON customers_customer (
    organization_id, (regexp_replace(upper(tax_identification_number), '[^0-9A-Z]', '', 'g'))
) WHERE deleted_at IS NULL AND tax_identification_number IS NOT NULL;
CREATE INDEX customer_email ON customers_customer (organization_id, (lower(email)))
WHERE deleted_at IS NULL AND email IS NOT NULL;
CREATE INDEX customer_by_name ON customers_customer (
    organization_id, (lower(coalesce(legal_name, name)) COLLATE "C")
) WHERE deleted_at IS NULL;
"""
BACKWARD = """
DROP INDEX customer_by_name;
DROP INDEX customer_email;
DROP INDEX customer_tax_number;
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0007_incomplete_customers")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
