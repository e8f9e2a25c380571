
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0014_tallies'),
    ]

    operations = [
        migrations.AddField(
            model_name='staffpreference',
            name='timezone',
            field=models.CharField(blank=True, default='', max_length=64),
        ),
    ]
