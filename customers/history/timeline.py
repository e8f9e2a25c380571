"""The timeline of a customer, read from the change records."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from billing.errors import NotFound
from billing.events.models import ChangeRecord
from customers.history.paths import in_order, paths_of

# What a timeline tells of beside the customer: the links to its page.
_TOLD = ("customer", "portal_link")
# Far back enough to know everybody who works with a customer.
_LATELY = 2_000


class Change(NamedTuple):
    """One value that changed, by its path on the wire."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a timeline; `id` pages it and names it to `revert_change`."""

    id: int
    at: datetime
    door: str
    actor_id: str | None
    actor_name: str
    reason: str | None
    action: str
    changes: tuple[Change, ...]
    # The import or the bulk change it was a part of.
    batch_id: UUID | None = None
    # What it is about: the customer itself, or something of its own.
    resource: str = "customer"

    @classmethod
    def of(cls, record: ChangeRecord) -> Self:
        """Return the entry for a change record."""
        changes = in_order(record.changes).items()
        return cls(
            record.id,
            record.at,
            record.door,
            record.actor_id,
            record.actor_name,
            record.reason,
            record.action,
            tuple(Change(path, old, new) for path, (old, new) in changes),
            record.batch_id,
            record.resource,
        )


def timeline(
    organization_id: UUID,
    customer_id: UUID,
    *,
    before: int | None = None,
    limit: int = 50,
    actor: str | None = None,
    door: str | None = None,
    path: str | None = None,
    resource: str | None = None,
) -> list[Entry]:
    """Return the changes of a customer and of what is its own, newest first.

    :param before: the id of the last entry of the page before this one.
    :param actor: only changes by the person or program with this id, or name if it has no id.
    :param door: only changes that came through it.
    :param path: only changes of this path, or of the paths below it (`shipping_address`).
    :param resource: only what was done to this: `customer`, or `portal_link`.
    """
    records = _told_of(organization_id, customer_id).order_by("-id")
    if before is not None:
        records = records.filter(id__lt=before)
    if actor is not None:
        records = records.alias(who=Coalesce("actor_id", "actor_name")).filter(who=actor)
    if door is not None:
        records = records.filter(door=door)
    if resource is not None:
        records = records.filter(resource=resource)
    if path is not None:
        records = records.filter(changes__has_any_keys=paths_of(path))
    return [Entry.of(record) for record in records[:limit]]


def entry_of(organization_id: UUID, customer_id: UUID, record_id: int) -> Entry:
    """Return one change of a customer.

    :raises NotFound: if the customer has no such change.
    """
    record = records_of(organization_id, customer_id).filter(id=record_id).first()
    if record is None:
        raise NotFound("change")
    return Entry.of(record)


def actors_of(organization_id: UUID, customer_id: UUID) -> dict[str, str]:
    """Return who changed a customer lately, as `timeline` takes it, with the latest name."""
    latest = _told_of(organization_id, customer_id).order_by("-id")[:_LATELY]
    rows = latest.values_list(Coalesce("actor_id", "actor_name"), "actor_name")
    found: dict[str, str] = {}
    for who, name in rows:
        found.setdefault(who, name)
    return found


def records_of(organization_id: UUID, customer_id: UUID) -> QuerySet[ChangeRecord]:
    return ChangeRecord.objects.filter(
        organization_id=organization_id, resource="customer", object_id=customer_id
    )


def _told_of(organization_id: UUID, customer_id: UUID) -> QuerySet[ChangeRecord]:
    return ChangeRecord.objects.filter(
        organization_id=organization_id, resource__in=_TOLD, object_id=customer_id
    )
