import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0004_ids_and_tags")]
    operations = [
        migrations.AlterField(
            model_name="customer",
            name="organization",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="customers",
                to="billing.organization",
            ),
        ),
        migrations.RemoveConstraint("customer", "customer_sequential_id_once"),
        migrations.AddConstraint(
            "customer",
            models.UniqueConstraint(
                fields=["sequential_id", "organization"], name="customer_sequential_id_once"
            ),
        ),
    ]
