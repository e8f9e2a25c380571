"""Jobs that keep customers' mirrors up to date, and take over what a worker left."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from billing import waking
from customers.mirrors import DriftRound, Mirror, ProviderEvent
from customers.providers import drift
from customers.providers.changes import see_to_changes
from customers.providers.claims import enqueue, wake_mirrors
from customers.providers.failures import Failure
from customers.providers.inbound import enqueue_event, handle
from customers.providers.mirror import reflect, work
from customers.providers.steps import Change

# A job comes late by some seconds when workers are busy; later than this, it does not come.
_PATIENCE = timedelta(seconds=30)
_AT_ONCE = 500
_EVENTS_KEPT = timedelta(days=90)
# A round asks four customers a second; a night asks so many, the next one goes on.
_DRIFT_PAUSE = 5  # seconds
_DRIFT_PER_NIGHT = 10_000
# A connection that can't be asked is asked again after this, so often.
_DRIFT_WAIT = 300  # seconds
_DRIFT_ATTEMPTS = 5
_AFTER_AN_OUTAGE = RetryStrategy(
    max_attempts=10, exponential_wait=2, retry_exceptions={OperationalError, InterfaceError}
)


@app.task(name="customers.mirror_customer", queue="providers", retry=_AFTER_AN_OUTAGE)
def mirror_customer(
    organization_id: str,
    customer_id: str,
    connection_id: str,
    paths: Iterable[str],
    remote_id: str | None,
    kind: str = "payment_provider",
) -> None:
    """Do at a connection what a change of a customer asks for: a job of an older version."""
    reflect(
        UUID(organization_id),
        UUID(customer_id),
        UUID(connection_id),
        Change.read(paths, remote_id),
        kind=kind,
    )


@app.task(
    name="customers.mirror_changes",
    queue="providers",
    retry=_AFTER_AN_OUTAGE,
    task_middleware=[waking.stops_with_worker],
)
async def mirror_changes() -> None:
    """See what the changes that wait ask for."""
    await waking.work_off(see_to_changes)


@app.task(name="customers.continue_mirror", queue="providers", retry=_AFTER_AN_OUTAGE)
def continue_mirror(mirror_id: str) -> None:
    """Go on with what a mirror has to do."""
    work(UUID(mirror_id))


@app.task(name="customers.handle_provider_event", queue="providers", retry=_AFTER_AN_OUTAGE)
def handle_provider_event(event_id: str) -> None:
    """Do what a provider's event asks for."""
    handle(UUID(event_id))


@app.periodic(cron="17 4 * * *", periodic_id="forget_provider_events")
@app.task(name="customers.forget_provider_events", queueing_lock="forget_provider_events")
def forget_provider_events(timestamp: int) -> None:
    """Drop events that no provider sends again."""
    ProviderEvent.objects.filter(received_at__lt=timezone.now() - _EVENTS_KEPT).delete()


@app.periodic(cron="* * * * *", periodic_id="continue_mirrors")
@app.task(name="customers.continue_mirrors", queueing_lock="continue_mirrors", queue="providers")
def continue_mirrors(timestamp: int) -> None:
    """Go on with what a process which died has left, and what nobody was woken for."""
    wake_mirrors()
    with transaction.atomic():
        stranded = (
            Mirror.objects.select_for_update(skip_locked=True)
            .filter(next_try_at__lt=timezone.now() - _PATIENCE)
            .exclude(todo=[])
        )
        for mirror in stranded.order_by("next_try_at")[:_AT_ONCE]:
            mirror.next_try_at = timezone.now()
            mirror.save(update_fields=["next_try_at"])
            enqueue(mirror)
        late = ProviderEvent.objects.select_for_update(skip_locked=True).filter(
            state=ProviderEvent.State.WAITING, next_try_at__lt=timezone.now() - _PATIENCE
        )
        for event in late.order_by("next_try_at")[:_AT_ONCE]:
            event.next_try_at = timezone.now() + _PATIENCE
            event.save(update_fields=["next_try_at"])
            enqueue_event(event)


@app.periodic(cron="23 1 * * *", periodic_id="compare_connections")
@app.task(name="customers.compare_connections", queueing_lock="compare_connections")
def compare_connections(timestamp: int) -> None:
    """Have every night look for customers that are not the same at their connections."""
    for connection in drift.comparable():
        compare_soon(drift.begin(connection))


@app.task(name="customers.compare_connection", queue="providers", retry=_AFTER_AN_OUTAGE)
def compare_connection(round_id: str, left: int, failures: int = 0) -> None:
    """Compare some customers of a round, and have the next job go on a little later."""
    found = DriftRound.objects.filter(pk=round_id).first()
    if found is None or found.finished_at is not None:
        return
    try:
        is_more = drift.go_on(found)
    except Failure as failure:
        if failures + 1 == _DRIFT_ATTEMPTS:
            drift.stop(found, failure)
            return
        compare_soon(found, left - drift.PER_JOB, _DRIFT_WAIT, failures + 1)
        return
    if is_more and left > drift.PER_JOB:
        compare_soon(found, left - drift.PER_JOB, _DRIFT_PAUSE)


def compare_soon(
    found: DriftRound, left: int = _DRIFT_PER_NIGHT, seconds: int = 0, failures: int = 0
) -> None:
    """Have a worker go on with a round, unless that is waiting to be done already."""
    job = app.configure_task(
        "customers.compare_connection",
        queue="providers",
        queueing_lock=f"compare {found.pk}",
        schedule_in={"seconds": seconds},
    )
    with suppress(AlreadyEnqueued), transaction.atomic():
        job.defer(round_id=str(found.pk), left=left, failures=failures)


@app.periodic(cron="* * * * *", periodic_id="retake_provider_jobs")
@app.task(
    name="customers.retake_provider_jobs", queueing_lock="retake_provider_jobs", queue="providers"
)
async def retake_provider_jobs(timestamp: int) -> None:
    """Start the jobs anew whose worker has died; each can be done twice without harm."""
    await waking.retake("providers")
