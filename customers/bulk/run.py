"""Bulk work from its preview to its end, a bounded number of customers at a time.

A preview does the work and takes it back: what it foresees is what the same rules will do. Each
step forward is one transaction that writes customers, notes what was left out and moves the
batch's position. A worker may die at any moment; another goes on from there.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from billing.errors import NotAllowed, NotFound
from billing.events.actor import Actor
from billing.statements import Statement
from customers.batches import Batch, BatchItem
from customers.bulk.apply import apply_steps
from customers.bulk.edit import Edit
from customers.bulk.ends import delete_steps, restore_steps
from customers.bulk.steps import Result, Step, Target
from customers.bulk.targets import freeze_batch, freeze_matches, hold, look, refuse_unfinished
from customers.bulk.undoing import undo_steps
from customers.models import Customer

# So many customers are held at once; a call of the API waits for no more than these.
CHUNK = 500
_NOTE = Statement(Path(__file__).parent / "note.sql")
_State = Batch.State
MOVING = (_State.PREVIEWING, _State.RUNNING)

Progress = Callable[[Batch], None]


@transaction.atomic
def prepare(
    organization_id: UUID,
    kind: Batch.Kind,
    actor: Actor,
    matches: QuerySet[Customer],
    edit: Edit | None = None,
) -> Batch:
    """Return a batch over the customers that match now, whose preview is still to be made."""
    batch = _new(organization_id, kind, actor)
    batch.wish = edit.wish() if edit else {}
    batch.total = freeze_matches(batch, matches)
    batch.save(force_insert=True)
    return batch


@transaction.atomic
def prepare_undo(
    organization_id: UUID,
    batch_id: UUID,
    actor: Actor,
    state: Batch.State = Batch.State.PREVIEWING,
) -> Batch:
    """Return a batch that takes another back, whose preview or work is still to be done.

    :param state: RUNNING to do it without a preview.
    :raises NotFound: if there is no such batch.
    :raises NotAllowed: if it has not come to its end.
    """
    undone = find_batch(organization_id, batch_id)
    refuse_unfinished(undone)
    batch = _new(organization_id, Batch.Kind.UNDO, actor)
    batch.undoes, batch.state = undone, state
    batch.total = freeze_batch(batch, undone.id)
    batch.save(force_insert=True)
    return batch


def find_batch(organization_id: UUID, batch_id: UUID) -> Batch:
    """Return a batch of the organization.

    :raises NotFound: if there is none.
    """
    batch = Batch.objects.filter(organization_id=organization_id, id=batch_id).first()
    if batch is None:
        raise NotFound("batch")
    return batch


def start(batch: Batch, actor: Actor) -> bool:
    """Let a previewed batch begin, and return whether it was this call that did.

    :raises NotAllowed: if its preview is not there yet.
    """
    if batch.state == _State.PREVIEWING:
        raise NotAllowed("batch_is_not_previewed")
    now = timezone.now()
    waiting = Batch.objects.filter(pk=batch.pk, state=_State.PREVIEWED)
    begun = waiting.update(
        state=_State.RUNNING, started_at=now, moved_at=now, **_who(actor), **_zero()
    )
    return bool(begun)


def stop(batch: Batch) -> bool:
    """End a batch where it is, and return whether it was under way; what is done stays done."""
    under_way = Batch.objects.filter(pk=batch.pk, state=_State.RUNNING)
    return bool(under_way.update(state=_State.STOPPED, ended_at=timezone.now()))


def run(batch_id: UUID, progress: Progress = lambda _batch: None) -> Batch:
    """Take a batch to the end of its preview, or of its work if that has begun."""
    while True:
        batch = advance(batch_id)
        progress(batch)
        if batch.state not in MOVING:
            return batch


@transaction.atomic
def advance(batch_id: UUID) -> Batch:
    """Take a batch one chunk further; who comes second waits, and takes the next one."""
    batch = Batch.objects.select_for_update(no_key=True).get(pk=batch_id)
    if batch.state not in MOVING:
        return batch
    items = list(batch.items.filter(position__gt=batch.position).order_by("position")[:CHUNK])
    if items:
        steps = _foresee(batch, items) if batch.state == _State.PREVIEWING else _do(batch, items)
        _note(batch, items, steps)
        batch.position = items[-1].position
    if batch.position >= batch.total:
        _finish(batch)
    batch.moved_at = timezone.now()
    batch.save()
    return batch


def first_steps(batch: Batch, count: int) -> list[Step]:
    """Return what is to be done with the first customers of a batch, as far as reading tells."""
    items = batch.items.order_by("position")[:count]
    return _plan(batch, look(batch.organization_id, list(items)))


def _plan(batch: Batch, targets: Sequence[Target]) -> list[Step]:
    if batch.kind == Batch.Kind.EDIT:
        return Edit.read(batch.wish).steps(batch.organization_id, targets)
    if batch.kind == Batch.Kind.DELETE:
        return delete_steps(batch.organization_id, targets)
    if batch.kind == Batch.Kind.RESTORE:
        return restore_steps(batch.organization_id, targets)
    if batch.undoes_id is None:
        raise NotAllowed("batch_runs_elsewhere")
    return undo_steps(batch.organization_id, batch.undoes_id, targets)


def _do(batch: Batch, items: Sequence[BatchItem]) -> list[Step]:
    targets = hold(batch.organization_id, items)
    return apply_steps(batch.organization_id, _plan(batch, targets), batch.actor)


def _foresee(batch: Batch, items: Sequence[BatchItem]) -> list[Step]:
    """Do it and take it back, locks and all."""
    before = transaction.savepoint()
    steps = _do(batch, items)
    transaction.savepoint_rollback(before)
    return steps


def _note(batch: Batch, items: Sequence[BatchItem], steps: Sequence[Step]) -> None:
    """Write down what was left out, and count."""
    by_customer = {one.target.id: one for one in steps}
    found: list[tuple[int, str | None, str | None]] = []
    for item in items:
        step = by_customer.get(item.customer_id)
        result = step.result if step else Result.UNCHANGED
        why = orjson.dumps(step.why).decode() if step and step.why else None
        found.append((item.position, result, why))
    positions, results, whys = zip(*found, strict=True)
    counts = Counter(results)
    batch.done += counts[None] + counts[Result.PARTLY]
    batch.unchanged += counts[Result.UNCHANGED]
    batch.skipped += counts[Result.SKIPPED]
    _NOTE.rows(
        {
            "batch": batch.id,
            "positions": list(positions),
            "results": list(results),
            "whys": list(whys),
        }
    )


def _finish(batch: Batch) -> None:
    if batch.state == _State.RUNNING:
        batch.state, batch.ended_at = _State.DONE, timezone.now()
        return
    counted = ("done", "unchanged", "skipped")
    batch.forecast = {name: getattr(batch, name) for name in counted}
    batch.state = _State.PREVIEWED
    for name, zero in _zero().items():
        setattr(batch, name, zero)


def _new(organization_id: UUID, kind: Batch.Kind, actor: Actor) -> Batch:
    return Batch(organization_id=organization_id, kind=kind, **_who(actor))


def _who(actor: Actor) -> Mapping[str, Any]:
    return {
        "door": actor.door,
        "actor_id": actor.id,
        "actor_name": actor.name,
        "reason": actor.reason,
    }


def _zero() -> Mapping[str, int]:
    return dict.fromkeys(("position", "done", "unchanged", "skipped"), 0)
