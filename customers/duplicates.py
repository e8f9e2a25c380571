"""Customers that may already be the one somebody is about to write: shown, never in the way."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from billing.statements import Statement
from customers.sort_name import folded, sort_name

_SOURCE = Path(__file__).with_suffix(".sql").read_text()
_STATEMENT = Statement(_SOURCE.format(sort_name=sort_name()))
_BETWEEN = re.compile(r"[^0-9A-Z]")
# What "S.A.R.L." has and "SARL" has not, as in the statement.
_MARKS = str.maketrans("", "", ".,'\u2019")
# How alike two names are, by the trigrams they share: "hooli" and "hooli sarl" are 0.55.
_SIMILAR = 0.5
# With fewer letters, everything is like everything.
_SHORTEST_NAME = 3


class Duplicate(NamedTuple):
    """A customer that may be the same one.

    :param reasons: the fields that speak for it, by their names on the wire.
    """

    customer_id: UUID
    external_id: str
    name: str
    city: str | None
    country: str | None
    reasons: list[str]


def likely_duplicates(
    organization_id: UUID,
    values: Mapping[str, Any],
    exclude: UUID | None = None,
    limit: int = 5,
) -> list[Duplicate]:
    """Return the customers that share a tax number or an e-mail address, or are named much alike.

    Alike counts only in the same city and country, as far as both are known. Reads a bounded
    number of rows, however many customers there are.

    :param values: by their names on the wire; absent, None and "" say nothing.
    """
    parts = {
        "tax_number": normalized_tax_number(_text(values, "tax_identification_number")) or None,
        "email": _text(values, "email").lower() or None,
        "name": _name(values),
    }
    if not any(parts.values()):
        return []
    rows = _STATEMENT.rows(
        {
            "organization": organization_id,
            **parts,
            "sort_name": folded(parts["name"] or "") or None,
            "plain_name": (parts["name"] or "").translate(_MARKS),
            "city": _text(values, "city").lower() or None,
            "country": _text(values, "country") or None,
            "similar": _SIMILAR,
            "exclude": exclude,
            "limit": limit,
        }
    )
    return [Duplicate(*row) for row in rows]


def normalized_tax_number(number: str) -> str:
    """Return a tax number as it is compared: capitals and digits alone."""
    return _BETWEEN.sub("", number.upper())


def _name(values: Mapping[str, Any]) -> str | None:
    name = _text(values, "legal_name") or _text(values, "name")
    return name.lower() if len(name) >= _SHORTEST_NAME else None


def _text(values: Mapping[str, Any], field: str) -> str:
    return str(values.get(field) or "").strip().replace("\0", "")
