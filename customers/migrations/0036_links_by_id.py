from importlib import import_module

from django.db import migrations

# As in `mirror_at_integrations`. Of an id that came with the change it is said so: a link by id is
# taken as it is, and nothing is sent there before something changes.
BEFORE = import_module("customers.migrations.0026_mirror_at_integrations")
MARK = """
        || CASE
            WHEN link.kind = 'integration'
                AND link.changes ? 'integration_customers'
                AND link.remote_id IS NOT NULL
                AND NOT coalesce(link.changes #> '{integration_customers,0}', '[]')
                    @> jsonb_build_array(jsonb_build_object(
                        'lago_id', link.link_id, 'external_customer_id', link.remote_id))
            THEN '["integration_customers.external_customer_id"]'::jsonb
            ELSE '[]'::jsonb
        END
"""


def with_mark(sql: str) -> str:
    """Return the function that marks an id which came with a change."""
    changed = sql
    for old, new in (
        ("AS path),", f"AS path) {MARK},"),
        ("AS kind, record.changes", "AS kind, record.changes, NULL::uuid AS link_id"),
        ("'integration', record.changes", "'integration', record.changes, link.id"),
    ):
        assert changed.count(old) == 1, old
        changed = changed.replace(old, new)
    return changed


class Migration(migrations.Migration):
    dependencies = [("customers", "0035_move_imports")]
    operations = [migrations.RunSQL(with_mark(BEFORE.BOTH), BEFORE.BOTH)]
