"""The only JSON form of a customer, read in one statement for one customer or a page."""

from functools import lru_cache
from pathlib import Path
from uuid import UUID

from billing.statements import Statement

_HERE = Path(__file__).parent


def _sql(name: str) -> str:
    return (_HERE / name).read_text()


@lru_cache
def form_sql(*, whole: bool) -> str:
    """Return the JSON form as a CTE `form`; a list's form lacks what only one customer shows."""
    form = _sql("form.sql")
    sections = _sql("sections.sql") if whole else ""
    extra = (
        ", coalesce(sections.list, '[]') AS applicable_invoice_custom_sections"
        ", '[]'::json AS error_details"
        if whole
        else ""
    )
    return form.replace("/* sections of one customer only */", sections).replace(
        "/* of one customer only */", extra
    )


_ONE = Statement(
    "WITH chosen AS MATERIALIZED ("
    " SELECT id FROM customers_customer"
    " WHERE organization_id = %(organization)s AND external_id = %(external_id)s"
    " AND deleted_at IS NULL),"
    + _sql("stored.sql")
    + form_sql(whole=True)
    + "SELECT customers_tag(id, version), json::text FROM form"
)


def customer_json(organization_id: UUID, external_id: str) -> tuple[str, bytes] | None:
    """Return the version tag and the JSON object of a customer; None if there is none."""
    row = _ONE.row({"organization": organization_id, "external_id": external_id})
    return (row[0], row[1].encode()) if row else None
