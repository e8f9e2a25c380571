"""What customers do when the ground they stand on changes."""

from pathlib import Path
from uuid import UUID

from django.db import connection

from billing.events.actor import Actor
from customers.models import CustomerCounter

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
