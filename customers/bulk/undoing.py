"""Taking a batch back: what that means for each customer, by the records of its changes."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Min

from billing.events.models import ChangeRecord
from customers.bulk.steps import Step, Target, Why
from customers.bulk.targets import why_changed
from customers.history import body_of, in_order, is_same, together

_Action = ChangeRecord.Action
_COMES = frozenset({_Action.CREATED, _Action.RESTORED})


def undo_steps(organization_id: UUID, batch_id: UUID, targets: Sequence[Target]) -> list[Step]:
    """Return what takes the batch back on each customer.

    What somebody else has changed since stays as it is, field by field. A customer that the batch
    created or restored stays if anybody has changed anything of it since.
    """
    records = _records_since(organization_id, batch_id, [one.id for one in targets])
    return [_step(one, batch_id, records[one.id]) for one in targets if one.id in records]


def _records_since(
    organization_id: UUID, batch_id: UUID, customer_ids: Sequence[UUID]
) -> Mapping[UUID, list[ChangeRecord]]:
    """Return the records of each customer from the batch's first change of it on, oldest first."""
    records = ChangeRecord.objects.filter(
        organization_id=organization_id, resource="customer", object_id__in=customer_ids
    )
    of_batch = records.filter(batch_id=batch_id).values_list("object_id")
    first = dict(of_batch.annotate(first=Min("id")))
    since = records.filter(id__gte=min(first.values(), default=0)).order_by("object_id", "id")
    return {
        customer_id: [one for one in found if one.id >= first[customer_id]]
        for customer_id, found in groupby(since, key=lambda one: one.object_id)
        if customer_id in first
    }


def _step(target: Target, batch_id: UUID, records: Sequence[ChangeRecord]) -> Step:
    mine = [one for one in records if one.batch_id == batch_id]
    others = [one for one in records if one.batch_id != batch_id]
    if mine[0].action in _COMES:
        return _undo_arrival(target, others)
    if target.is_deleted and not _was_deleted_by(batch_id, records):
        return Step(target, why=_changed_since(others))
    return _put_back(target, mine, records, batch_id)


def _undo_arrival(target: Target, others: Sequence[ChangeRecord]) -> Step:
    """Delete what the batch brought, unless somebody has worked on it."""
    if target.is_deleted:
        return Step(target)
    return Step(target, why=_changed_since(others)) if others else Step(target, delete=True)


def _was_deleted_by(batch_id: UUID, records: Sequence[ChangeRecord]) -> bool:
    deletions = [one for one in records if one.action == _Action.DELETED]
    return bool(deletions) and deletions[-1].batch_id == batch_id


def _put_back(
    target: Target, mine: Sequence[ChangeRecord], records: Sequence[ChangeRecord], batch_id: UUID
) -> Step:
    """Restore the customer if the batch deleted it, and put back the values that nobody touched."""
    first = {path: one for one in reversed(mine) for path in one.changes}
    old = {path: one.changes[path][0] for path, one in first.items()}
    now = {path: value[1] for one in records for path, value in one.changes.items()}
    differing = {path for path in old if not is_same(old[path], now[path])}
    touched = {
        path: one
        for one in records
        if one.batch_id != batch_id
        for path in one.changes
        if path in differing and one.id > first[path].id
    }
    kept = together(touched, old) & differing if touched else set()
    wanted = in_order({path: old[path] for path in differing - kept})
    diff = {path: (now[path], value) for path, value in wanted.items()}
    return Step(
        target,
        diff,
        body_of(target.external_id, dict(wanted)) if wanted else {},
        restore=target.is_deleted,
        why=_changed_since(list(touched.values()), sorted(kept)) if kept else None,
    )


def _changed_since(records: Sequence[ChangeRecord], paths: Sequence[str] = ()) -> Why:
    latest: Any = max(records, key=lambda one: one.id)
    return why_changed("changed_since", latest, paths)
