"""Doing what is to be done with some customers, through the writers that everybody uses."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction

from billing.events.actor import Actor
from customers.bulk.steps import Step, Why, why_refused
from customers.change import CustomerChange
from customers.delete import delete_customers
from customers.history import is_same
from customers.restore import restore_customers
from customers.write import Outcome, RefusedBatch, write_customers


class _LeftOut(Exception):
    """Some customers can't be done as their steps say."""

    def __init__(self, whys: Mapping[UUID, Why]) -> None:
        super().__init__(whys)
        self.whys = whys


def apply_steps(organization_id: UUID, steps: Sequence[Step], actor: Actor) -> list[Step]:
    """Do the steps, and return what was done: a refused step becomes one that only says why."""
    while True:
        try:
            with transaction.atomic():
                _restore(organization_id, [one for one in steps if one.restore], actor)
                _write(organization_id, [one for one in steps if one.diff], actor)
                _delete(organization_id, [one for one in steps if one.delete], actor)
            return list(steps)
        except _LeftOut as left_out:
            whys = left_out.whys
            # Each round leaves out one at least, so there is a last round.
            steps = [
                one.refused(whys[one.target.id]) if one.target.id in whys else one for one in steps
            ]


def _restore(organization_id: UUID, steps: Sequence[Step], actor: Actor) -> None:
    if steps:
        try:
            restore_customers(organization_id, [one.target.id for one in steps], actor)
        except RefusedBatch as refused:
            raise _left_out(steps, refused) from refused


def _delete(organization_id: UUID, steps: Sequence[Step], actor: Actor) -> None:
    if steps:
        try:
            delete_customers(organization_id, [one.target.external_id for one in steps], actor)
        except RefusedBatch as refused:
            raise _left_out(steps, refused) from refused


def _write(organization_id: UUID, steps: Sequence[Step], actor: Actor) -> None:
    """Write the wishes, and see that they did what their steps say and nothing else."""
    if not steps:
        return
    changes = [CustomerChange.read(one.body) for one in steps]
    try:
        outcomes = write_customers(organization_id, changes, actor)
    except RefusedBatch as refused:
        raise _left_out(steps, refused) from refused
    whys = {
        step.target.id: why
        for step, outcome in zip(steps, outcomes, strict=True)
        if (why := _deviation(step, outcome))
    }
    if whys:
        raise _LeftOut(whys)


def _left_out(steps: Sequence[Step], refused: RefusedBatch) -> _LeftOut:
    return _LeftOut({steps[n].target.id: why_refused(one) for n, one in refused.refusals.items()})


def _deviation(step: Step, outcome: Outcome) -> Why | None:
    """Return how the write differs from what was announced; None if it does not."""
    written = outcome.diff
    missing = [
        path
        for path, (_, new) in step.diff.items()
        if path not in written or not is_same(written[path][1], new)
    ]
    if missing:
        return {"code": "cannot_be_put_back", "paths": missing}
    besides = sorted(written.keys() - step.diff.keys())
    return {"code": "would_change_too", "paths": besides} if besides else None
