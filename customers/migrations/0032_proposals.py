import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0012_integration_of_any_type'),
        ('customers', '0031_comparisons_of_one_tenant'),
    ]

    operations = [
        migrations.CreateModel(
            name='PortalVisits',
            fields=[
                ('customer', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='customers.customer')),
                ('window_started_at', models.DateTimeField()),
                ('requests', models.PositiveIntegerField()),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='billing.organization')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Proposal',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('token', models.UUIDField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('accepted', 'Accepted'), ('partly', 'Partly'), ('refused', 'Refused'), ('replaced', 'Replaced'), ('withdrawn', 'Withdrawn')], default='waiting', max_length=16)),
                ('changes', models.JSONField()),
                ('note', models.CharField(blank=True, default='', max_length=1000)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('accepted', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=64), default=list, size=None)),
                ('answer', models.CharField(blank=True, default='', max_length=1000)),
                ('judged_at', models.DateTimeField(null=True)),
                ('judged_by', models.CharField(max_length=255, null=True)),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='proposals', to='customers.customer')),
                ('organization', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='billing.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['customer', '-created_at'], name='proposal_of_customer'), models.Index(condition=models.Q(('state', 'waiting')), fields=['organization', 'created_at'], name='proposal_waiting'), models.Index(condition=models.Q(('judged_at__isnull', False)), fields=['organization', '-judged_at'], name='proposal_judged')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'token'), name='proposal_token_once'), models.UniqueConstraint(condition=models.Q(('state', 'waiting')), fields=('customer',), name='proposal_waiting_once'), models.CheckConstraint(condition=models.Q(('changes', {}), _negated=True), name='proposal_changes_something'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['accepted', 'partly', 'refused']), ('judged_at__isnull', False), ('judged_by__isnull', False)), models.Q(('state__in', ['waiting', 'replaced', 'withdrawn']), ('judged_at__isnull', True), ('judged_by__isnull', True)), _connector='OR'), name='proposal_judged_by_somebody')],
            },
        ),
    ]
