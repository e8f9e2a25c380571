"""The only JSON form of a customer, built in one statement for one customer, a page or a write."""

from pathlib import Path
from uuid import UUID

from billing.statements import Statement

_HERE = Path(__file__).parent
_FORM = (_HERE / "form.sql").read_text()
_SECTIONS = (_HERE / "sections.sql").read_text()

# What the form is built from when something is read: the tables.
TABLES = {
    "shipping_address": "customers_shippingaddress",
    "provider_link": (
        "(SELECT link.*, connection.type, connection.code FROM customers_providerlink link"
        " JOIN billing_paymentprovider connection ON connection.id = link.connection_id)"
    ),
    "metadata": "customers_customermetadata",
    "applied_tax": "customers_appliedtax",
    "integration_link": "customers_integrationlink",
    "selected_section": "customers_selectedsection",
}
_ONLY_OF_ONE = (
    ", coalesce(sections.list, '[]') AS applicable_invoice_custom_sections"
    ", '[]'::json AS error_details"
)


def form_sql(customer: str, *, whole: bool, **relations: str) -> str:
    """Return the JSON form as a CTE `form` (id, version, created_at, json).

    :param customer: the relation of the customers to show.
    :param whole: with the keys that a list leaves out.
    :param relations: what to read instead of a table of TABLES.
    """
    names = {**TABLES, **relations}
    return _FORM.format(
        customer=customer,
        sections=_SECTIONS.format(**names) if whole else "",
        one_only=_ONLY_OF_ONE if whole else "",
        **names,
    )


_ONE = Statement((_HERE / "one.sql").read_text().format(form=form_sql("chosen", whole=True)))


def customer_json(organization_id: UUID, external_id: str) -> tuple[str, bytes] | None:
    """Return the version tag and the JSON object of a customer; None if there is none."""
    row = _ONE.row({"organization": organization_id, "external_id": external_id})
    return (row[0], row[1].encode()) if row else None
