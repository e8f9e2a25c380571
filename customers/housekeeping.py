"""Housekeeping of what customers' screens and pages leave behind."""

from datetime import timedelta

from django.utils import timezone
from procrastinate.contrib.django import app

from customers.portal.propose import forget_proposals
from customers.submission import forget_submissions

# Sessions end long before.
_KEPT_FOR = timedelta(days=7)
# What was taken over of them stays in the history.
_PROPOSALS_KEPT_FOR = timedelta(days=365)


@app.periodic(cron="41 3 * * *", periodic_id="forget_submissions")
@app.task(name="customers.forget_submissions", queueing_lock="forget_submissions")
def forget_old_submissions(timestamp: int) -> None:
    """Delete the tokens of forms that were sent off long ago."""
    forget_submissions(timezone.now() - _KEPT_FOR)


@app.periodic(cron="47 3 * * *", periodic_id="forget_proposals")
@app.task(name="customers.forget_proposals", queueing_lock="forget_proposals")
def forget_old_proposals(timestamp: int) -> None:
    """Delete what customers proposed, a year after it was decided."""
    forget_proposals(timezone.now() - _PROPOSALS_KEPT_FOR)
