"""Writes what was decided, in one statement put together from what really differs.

A plan costs by its length, even where nothing is found to do.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson

from billing.statements import Statement
from customers.write.case import Case
from customers.write.texts import BLOCKS, PARTS

# Each part's blocks, in the order of the parts.
_ROWS = tuple(f"{verb}_{part}" for part in PARTS for verb in ("remove", "put"))


def put_statement(cases: Sequence[Case]) -> tuple[Statement, dict[str, Any]]:
    """Return the statement that writes these cases, and its values.

    It writes all or, if somebody was faster, none, and returns a row for each it wrote.
    """
    rows = {
        name: [{"n": n, **case.rows[name]} for n, case in enumerate(cases) if name in case.rows]
        for name in _ROWS
    }
    used = tuple(name for name in _ROWS if rows[name])
    kinds = {case.stored is None for case in cases}
    links: set[str] = set().union(*(case.links for case in cases))
    numbered = any(case.identity for case in cases)
    statement = _put_statement(used, False in kinds, True in kinds, bool(links), numbered)
    values = {name: _json(rows[name]) for name in used}
    values["customers"] = _json([_customer(n, case) for n, case in enumerate(cases)])
    values["links"] = "\x1f".join(links)
    return statement, values


def _customer(n: int, case: Case) -> dict[str, Any]:
    if case.stored is None:
        return {
            "n": n,
            "fields": {**case.fields, "external_id": case.sent["external_id"]},
            "changes": case.changes,
            "identity": case.identity,
        }
    return {
        "n": n,
        "id": case.stored["id"],
        "version": case.stored["version"],
        "fields": case.fields,
        "changes": case.changes,
    }


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


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
        steps.append(blocks["create"])
    for name in used:
        verb, _, part = name.partition("_")
        steps.append(BLOCKS[part][verb])
    written = " UNION ALL ".join(
        f"TABLE {name}" for name, is_used in (("updated", updates), ("created", creates)) if is_used
    )
    begin = "WITH\n" + (blocks["frozen"] + "\n" if links else "")
    return Statement(
        begin + ",\n".join(steps) + "\n" + blocks["outcome"].format(written=f"({written}) written")
    )
