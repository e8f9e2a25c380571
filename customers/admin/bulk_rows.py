"""The rows that a page of bulk work shows: who, old and new, and why not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from billing.events.models import ChangeRecord
from customers.batches import Batch, BatchItem
from customers.bulk.run import first_steps
from customers.bulk.steps import Step
from customers.bulk.words import why_words
from customers.cells import neutralize
from customers.models import Customer
from customers.words import Difference, difference, read_names

_AT_A_TIME = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One customer of a batch, in words."""

    customer_id: UUID
    name: str
    external_id: str
    differences: Sequence[Difference] = ()
    # What happens beside single fields: it is deleted, restored, stays as it is.
    action: str = ""
    why: str = ""
    tone: str = "info"


@dataclass(slots=True)
class _Draft:
    """A row before names are looked up."""

    customer_id: UUID
    changes: Mapping[str, Any] = field(default_factory=dict)
    action: str = ""
    why: str = ""
    tone: str = "info"


def preview_rows(batch: Batch, count: int) -> list[Row]:
    """Return what will become of the first customers."""
    items = {item.customer_id: item for item in batch.items.order_by("position")[:count]}
    drafts = [_foreseen(step, items[step.target.id]) for step in first_steps(batch, count)]
    return _rows(batch.organization_id, drafts)


def result_rows(batch: Batch, count: int) -> list[Row]:
    """Return what became of the first customers that were changed, by their records."""
    records = ChangeRecord.objects.filter(
        organization_id=batch.organization_id, batch_id=batch.pk, resource="customer"
    )
    drafts = [
        _Draft(one.object_id, one.changes, *_ended(one.action))
        for one in records.order_by("id")[:count]
    ]
    return _rows(batch.organization_id, drafts)


def left_out_rows(batch: Batch, count: int) -> list[Row]:
    """Return the first customers that were left out, all of them or in part, and why."""
    items = batch.items.filter(why__isnull=False).order_by("position")[:count]
    return _rows(batch.organization_id, [_left_out(item) for item in items])


def csv_lines(batch: Batch) -> Iterator[list[str]]:
    """Return a head and a line for each customer that was left out."""
    yield [_("External id"), _("Customer"), _("What became of it"), _("Why")]
    position = 0
    while True:
        items = batch.items.filter(why__isnull=False, position__gt=position).order_by("position")
        found = list(items[:_AT_A_TIME])
        if not found:
            return
        for row in _rows(batch.organization_id, [_left_out(item) for item in found]):
            yield [neutralize(cell) for cell in (row.external_id, row.name, row.action, row.why)]
        position = found[-1].position


def _left_out(item: BatchItem) -> _Draft:
    partly = item.result == BatchItem.Result.PARTLY
    action = _("Done in part") if partly else _("Left out")
    return _Draft(
        item.customer_id, action=action, why=why_words(item.why) if item.why else "", tone="warn"
    )


def _foreseen(step: Step, item: BatchItem) -> _Draft:
    """Return what will happen; what the preview found refused is known by the item alone."""
    why = item.why or step.why
    if item.result == BatchItem.Result.SKIPPED or not step.does_something:
        words = why_words(why) if why else ""
        action, tone = (_("Left out"), "warn") if why else (_("Stays as it is"), "plain")
        return _Draft(step.target.id, action=action, why=words, tone=tone)
    ended = _ended("deleted" if step.delete else "restored" if step.restore else "updated")
    return _Draft(step.target.id, step.diff, ended[0], why_words(why) if why else "", ended[2])


def _ended(action: str) -> tuple[str, str, str]:
    """Return the words, no reason, and the tone."""
    words = {"deleted": _("Deleted"), "restored": _("Restored"), "created": _("Created")}
    return words.get(action, ""), "", "bad" if action == "deleted" else "ok"


def _rows(organization_id: UUID, drafts: Sequence[_Draft]) -> list[Row]:
    customers = Customer.objects.filter(organization_id=organization_id).in_bulk(
        [one.customer_id for one in drafts]
    )
    values = [(path, side) for one in drafts for path, pair in one.changes.items() for side in pair]
    names = read_names(organization_id, values)
    return [
        Row(
            one.customer_id,
            str(customers[one.customer_id]),
            customers[one.customer_id].external_id,
            [difference(path, old, new, names) for path, (old, new) in one.changes.items()],
            one.action,
            one.why,
            one.tone,
        )
        for one in drafts
        if one.customer_id in customers
    ]
