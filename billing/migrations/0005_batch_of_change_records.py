from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_request_counts")]
    operations = [
        # Without a default: no row is rewritten.
        migrations.AddField(
            model_name="changerecord",
            name="batch_id",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
    ]
