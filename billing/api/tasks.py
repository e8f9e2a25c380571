"""Housekeeping of the edge."""

from datetime import timedelta

from django.utils import timezone
from procrastinate.contrib.django import app

from billing.api.idempotency import KEPT_FOR
from billing.api.models import IdempotentAnswer


@app.periodic(cron="17 * * * *", periodic_id="purge_idempotent_answers")
@app.task(name="billing.purge_idempotent_answers", queueing_lock="purge_idempotent_answers")
def purge_idempotent_answers(timestamp: int) -> None:
    """Delete the answers that are too old to be repeated; they hold personal data."""
    oldest = timezone.now() - KEPT_FOR - timedelta(minutes=1)
    IdempotentAnswer.objects.filter(created_at__lt=oldest).delete()
