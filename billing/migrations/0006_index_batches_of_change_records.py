from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The table grows with every write there ever was, and nobody should wait for its index.
    atomic = False
    dependencies = [("billing", "0005_batch_of_change_records")]
    operations = [
        # One that was interrupted leaves an index behind that is of no use and in the way.
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS change_record_of_batch", migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            model_name="changerecord",
            index=models.Index(
                condition=models.Q(("batch_id__isnull", False)),
                fields=["organization", "batch_id", "id"],
                name="change_record_of_batch",
            ),
        ),
    ]
