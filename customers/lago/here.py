"""Customers as this Tarn shows them, by the dozen, to stand beside those of Lago."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import orjson

from billing.statements import Statement
from customers.lago.client import Json
from customers.models import Customer
from customers.read import form_sql

_TEXT = Path(__file__).with_name("here.sql").read_text()
_STATEMENT = Statement(_TEXT.format(form=form_sql("chosen", whole=True)))


def customers_here(organization_id: UUID, external_ids: Sequence[str]) -> dict[str, Json]:
    """Return the customers of these names that there are, in the form of the API."""
    values = {"organization": organization_id, "external_ids": list(external_ids)}
    found = map(orjson.loads, _STATEMENT.column(values))
    return {customer["external_id"]: customer for customer in found}


def count_here(organization_id: UUID) -> int:
    """Return how many customers there are."""
    return Customer.objects.kept().filter(organization_id=organization_id).count()
