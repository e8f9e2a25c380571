"""The statement of a write, put together from the parts that a batch touches.

A plan costs by its length, even where nothing is found to do; a wish that names no integration
should not pay for integrations. Each part is a file whose blocks are headed `-- :name`:

- `find`: what is stored and what is wanted,
- `difference`: what differs between the two, as (n, path, old, new),
- `problem`: what forbids it, as (n, kind, key, code),
- `put`: the writing,
- `now`: the part's rows as they will be, for the JSON form.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from billing.statements import Statement
from customers.read import form_sql

_HERE = Path(__file__).parent
# Each part, and the relation of the JSON form that it fills.
_RELATIONS = {
    "shipping": "shipping_address",
    "provider": "provider_link",
    "metadata": "metadata",
    "taxes": "applied_tax",
    "integrations": "integration_link",
    "sections": "selected_section",
}
PARTS = tuple(_RELATIONS)

# One wish is not unpacked from the array, so that the planner knows that it is one.
_ONE = "(SELECT %(changes)s::jsonb -> 0, 1)"
_MANY = "jsonb_array_elements(%(changes)s::jsonb) WITH ORDINALITY"


# Read at the start: a server that runs on while its files are replaced stays one version.
_TEXTS = {file.stem: file.read_text() for file in _HERE.glob("*.sql")}


def _read_blocks(name: str) -> dict[str, str]:
    _, *pieces = re.split(r"^-- :(\w+)\n", _TEXTS[name], flags=re.MULTILINE)
    return dict(zip(pieces[::2], map(str.strip, pieces[1::2]), strict=True))


LOCK = Statement(_HERE / "lock.sql")
_BLOCKS = {name: _read_blocks(name) for name in PARTS}


def parts_of(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the parts that these wishes touch."""
    rows = list(rows)
    return tuple(part for part in PARTS if any(part in row for row in rows))


@cache
def write_statement(parts: tuple[str, ...], *, one: bool) -> Statement:
    """Return the statement for wishes that touch these parts.

    :param one: for a single wish; its outcome then carries the customer's JSON.
    """
    steps = [
        _TEXTS["wish"].format(source=_ONE if one else _MANY),
        *(_BLOCKS[part]["find"] for part in parts),
        _TEXTS["compare"].format(
            differences=_union(parts, "difference"), problems=_union(parts, "problem")
        ),
        *(_BLOCKS[part]["put"] for part in parts),
        _TEXTS["put"],
    ]
    if one:
        steps += [_TEXTS["customer_now"], *(_BLOCKS[part]["now"] for part in parts)]
        steps += [
            form_sql(
                "customer", whole=True, **{_RELATIONS[part]: _RELATIONS[part] for part in parts}
            )
        ]
    return Statement("WITH\n" + ",\n".join(steps) + _outcome(one))


def _union(parts: tuple[str, ...], block: str) -> str:
    found = [_BLOCKS[part][block] for part in parts if block in _BLOCKS[part]]
    return "".join(f"UNION ALL\n{select}\n" for select in found)


def _outcome(one: bool) -> str:
    if one:
        return "\n" + _TEXTS["outcome"].format(
            version="form.version",
            json="form.json::text",
            form="LEFT JOIN form ON form.id = wish.customer_id",
        )
    return "\n" + _TEXTS["outcome"].format(version="NULL", json="NULL", form="")
