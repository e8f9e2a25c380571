"""Bulk work done in one go, by somebody."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.models import Organization
from customers.batches import Batch
from customers.bulk.edit import Edit
from customers.bulk.run import prepare, run, start
from customers.change import CustomerChange
from customers.models import Customer
from customers.write import write_customers

ANN = Actor(ChangeRecord.Door.STAFF, "Ann", id="7", reason="ticket 12")
BOB = Actor(ChangeRecord.Door.API, "shop", id="key-1")


def preview(
    organization: Organization,
    customers: Sequence[Customer],
    kind: Batch.Kind = Batch.Kind.EDIT,
    **wish: Any,
) -> Batch:
    """Return a batch over these customers with its preview."""
    matches = Customer.objects.filter(id__in=[one.id for one in customers])
    edit = Edit.read(wish) if wish else None
    return run(prepare(organization.id, kind, ANN, matches, edit).id)


def confirm(batch: Batch) -> Batch:
    """Let a previewed batch happen."""
    start(batch, ANN)
    return run(batch.id)


def write(organization: Organization, customer: Customer, **values: Any) -> None:
    """Change one customer through the API's door."""
    change = CustomerChange.read({"external_id": customer.external_id} | values)
    write_customers(organization.id, [change], BOB)


def left_out(batch: Batch) -> dict[UUID, str]:
    """Return why customers were left out, all of them or in part."""
    items = batch.items.filter(why__isnull=False)
    return {item.customer_id: (item.why or {})["code"] for item in items}


def counts(batch: Batch) -> tuple[int, int, int]:
    """Return how many were done, unchanged and skipped."""
    return batch.done, batch.unchanged, batch.skipped
