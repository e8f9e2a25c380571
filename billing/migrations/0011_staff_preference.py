
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('billing', '0010_second_factor'),
    ]

    operations = [
        migrations.CreateModel(
            name='StaffPreference',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='staff_preference', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('language', models.CharField(blank=True, default='', max_length=8)),
                ('keys_off', models.BooleanField(default=False)),
            ],
        ),
    ]
