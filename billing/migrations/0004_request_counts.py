import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_append_only_change_records")]
    operations = [
        migrations.CreateModel(
            name="RequestCount",
            fields=[
                (
                    "api_key",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="billing.apikey",
                    ),
                ),
                ("window_started_at", models.DateTimeField()),
                ("requests", models.PositiveIntegerField()),
            ],
        ),
        migrations.RunSQL(
            "ALTER TABLE billing_requestcount SET UNLOGGED",
            "ALTER TABLE billing_requestcount SET LOGGED",
        ),
    ]
