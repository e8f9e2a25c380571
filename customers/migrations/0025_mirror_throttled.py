from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0024_keep_numbers")]
    operations = [
        migrations.AddField(
            "mirror", "throttled", models.PositiveSmallIntegerField(default=0, db_default=0)
        )
    ]
