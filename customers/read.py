"""The only JSON form of a customer, built in one statement for one customer, a page or a write."""

from pathlib import Path
from uuid import UUID

import orjson

from billing.statements import Statement

_HERE = Path(__file__).parent
_FORM = (_HERE / "form.sql").read_text()
_SECTIONS = (_HERE / "sections.sql").read_text()

_ONLY_OF_ONE = f", {_SECTIONS} AS applicable_invoice_custom_sections, '[]'::json AS error_details"


def form_sql(customer: str, *, whole: bool) -> str:
    """Return the JSON form as a CTE `form` (id, version, created_at, connection_id, json).

    :param customer: the relation of the customers to show.
    :param whole: with the keys that a list leaves out.
    """
    return _FORM.format(
        customer=customer,
        one_only=_ONLY_OF_ONE if whole else "",
    )


# Takes `organization` and `external_id`; returns the version tag and the JSON.
ONE = Statement((_HERE / "one.sql").read_text().format(form=form_sql("chosen", whole=True)))


def customer_json(organization_id: UUID, external_id: str) -> tuple[str, bytes] | None:
    """Return the version tag and the JSON object of a customer; None if there is none."""
    row = ONE.row({"organization": organization_id, "external_id": external_id})
    return (row[0], one_form(row[1])) if row else None


def one_form(json: str) -> bytes:
    """Return a customer's JSON as the database built it, byte for byte as the writer shows it."""
    return orjson.dumps(orjson.loads(json))
