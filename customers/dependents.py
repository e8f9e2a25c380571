"""What customers do when the ground they stand on changes."""

from collections.abc import Collection, Mapping
from pathlib import Path
from uuid import UUID

from django.db import connection
from django.db.models import Count, Model, Q
from django.utils import timezone
from procrastinate.contrib.django import app

from billing.dependents import Column
from billing.events.actor import Actor
from customers.mirrors import Mirror
from customers.models import (
    AppliedTax,
    Customer,
    CustomerCounter,
    IntegrationLink,
    ProviderLink,
    SelectedSection,
)

# Where the pointers stand. A customer points at most once to each row.
_POINTERS: Mapping[Column, tuple[type[Model], str]] = {
    Column.TAX: (AppliedTax, "tax_id"),
    Column.SECTION: (SelectedSection, "section_id"),
    Column.BILLING_ENTITY: (Customer, "billing_entity_id"),
    Column.PAYMENT_PROVIDER: (ProviderLink, "connection_id"),
    Column.INTEGRATION: (IntegrationLink, "connection_id"),
}

_UNLINK = (Path(__file__).parent / "unlink.sql").read_text()
_UNLINK_TAX = _UNLINK.format(
    table="customers_appliedtax", column="tax_id", target="billing_tax", path="tax_codes"
)
_UNLINK_SECTION = _UNLINK.format(
    table="customers_selectedsection",
    column="section_id",
    target="billing_invoicecustomsection",
    path="invoice_custom_section_codes",
)


class CustomerDependents:
    """Follows the ground floor, inside its transactions and under its configuration lock."""

    def organization_created(self, organization_id: UUID) -> None:
        """Start the numbering of the organization's customers."""
        CustomerCounter.objects.create(organization_id=organization_id)

    def unlink_tax(self, organization_id: UUID, tax_id: UUID, actor: Actor) -> None:
        """Take the tax off every customer, with a change record on each."""
        _unlink(_UNLINK_TAX, organization_id, tax_id, actor)

    def unlink_section(self, organization_id: UUID, section_id: UUID, actor: Actor) -> None:
        """Take the section out of every customer's choice, with a change record on each."""
        _unlink(_UNLINK_SECTION, organization_id, section_id, actor)

    def count_customers(
        self, column: Column, ids: Collection[UUID], *, deleted_too: bool
    ) -> Mapping[UUID, int]:
        """Return how many customers point to each of these rows."""
        model, field = _POINTERS[column]
        rows = model._default_manager.filter(**{f"{field}__in": ids}).values_list(field)
        if not deleted_too:
            path = "deleted_at" if model is Customer else "customer__deleted_at"
            rows = rows.filter(**{path: None})
        return dict(rows.annotate(Count("pk")).order_by())

    def count_waiting(self, column: Column, connection_id: UUID) -> int:
        """Return how many customers have something to be sent, or were refused."""
        waiting = Mirror.objects.filter(customer__deleted_at=None, **{column.value: connection_id})
        return waiting.filter(~Q(todo=[]) | Q(state=Mirror.State.FAILED)).count()

    def credentials_replaced(self, column: Column, connection_id: UUID) -> None:
        """Have a worker try again what failed there."""
        task = app.configure_task("customers.try_connection_again", queue="providers")
        before = timezone.now().isoformat()
        task.defer(column=column.value, connection_id=str(connection_id), before=before)


def _unlink(statement: str, organization_id: UUID, target: UUID, actor: Actor) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "organization": organization_id,
                "target": target,
                **actor.values(),
            },
        )
