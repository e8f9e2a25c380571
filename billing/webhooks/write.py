"""What staff do with deliveries and with the endpoints they go to.

Everything here only puts rows in place; the courier makes the calls (contract:
webhooks-and-providers.md 1.4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import orjson
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from billing.errors import NotAllowed, NotFound
from billing.events.actor import Actor
from billing.events.addresses import webhook_url
from billing.events.models import ChangeRecord, WebhookEndpoint
from billing.events.records import change_row, record_change
from billing.organizations.locks import lock_organization
from billing.organizations.models import Organization
from billing.webhooks.models import Delivery, Event
from billing.webhooks.queue import wake_courier

# A replay is a hand-made repair; whoever needs more narrows the range and repeats.
MAX_REPLAYED = 10_000
TEST_EVENT = "webhook_endpoint.test"


@dataclass(frozen=True, slots=True)
class Range:
    """Which events to replay: those made for an endpoint in a span of time.

    :param only_failed: leave out what the endpoint has taken.
    """

    endpoint_id: UUID
    since: datetime
    until: datetime
    only_failed: bool = True


@transaction.atomic
def retry(organization_id: UUID, delivery_id: UUID) -> Delivery:
    """Have a delivery tried again at once, with the same key; its attempts start anew.

    :raises NotFound: if there is no such delivery.
    :raises NotAllowed: if it has succeeded or its body is gone.
    """
    delivery = _get(organization_id, delivery_id)
    if delivery.status == Delivery.Status.SUCCEEDED:
        raise NotAllowed("delivery_succeeded")
    if delivery.event.snapshot is None:
        raise NotAllowed("body_is_gone")
    Delivery.objects.filter(pk=delivery.pk).exclude(status=Delivery.Status.SUCCEEDED).update(
        status=Delivery.Status.PENDING, attempts=0, due_at=Now(), finished_at=None
    )
    wake_courier()
    return delivery


@transaction.atomic
def replay(organization_id: UUID, delivery_id: UUID, url: str | None = None) -> Delivery:
    """Send an event again as a new delivery, with a new key, to the endpoint or another address.

    :raises NotFound: if there is no such delivery.
    :raises NotAllowed: if its body is gone.
    :raises ValueError: if the address is not one that webhooks may go to.
    """
    delivery = _get(organization_id, delivery_id)
    if delivery.event.snapshot is None:
        raise NotAllowed("body_is_gone")
    made = Delivery.objects.create(
        organization_id=organization_id,
        endpoint_id=delivery.endpoint_id,
        event_id=delivery.event_id,
        object_id=delivery.object_id,
        url=webhook_url(url) if url else None,
    )
    wake_courier()
    return made


def replayable(organization_id: UUID, chosen: Range) -> QuerySet[Event]:
    """Return the events of a range, oldest first, at most MAX_REPLAYED."""
    found = Event.objects.filter(
        organization_id=organization_id,
        endpoint_ids__contains=[chosen.endpoint_id],
        created_at__gte=chosen.since,
        created_at__lt=chosen.until,
        snapshot__isnull=False,
    )
    if chosen.only_failed:
        taken = Delivery.objects.filter(
            endpoint_id=chosen.endpoint_id, status=Delivery.Status.SUCCEEDED
        )
        found = found.exclude(pk__in=taken.values("event_id"))
    return found.order_by("id")[:MAX_REPLAYED]


@transaction.atomic
def replay_range(organization_id: UUID, chosen: Range, url: str | None = None) -> int:
    """Send the events of a range again; return how many these are.

    :raises NotFound: if there is no such endpoint.
    """
    _endpoint(organization_id, chosen.endpoint_id)
    address = webhook_url(url) if url else None
    made = Delivery.objects.bulk_create(
        Delivery(
            organization_id=organization_id,
            endpoint_id=chosen.endpoint_id,
            event_id=event_id,
            object_id=object_id,
            url=address,
        )
        for event_id, object_id in replayable(organization_id, chosen).values_list(
            "id", "object_id"
        )
    )
    if made:
        wake_courier()
    return len(made)


@transaction.atomic
def send_test(organization_id: UUID, endpoint_id: UUID) -> Delivery:
    """Send an endpoint an event that says it is a test.

    :raises NotFound: if there is no such endpoint.
    """
    endpoint = _endpoint(organization_id, endpoint_id)
    about = {"lago_id": str(endpoint.pk), "webhook_url": endpoint.webhook_url}
    event = announce(organization_id, TEST_EVENT, "webhook_endpoint", uuid4(), about, [endpoint.pk])
    assert event is not None  # noqa: S101  # mypy: it has an endpoint
    Event.objects.filter(pk=event.pk).update(spread_at=Now())
    return Delivery.objects.create(
        organization_id=organization_id,
        endpoint=endpoint,
        event=event,
        object_id=event.object_id,
    )


class Told(NamedTuple):
    """What an event tells of one object."""

    object_id: UUID
    snapshot: Mapping[str, Any]


def announce(
    organization_id: UUID,
    event_type: str,
    object_type: str,
    object_id: UUID,
    snapshot: Mapping[str, Any],
    endpoint_ids: list[UUID] | None = None,
) -> Event | None:
    """Tell those who want to know of this kind of event; call it in the transaction that did it.

    Return the event, or None if nobody wants it. Changes of customers are told by their writer.
    """
    told = Told(object_id, snapshot)
    events = announce_all(organization_id, event_type, object_type, [told], endpoint_ids)
    return events[0] if events else None


def announce_all(
    organization_id: UUID,
    event_type: str,
    object_type: str,
    told: Sequence[Told],
    endpoint_ids: list[UUID] | None = None,
) -> list[Event]:
    """Do what `announce` does, of many objects."""
    wanted = endpoint_ids or _wanting(organization_id, event_type)
    if not wanted:
        return []
    events = Event.objects.bulk_create(
        Event(
            organization_id=organization_id,
            event_type=event_type,
            object_type=object_type,
            object_id=object_id,
            snapshot=orjson.dumps(snapshot).decode(),
            endpoint_ids=wanted,
        )
        for object_id, snapshot in told
    )
    wake_courier()
    return events


@transaction.atomic
def pause_endpoint(organization_id: UUID, endpoint_id: UUID, actor: Actor) -> bool:
    """Hold what goes to an endpoint until it is resumed; return whether it was running."""
    lock_organization(organization_id)
    endpoint = _endpoint(organization_id, endpoint_id)
    if endpoint.paused_at is not None:
        return False
    reason = WebhookEndpoint.PauseReason.STAFF
    values = {"paused_at": timezone.now(), "pause_reason": reason}
    return change_row(endpoint, "webhook_endpoint", values, actor)


@transaction.atomic
def resume_endpoint(organization_id: UUID, endpoint_id: UUID, actor: Actor) -> bool:
    """Deliver to an endpoint again, what waited first; return whether it was paused."""
    lock_organization(organization_id)
    endpoint = _endpoint(organization_id, endpoint_id)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=None)
    values = {"paused_at": None, "pause_reason": None}
    changed = change_row(endpoint, "webhook_endpoint", values, actor)
    wake_courier()
    return changed


@transaction.atomic
def rotate_hmac_key(organization_id: UUID, overlap: timedelta, actor: Actor) -> UUID:
    """Give the organization a new key for signatures; the old one signs beside it for a while."""
    lock_organization(organization_id)
    key = uuid4()
    Organization.objects.filter(pk=organization_id).update(
        previous_hmac_key=F("hmac_key"),
        previous_hmac_key_ends_at=Now() + overlap,
        hmac_key=key,
    )
    record_change(
        organization_id,
        "organization",
        organization_id,
        ChangeRecord.Action.UPDATED,
        {"hmac_key": ["•••", "•••"]},
        actor,
    )
    return key


def _wanting(organization_id: UUID, event_type: str) -> list[UUID]:
    found = WebhookEndpoint.objects.wanting(event_type).filter(organization_id=organization_id)
    return list(found.values_list("pk", flat=True))


def _endpoint(organization_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.filter(organization_id=organization_id, pk=endpoint_id).first()
    if found is None:
        raise NotFound("webhook_endpoint")
    return found


def _get(organization_id: UUID, delivery_id: UUID) -> Delivery:
    found = Delivery.objects.select_related("event").filter(
        organization_id=organization_id, pk=delivery_id
    )
    delivery = found.first()
    if delivery is None:
        raise NotFound("delivery")
    return delivery
