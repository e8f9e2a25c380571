"""Writes what was decided, in one statement put together from what really differs.

A plan costs by its length, even where nothing is found to do.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson

from billing.ids import newest_first_text
from billing.statements import Statement
from customers.models import Customer
from customers.write.case import Case
from customers.write.texts import BLOCKS, PARTS

# Each part's blocks, in the order of the parts.
_ROWS = tuple(f"{verb}_{part}" for part in PARTS for verb in ("remove", "put"))
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
    used = tuple(name for name in _ROWS if name in rows)
    numbered = any(case.identity for case in cases)
    statement = _put_statement(
        used, len(newcomers) < len(cases), bool(newcomers), bool(links), numbered
    )
    values = {"customers": customers, "newcomers": newcomers, **rows}
    return statement, {
        "links": "\x1f".join(links),
        **{name: orjson.dumps(value).decode() for name, value in values.items()},
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


@cache
def _put_statement(
    used: tuple[str, ...], updates: bool, creates: bool, links: bool, numbered: bool
) -> Statement:
    blocks = BLOCKS["put"]
    stands = "(SELECT stands FROM frozen)" if links else "true"
    steps = [blocks["begin"]]
    if updates:
        steps.append(blocks["hold"].format(stands=stands))
    unmoved = blocks["unmoved"] if updates else "true"
    steps.append(blocks["record"].format(stands=stands, unmoved=unmoved))
    if updates:
        steps.append(blocks["update"])
    if creates:
        steps.append(blocks["keep_numbers" if numbered else "take_numbers"])
        place = blocks["place_kept" if numbered else "place"]
        steps.append(blocks["create"].format(place=place))
    for name in used:
        verb, _, part = name.partition("_")
        # Newcomers have nothing that could be there already.
        again = BLOCKS[part]["again"] if updates and "again" in BLOCKS[part] else ""
        steps.append(BLOCKS[part][verb].format(again=again))
    written = " UNION ALL ".join(
        f"TABLE {name}" for name, is_used in (("updated", updates), ("created", creates)) if is_used
    )
    begin = "WITH\n" + (blocks["frozen"] + "\n" if links else "")
    return Statement(
        begin + ",\n".join(steps) + "\n" + blocks["outcome"].format(written=f"({written}) written")
    )
