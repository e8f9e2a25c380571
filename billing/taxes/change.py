"""The shape of a wish to make or change one tax (contract: resources.md 1)."""

import re
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator, WithJsonSchema

from billing.taxes.models import TAX_DESCRIPTION_LENGTH
from billing.values import JsonNumber, fail
from billing.wish import Boolean, Code, Name, Wish, long_text

RATE_MAX = 1_000

_RATE = re.compile(r"-?[0-9]+(\.[0-9]{1,8})?\Z")
_TEXT = re.compile(r"[0-9]{1,4}(\.[0-9]{1,8})?\Z")


def rate(value: Any) -> Decimal:
    """Return a percentage from 0 to 1000 as an exact decimal of at most eight places."""
    if value is None or value == "":
        raise fail("value_is_mandatory")
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        value = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if not isinstance(value, str):
        raise fail("value_is_invalid")
    if value.isspace():
        raise fail("value_is_mandatory")
    if not _RATE.match(value):
        raise fail("value_is_invalid")
    found = Decimal(value)
    if not 0 <= found <= RATE_MAX:
        raise fail("value_is_out_of_range")
    if not isinstance(value, JsonNumber) and not _TEXT.match(value):
        raise fail("value_is_invalid")
    return abs(found)


Rate = Annotated[
    Decimal | None,
    PlainValidator(rate),
    WithJsonSchema({"type": ["number", "string"], "description": "Per cent, 0 to 1000, exact."}),
]


class TaxChange(Wish):
    """A wish to make or change one tax."""

    clearable: ClassVar[frozenset[str]] = frozenset({"description"})

    name: Name = None
    code: Code = None
    rate: Rate = None
    description: Annotated[str | None, long_text(TAX_DESCRIPTION_LENGTH)] = None
    applied_to_organization: Boolean = None
