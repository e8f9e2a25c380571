"""Bulk work in the background."""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from customers.batches import Batch, BatchItem
from customers.bulk.run import MOVING, run

# Fewer than these are done while the person waits.
AT_ONCE = 200
# A worker that has not come a step further for so long is gone.
_GONE_AFTER = timedelta(minutes=1)
_PREVIEW_KEPT_FOR = timedelta(days=1)


def go_on(batch: Batch) -> None:
    """Take a batch on: at once if it is small, else in the background."""
    if batch.total <= AT_ONCE:
        run(batch.id)
    else:
        _enqueue(batch.id)


def _enqueue(batch_id: UUID) -> None:
    job = run_batch.configure(queueing_lock=f"batch {batch_id}")
    try:
        with transaction.atomic():
            job.defer(batch_id=str(batch_id))
    except AlreadyEnqueued:
        pass  # it will be run, which is all that was wanted


@app.task(
    name="customers.run_batch",
    retry=RetryStrategy(max_attempts=5, exponential_wait=2),
)
def run_batch(batch_id: str) -> None:
    """Take a batch to its end; it goes on where it was."""
    # A preview may be thrown away while it is made.
    with suppress(Batch.DoesNotExist):
        run(UUID(batch_id))


@app.periodic(cron="* * * * *", periodic_id="resume_batches")
@app.task(name="customers.resume_batches", queueing_lock="resume_batches")
def resume_batches(timestamp: int) -> None:
    """Take batches on whose worker is gone."""
    quiet_since = timezone.now() - _GONE_AFTER
    unfinished = Batch.objects.filter(state__in=MOVING, moved_at__lt=quiet_since)
    for batch_id in unfinished.exclude(kind=Batch.Kind.IMPORT).values_list("id", flat=True):
        _enqueue(batch_id)


@app.periodic(cron="23 * * * *", periodic_id="purge_previews")
@app.task(name="customers.purge_previews", queueing_lock="purge_previews")
def purge_previews(timestamp: int) -> None:
    """Delete previews that nobody acted upon."""
    oldest = timezone.now() - _PREVIEW_KEPT_FOR
    left = Batch.objects.filter(state=Batch.State.PREVIEWED, moved_at__lt=oldest)
    for batch in left:
        with transaction.atomic():
            # Locked first: it may begin at this moment.
            if left.select_for_update(no_key=True).filter(pk=batch.pk).exists():
                BatchItem.objects.filter(batch_id=batch.pk).delete()
                batch.delete()
