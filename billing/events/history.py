"""All changes of an organization, newest first, fast however many there are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from billing.events.models import ChangeRecord

# What one question looks through at most, in ids: about half a second of a database's work.
WINDOW = 50_000
WINDOWS = 8
# Ids and times run together but for transactions under way at the same time.
_MARGIN = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Which changes to find; None leaves a thing open.

    :param who: the id of a person or program, or the name if it has no id.
    :param since: from then on.
    :param until: before then.
    :param paths: those that changed one of these.
    """

    who: str | None = None
    door: str | None = None
    resource: str | None = None
    object_id: UUID | None = None
    batch_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    paths: tuple[str, ...] = ()


class Found(NamedTuple):
    """A page of changes.

    :param before: where the next page begins; None if there is none.
    :param is_partial: whether it ended because enough was looked through, not because it is full.
    """

    records: list[ChangeRecord]
    before: int | None
    is_partial: bool


def find_changes(
    organization_id: UUID, asked: Asked, before: int | None = None, limit: int = 50
) -> Found:
    """Return a page of the changes that were asked for, newest first.

    :param before: what the page before this one said.
    """
    rows = _narrowed(organization_id, asked).order_by("-id")
    if asked.object_id or asked.batch_id:  # these have an index
        found = list((rows.filter(id__lt=before) if before else rows)[: limit + 1])
        return _page(found, limit, None)
    top = before if before is not None else _top(asked.until)
    floor = max(_first_id_at(asked.since) - _MARGIN, 0) if asked.since else 0
    found = []
    for _window in range(WINDOWS):
        bottom = max(top - WINDOW, floor)
        found += rows.filter(id__lt=top, id__gte=bottom)[: limit + 1 - len(found)]
        top = bottom
        if len(found) > limit or top <= floor:
            return _page(found, limit, None)
    return _page(found, limit, top)


def _page(found: list[ChangeRecord], limit: int, looked_to: int | None) -> Found:
    if len(found) > limit:
        return Found(found[:limit], found[limit - 1].id, False)
    return Found(found, looked_to, looked_to is not None)


def _narrowed(organization_id: UUID, asked: Asked) -> QuerySet[ChangeRecord]:
    rows = ChangeRecord.objects.filter(organization_id=organization_id)
    if asked.who is not None:
        rows = rows.alias(who=Coalesce("actor_id", "actor_name")).filter(who=asked.who)
    if asked.paths:
        rows = rows.filter(changes__has_any_keys=list(asked.paths))
    wanted: dict[str, Any] = {
        "door": asked.door,
        "resource": asked.resource,
        "object_id": asked.object_id,
        "batch_id": asked.batch_id,
        "at__gte": asked.since,
        "at__lt": asked.until,
    }
    return rows.filter(**{name: value for name, value in wanted.items() if value is not None})


def _top(until: datetime | None) -> int:
    """Return an id above all that was recorded before then, or above all there is."""
    newest = ChangeRecord.objects.order_by("-id").values_list("id", flat=True).first() or 0
    return min(newest + 1, _first_id_at(until) + _MARGIN) if until else newest + 1


def _first_id_at(moment: datetime) -> int:
    """Return about the first id at a moment, by halving: each step is one look at the index."""
    ids = ChangeRecord.objects.values_list("id", "at")
    newest = ids.order_by("-id").first()
    low, high = 0, (newest[0] if newest else 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = ids.filter(id__gte=middle, id__lt=high).order_by("id").first()
        if row is None:
            high = middle
        elif row[1] < moment:
            low = row[0] + 1
        else:
            high = middle
    return low
