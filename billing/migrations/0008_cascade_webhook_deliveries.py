from django.db import migrations

_LINKS = {
    "billing_delivery": {"endpoint_id": "billing_webhookendpoint", "event_id": "billing_event"},
    "billing_attempt": {"delivery_id": "billing_delivery"},
}


def _relink(action):
    def relink(apps, editor):
        with editor.connection.cursor() as cursor:
            for table, columns in _LINKS.items():
                found = editor.connection.introspection.get_constraints(cursor, table)
                for name, constraint in found.items():
                    if constraint["foreign_key"] and constraint["columns"][0] in columns:
                        [column] = constraint["columns"]
                        editor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
                        editor.execute(
                            f'ALTER TABLE {table} ADD CONSTRAINT "{name}" FOREIGN KEY ({column})'
                            f" REFERENCES {columns[column]} (id) {action} DEFERRABLE INITIALLY DEFERRED"
                        )

    return relink


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_webhook_deliveries")]
    operations = [migrations.RunPython(_relink("ON DELETE CASCADE"), _relink(""))]
