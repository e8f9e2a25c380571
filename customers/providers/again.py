"""Tries again what failed at a connection, after its credentials or its account were mended."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from customers.mirrors import Mirror
from customers.providers.mirror import ask_for, work

_AT_ONCE = 200


def try_again_soon(column: str, connection_id: UUID, since: datetime | None = None) -> None:
    """Have a worker try again what failed before a moment, unless that waits to be done already.

    :param column: which kind of connection it is: `payment_provider` or `integration`.
    """
    task = app.configure_task(
        "customers.try_connection_again",
        queue="providers",
        queueing_lock=f"try again {connection_id}",
    )
    before = (since or timezone.now()).isoformat()
    with suppress(AlreadyEnqueued), transaction.atomic():
        task.defer(column=column, connection_id=str(connection_id), before=before)


@app.task(name="customers.try_connection_again", queue="providers")
def try_connection_again(column: str, connection_id: str, before: str) -> None:
    """Try one customer again, and the others unless the credentials are turned down."""
    since = datetime.fromisoformat(before)
    failed = _failed(column, UUID(connection_id), since)
    first = failed.first()
    if first is None:
        return
    ask_for(first.pk, [_step(first)])
    work(first.pk)
    if _is_refused(first):
        return
    found = list(failed[:_AT_ONCE])
    for mirror in found:
        ask_for(mirror.pk, [_step(mirror)])
    if len(found) == _AT_ONCE:
        try_again_soon(column, UUID(connection_id), since)


def _failed(column: str, connection_id: UUID, before: datetime) -> QuerySet[Mirror]:
    """Return what failed; what goes on by itself is left to that."""
    failed = Mirror.objects.filter(state=Mirror.State.FAILED, todo=[], error_at__lt=before)
    return failed.filter(**{column: connection_id}).order_by("error_at")


def _step(mirror: Mirror) -> Mirror.Step:
    return Mirror.Step(mirror.failed_step or Mirror.Step.UPDATE)


def _is_refused(mirror: Mirror) -> bool:
    connection = mirror.connection
    connection.refresh_from_db(fields=["refused_since"])
    return connection.refused_since is not None
