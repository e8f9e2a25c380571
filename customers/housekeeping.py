"""Housekeeping of what customers' screens leave behind."""

from datetime import timedelta

from django.utils import timezone
from procrastinate.contrib.django import app

from customers.submission import forget_submissions

# Sessions end long before.
_KEPT_FOR = timedelta(days=7)


@app.periodic(cron="41 3 * * *", periodic_id="forget_submissions")
@app.task(name="customers.forget_submissions", queueing_lock="forget_submissions")
def forget_old_submissions(timestamp: int) -> None:
    """Delete the tokens of forms that were sent off long ago."""
    forget_submissions(timezone.now() - _KEPT_FOR)
