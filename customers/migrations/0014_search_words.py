from importlib import import_module

from django.db import migrations

before = import_module("customers.migrations.0010_search_more")

# As before, and signs that part words are spaces: " nk" finds every word that begins so.
BEFORE_WORDS = "-@.,;:/&()_"
SEARCH_TEXT = f"""lower(translate(E' ' ||
    coalesce(name, '') || E'\\x1f ' || coalesce(firstname, '') || E'\\x1f ' ||
    coalesce(lastname, '') || E'\\x1f ' || coalesce(legal_name, '') || E'\\x1f ' ||
    external_id || E'\\x1f ' || coalesce(email, '') || E'\\x1f ' ||
    coalesce(city, '') || E'\\x1f ' ||
    translate(coalesce(tax_identification_number, ''), '{before.BETWEEN}', '') || E'\\x1f ' ||
    translate(coalesce(phone, ''), '{before.BETWEEN}', ''),
    '{BEFORE_WORDS}', '{" " * len(BEFORE_WORDS)}'))"""


def sql(text):
    """Return what makes the index anew over this text."""
    return f"""
        DROP INDEX customer_search;
        CREATE INDEX customer_search ON customers_customer USING gin (
            ({text}) gin_trgm_ops, (coalesce(country, '')), (coalesce(currency, '')),
            (coalesce(customer_type, '')), account_type
        ) WHERE deleted_at IS NULL;
    """


class Migration(migrations.Migration):
    dependencies = [("customers", "0013_files_on_their_way_in")]
    operations = [migrations.RunSQL(sql(SEARCH_TEXT), sql(before.SEARCH_TEXT))]
