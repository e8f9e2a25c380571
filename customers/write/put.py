"""Writes what was decided, in one statement put together from what really differs.

A plan costs by its length, even where nothing is found to do.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import orjson

from billing.ids import newest_first_text
from billing.statements import Statement
from customers.models import Customer
from customers.write.case import Case
from customers.write.texts import BLOCKS, PARTS

# Each part's blocks, in the order of the parts.
_ROWS = tuple(f"{verb}_{part}" for part in PARTS for verb in ("remove", "put"))
_COLUMNS = BLOCKS["put"]["columns"]
_NEW_COLUMNS = re.sub(r"\w+", r"new.\g<0>", _COLUMNS)
# What a newcomer has unless the wish says otherwise.
_USUAL = {
    "account_type": Customer.AccountType.CUSTOMER.value,
    "finalize_zero_amount_invoice": Customer.FinalizeZeroAmountInvoice.INHERIT.value,
    "skip_invoice_custom_sections": False,
}


def put_statement(cases: Sequence[Case]) -> tuple[Statement, dict[str, Any]]:
    """Return the statement that writes these cases, and its values.

    It writes all or, if somebody was faster, none, and returns a row for each it wrote.
    """
    customers, newcomers, rows = [], [], dict[str, list[dict[str, Any]]]()
    links = set[str]()
    for n, case in enumerate(cases):
        if case.stored is None:
            newcomers.append(_newcomer(case))
            customers.append({"n": n, "id": newcomers[-1]["id"], "changes": case.changes})
        else:
            customers.append(_known(n, case.stored, case))
        links |= case.links
        for name, found in case.rows.items():
            rows.setdefault(name, []).extend([{"n": n, **row} for row in found])
    kind = _Kind(
        used=tuple(name for name in _ROWS if name in rows),
        updates=len(newcomers) < len(cases),
        creates=bool(newcomers),
        links=bool(links),
        numbered=any(case.identity for case in cases),
        is_one=len(cases) == 1,
    )
    values = {"newcomers": newcomers, **rows}
    return _put_statement(kind), {
        "links": "\x1f".join(links),
        **_wanted(customers),
        **{name: orjson.dumps(value).decode() for name, value in values.items()},
    }


def _wanted(customers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is wanted as the values of the block `one` or `many`."""
    if len(customers) > 1:
        return {"customers": orjson.dumps(customers).decode()}
    [one] = customers
    return {
        "id": one["id"],
        "version": one.get("version"),
        "fields": orjson.dumps(one.get("fields")).decode(),
        "changes": orjson.dumps(one["changes"]).decode(),
    }


def _newcomer(case: Case) -> dict[str, Any]:
    """Return the columns, but for those that only the database knows."""
    return {
        "id": newest_first_text(),
        "external_id": case.sent["external_id"],
        **_USUAL,
        **case.fields,
        **(case.identity or {}),
    }


def _known(n: int, stored: dict[str, Any], case: Case) -> dict[str, Any]:
    return {
        "n": n,
        "id": stored["id"],
        "version": stored["version"],
        "fields": case.fields,
        "changes": case.changes,
    }


class _Kind(NamedTuple):
    """What a statement is put together for."""

    used: tuple[str, ...]
    updates: bool
    creates: bool
    links: bool
    numbered: bool
    is_one: bool


@cache
def _put_statement(kind: _Kind) -> Statement:
    steps = [BLOCKS["put"]["one" if kind.is_one else "many"], *_customer_steps(kind)]
    for name in kind.used:
        verb, _, part = name.partition("_")
        # Newcomers have nothing that could be there already.
        again = BLOCKS[part]["again"] if kind.updates and "again" in BLOCKS[part] else ""
        steps.append(BLOCKS[part][verb].format(again=again))
    begin = "WITH\n" + (BLOCKS["put"]["frozen"] + "\n" if kind.links else "")
    tables = ("updated",) * kind.updates + ("created",) * kind.creates
    written = " UNION ALL ".join(f"TABLE {name}" for name in tables)
    outcome = BLOCKS["put"]["outcome"].format(written=f"({written}) written")
    return Statement(begin + ",\n".join(steps) + "\n" + outcome)


def _customer_steps(kind: _Kind) -> Iterator[str]:
    """Yield what writes the customers themselves and their change records.

    A row that is alone is locked and asked for its version by its update. Many are locked first,
    in their order; so none is touched if one of them has moved.
    """
    blocks = BLOCKS["put"]
    stands = "(SELECT stands FROM frozen)" if kind.links else "true"
    columns = {"columns": _COLUMNS, "new_columns": _NEW_COLUMNS}
    unmoved = "true"
    if kind.updates and kind.is_one:
        guard = blocks["if_unmoved"].format(stands=stands)
        yield blocks["update"].format(known="wanted", if_unmoved=guard, **columns)
        stands, unmoved = "true", "EXISTS (SELECT FROM updated)"
    elif kind.updates:
        yield blocks["hold"].format(stands=stands)
        unmoved = blocks["held"]
    yield blocks["record"].format(stands=stands, unmoved=unmoved)
    if kind.updates and not kind.is_one:
        yield blocks["update"].format(known="target", if_unmoved="NOT target.is_new", **columns)
    if kind.creates:
        yield blocks["keep_numbers" if kind.numbered else "take_numbers"]
        place = blocks["place_kept" if kind.numbered else "place"]
        yield blocks["create"].format(place=place, **columns)
