from django.contrib.postgres.operations import BtreeGinExtension
from django.db import migrations

FIRST_SEARCH = """lower(
    coalesce(name, '') || E'\\x1f' || coalesce(firstname, '') || E'\\x1f' ||
    coalesce(lastname, '') || E'\\x1f' || coalesce(legal_name, '') || E'\\x1f' ||
    external_id || E'\\x1f' || coalesce(email, ''))"""

# Whatever people put between the digits of a tax or a phone number.
BETWEEN = " .-/+()\u00a0\u2009\u202f\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
SEARCH_TEXT = f"""lower(E'\\x1f' ||
    coalesce(name, '') || E'\\x1f' || coalesce(firstname, '') || E'\\x1f' ||
    coalesce(lastname, '') || E'\\x1f' || coalesce(legal_name, '') || E'\\x1f' ||
    external_id || E'\\x1f' || coalesce(email, '') || E'\\x1f' || coalesce(city, '') || E'\\x1f' ||
    translate(coalesce(tax_identification_number, ''), '{BETWEEN}', '') || E'\\x1f' ||
    translate(coalesce(phone, ''), '{BETWEEN}', ''))"""
# The columns of few values stand in the same index: each costs one entry more, not a tree more.
FORWARD = f"""
DROP INDEX customer_search;
CREATE INDEX customer_search ON customers_customer USING gin (
    ({SEARCH_TEXT}) gin_trgm_ops,
    (coalesce(country, '')), (coalesce(currency, '')), (coalesce(customer_type, '')), account_type
) WHERE deleted_at IS NULL;
CREATE INDEX metadata_search ON customers_customermetadata
    USING gin ((lower(key || ':' || value)) gin_trgm_ops);
CREATE INDEX customer_deleted_newest_first ON customers_customer
    (organization_id, created_at DESC, id) WHERE deleted_at IS NOT NULL;
"""
BACKWARD = f"""
DROP INDEX customer_deleted_newest_first;
DROP INDEX metadata_search;
DROP INDEX customer_search;
CREATE INDEX customer_search ON customers_customer
    USING gin (({FIRST_SEARCH}) gin_trgm_ops) WHERE deleted_at IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0009_tax_number_problems")]
    operations = [BtreeGinExtension(), migrations.RunSQL(FORWARD, BACKWARD)]
