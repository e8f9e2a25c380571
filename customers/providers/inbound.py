"""What providers tell us: taken once, in any order, and acted on in the background.

(Contract: webhooks-and-providers.md 3.) An adapter verifies and reads; its `handlers` act.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from procrastinate.contrib.django import app

from billing.errors import NotFound
from billing.models import PaymentProvider
from customers.mirrors import WORDS_LENGTH, ProviderEvent
from customers.models import ProviderLink
from customers.providers.adapter import Adapter, Forged, Notice, adapter_of, listener_of

# After the first one.
REPEATS = 5
_DELAYS = (10, 60, 300, 1_800, 7_200)
_State = ProviderEvent.State

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """A notice on its way to its handler.

    A handler may call the provider; what it stores, it stores in a transaction of its own.
    """

    organization_id: UUID
    adapter: Adapter
    notice: Notice

    def links(self, remote_id: str | None) -> list[ProviderLink]:
        """Return the links of kept customers that the provider calls by this id."""
        return list(self._links().filter(provider_customer_id=remote_id)) if remote_id else []

    def link_of(self, external_id: str | None) -> ProviderLink | None:
        """Return the link of the kept customer that we call by this id."""
        return self._links().filter(customer__external_id=external_id).first()

    def _links(self) -> QuerySet[ProviderLink]:
        return ProviderLink.objects.select_related("customer", "connection").filter(
            organization_id=self.organization_id,
            connection_id=self.adapter.connection.pk,
            customer__deleted_at=None,
        )


class Ignored(Exception):
    """There is nothing to do: the customer is unknown or deleted."""


def find_connection(organization_id: UUID, kind: str, code: str | None) -> PaymentProvider:
    """Return the connection that a webhook is for.

    :raises Forged: if there is none, or several and no code.
    """
    found = PaymentProvider.objects.filter(organization_id=organization_id, type=kind)
    connections = list((found.filter(code=code) if code else found)[:2])
    if len(connections) != 1:
        raise Forged("there is no such connection, or the code is missing")
    return connections[0]


def receive(connection: PaymentProvider, headers: Mapping[str, str], body: bytes) -> bytes:
    """Take a webhook, and return what it is answered with.

    :raises Forged: if it can't be trusted or read.
    """
    listener = listener_of(connection)
    if listener is None:
        raise Forged("this provider sends no webhooks here")
    notices = listener.notices(headers, body, timezone.now())
    if not all(_can_be_kept(notice) for notice in notices):
        raise Forged("this is no event")
    with transaction.atomic():
        for notice in notices:
            is_known = notice.type in listener.handlers and bool(notice.facts)
            _keep(connection, notice, is_known=is_known)
    return listener.taken


def _can_be_kept(notice: Notice) -> bool:
    """Say whether PostgreSQL takes its words: no NUL, no halves of surrogates."""
    try:
        return b"\\u0000" not in orjson.dumps((notice.remote_id, notice.type, notice.facts))
    except TypeError:
        return False


def _keep(connection: PaymentProvider, notice: Notice, *, is_known: bool) -> None:
    """Store a notice unless it is there already; have it handled if it is of interest."""
    event, is_new = ProviderEvent.objects.get_or_create(
        connection_id=connection.pk,
        remote_id=notice.remote_id,
        defaults={
            "organization_id": connection.organization_id,
            "type": notice.type,
            "happened_at": notice.happened_at,
            "facts": notice.facts if is_known else {},
            "state": _State.WAITING if is_known else _State.IGNORED,
        },
    )
    if is_new and is_known:
        enqueue_event(event)


def enqueue_event(event: ProviderEvent, at: datetime | None = None) -> None:
    """Have a worker handle an event; call it in a transaction."""
    app.configure_task(
        "customers.handle_provider_event",
        queue="providers",
        schedule_at=at,
        lock=f"provider event {event.pk}",
    ).defer(event_id=str(event.pk))


def handle(event_id: UUID) -> None:
    """Do what an event asks for, unless it was done."""
    event = (
        ProviderEvent.objects.select_related("connection")
        .filter(pk=event_id, state=_State.WAITING)
        .first()
    )
    if event is None:
        return
    try:
        state = _act(event)
    except Exception as error:  # whatever went wrong is tried again, and shown if it stays
        log.warning("a provider's event could not be handled", exc_info=error)
        _repeat(event, str(error) or type(error).__name__)
        return
    _settle(event, state=state, error=None, next_try_at=None)


def handle_again(organization_id: UUID, event_id: UUID) -> None:
    """Have an event handled that had failed, with all attempts before it.

    :raises NotFound: if there is none that failed.
    """
    with transaction.atomic():
        failed = ProviderEvent.objects.select_for_update().filter(
            organization_id=organization_id, pk=event_id, state=_State.FAILED
        )
        event = failed.first()
        if event is None:
            raise NotFound("provider_event")
        event.state, event.attempts, event.next_try_at = _State.WAITING, 0, timezone.now()
        event.save(update_fields=["state", "attempts", "next_try_at"])
        enqueue_event(event)


def _act(event: ProviderEvent) -> str:
    adapter = adapter_of(event.connection)
    handler = adapter.handlers.get(event.type) if adapter else None
    if adapter is None or handler is None:
        return _State.IGNORED
    notice = Notice(event.remote_id, event.type, event.happened_at, event.facts)
    try:
        handler(Told(event.organization_id, adapter, notice))
    except Ignored:
        return _State.IGNORED
    return _State.DONE


def _repeat(event: ProviderEvent, error: str) -> None:
    attempts = event.attempts + 1
    words = error[:WORDS_LENGTH]
    if attempts > REPEATS:
        _settle(event, state=_State.FAILED, error=words, next_try_at=None, attempts=attempts)
        return
    due = timezone.now() + timedelta(seconds=_DELAYS[attempts - 1])
    with transaction.atomic():
        _settle(event, error=words, next_try_at=due, attempts=attempts)
        enqueue_event(event, due)


def _settle(event: ProviderEvent, **values: Any) -> None:
    ProviderEvent.objects.filter(pk=event.pk, state=_State.WAITING).update(**values)
