"""The only JSON form of a tax as a resource of its own."""

from pathlib import Path
from uuid import UUID

from billing.errors import NotFound
from billing.statements import Statement
from billing.taxes.models import Tax

_READ = Statement(Path(__file__).with_name("read.sql"))


def tax_json(organization_id: UUID, code: str) -> str:
    """Return the tax with this code as JSON text.

    :raises NotFound: if there is no such tax.
    """
    found: str | None = _READ.one(
        {"organization": organization_id, "code": code, "limit": 1, "offset": 0}
    )
    if found is None:
        raise NotFound("tax")
    return found


def taxes_json(organization_id: UUID, limit: int, offset: int) -> list[str]:
    """Return a page of the organization's taxes, newest first, each as JSON text."""
    return _READ.column(
        {"organization": organization_id, "code": None, "limit": limit, "offset": offset}
    )


def count_taxes(organization_id: UUID) -> int:
    """Return how many taxes the organization has."""
    return Tax.objects.kept().filter(organization_id=organization_id).count()
