from django.db import migrations

# Names as people read them: small letters, no accents, persons too; with the id, so that it gives
# an order in which everybody has one place.
SORT_NAME = """translate(lower(coalesce(nullif(legal_name, ''), nullif(name, ''),
    nullif(btrim(coalesce(firstname, '') || ' ' || coalesce(lastname, '')), ''), external_id)),
    'àáâãäåçèéêëìíîïñòóôõöøùúûüýÿšžœæßł', 'aaaaaaceeeeiiiinoooooouuuuyyszoasl')"""
FORWARD = [
    "DROP INDEX CONCURRENTLY IF EXISTS customer_by_sort_name",
    f"""CREATE INDEX CONCURRENTLY customer_by_sort_name ON customers_customer (
            organization_id, ({SORT_NAME} COLLATE "C"), id
        ) WHERE deleted_at IS NULL""",
    "DROP INDEX CONCURRENTLY IF EXISTS customer_by_name",
    "ALTER INDEX customer_by_sort_name RENAME TO customer_by_name",
]
BACKWARD = [
    "DROP INDEX CONCURRENTLY IF EXISTS customer_by_name",
    """CREATE INDEX CONCURRENTLY customer_by_name ON customers_customer (
            organization_id, (lower(coalesce(legal_name, name)) COLLATE "C")
        ) WHERE deleted_at IS NULL""",
]


class Migration(migrations.Migration):
    atomic = False  # made while customers are written

    dependencies = [("customers", "0028_pairs_of_one_tenant")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
