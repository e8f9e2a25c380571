from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations

# One index over the six fields of `search_term`; the separator keeps a term inside one field.
SEARCH_TEXT = """lower(
    coalesce(name, '') || E'\\x1f' || coalesce(firstname, '') || E'\\x1f' ||
    coalesce(lastname, '') || E'\\x1f' || coalesce(legal_name, '') || E'\\x1f' ||
    external_id || E'\\x1f' || coalesce(email, ''))"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0002_tenant_links")]
    operations = [
        TrigramExtension(),
        migrations.RunSQL(
            f"CREATE INDEX customer_search ON customers_customer USING gin "
            f"(({SEARCH_TEXT}) gin_trgm_ops) WHERE deleted_at IS NULL",
            "DROP INDEX customer_search",
        ),
    ]
