"""A look at what is stored of the customers that wishes name, and at what else they name."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import orjson

from billing.statements import Statement
from customers.read import form_sql
from customers.write.texts import BLOCKS, PARTS, TEXTS

LOCK = Statement(TEXTS["lock"])
_OF_ACTOR = "%(organization)s::uuid"

Connections = dict[str, dict[str, str]]


class Look(NamedTuple):
    """What to ask; a door may ask it together with something of its own.

    :param whole: the customers with all that an answer shows of one.
    """

    parts: tuple[str, ...]
    values: dict[str, str]
    whole: bool

    def sql(self, organization: str) -> str:
        """Return the statement, one JSON text, for the organization that this expression names."""
        return _look_sql(self.parts, self.whole, organization)

    def statement(self) -> Statement:
        """Return the statement for the value `organization`."""
        return _look_statement(self.parts, self.whole)


class Looked:
    """What was found: customers by `external_id`, ids of the configuration by code.

    `listens` says whether anybody may want to be told of what is written.
    """

    def __init__(self, json: str) -> None:
        found = orjson.loads(json)
        self.customers: dict[str, dict[str, Any]] = {
            one["form"]["external_id"]: one for one in found["customers"] or ()
        }
        self.entities: dict[str, str] = {code: key for code, key, _ in found["entities"] or ()}
        self.default_entity: str | None = next(
            (code for code, _, is_default in found["entities"] or () if is_default), None
        )
        self.listens: bool = found["listens"]
        self.taken = frozenset(found.get("taken") or ())
        self.taken_numbers = frozenset(found.get("taken_numbers") or ())
        self.taxes: dict[str, str] = found.get("taxes") or {}
        self.sections: dict[str, str] = found.get("sections") or {}
        self.providers = _by_type(found.get("providers"))
        self.integrations = _by_type(found.get("integrations"))


def look_for(rows: Sequence[Mapping[str, Any]], *, whole: bool) -> Look:
    """Return the look at what these wishes name, as `CustomerChange.row` has them."""
    parts = tuple(part for part in PARTS if any(part in row for row in rows))
    values = {
        "external_ids": _list(row["external_id"] for row in rows),
        "entities": _list({row["entity"] for row in rows if "entity" in row}),
    }
    for name in ("taxes", "sections"):
        if name in parts:
            values[name] = _list({code for row in rows for code in row.get(name, ())})
    if "provider" in parts:
        sent = [row["provider"] for row in rows if "provider" in row]
        values |= _named("provider", sent, "payment_provider", "code")
    if "integrations" in parts:
        sent = [item for row in rows for item in row.get("integrations", ())]
        values |= _named("integration", sent, "integration_type", "integration_code")
    if "identity" in parts:
        values |= _kept([row["identity"] for row in rows if "identity" in row])
    return Look(parts, values, whole)


def _kept(identities: list[dict[str, Any]]) -> dict[str, str]:
    """Return the ids and numbers that customers bring along."""
    ids = {one["id"] for one in identities}.union(*(one["parts"] for one in identities))
    return {
        "kept_ids": _list(ids),
        "kept_numbers": _list({str(one["sequential_id"]) for one in identities}),
    }


def _named(kind: str, sent: list[dict[str, Any]], type_key: str, code_key: str) -> dict[str, str]:
    """Return the codes that are named, and the types that are named without a code."""
    return {
        f"{kind}_codes": _list({one[code_key] for one in sent if one.get(code_key)}),
        f"{kind}_types": _list(
            {one[type_key] for one in sent if one.get(type_key) and not one.get(code_key)}
        ),
    }


def _list(values: Iterable[str]) -> str:
    # Control characters are not allowed in an id or a code, so one can stand between two.
    return "\x1f".join(values)


def _by_type(found: list[tuple[str, str, str]] | None) -> Connections:
    connections: Connections = {}
    for kind, code, key in found or ():
        connections.setdefault(kind, {})[code] = key
    return connections


@cache
def _look_sql(parts: tuple[str, ...], whole: bool, organization: str) -> str:
    blocks = {name: [BLOCKS[part][name] for part in parts if name in BLOCKS[part]]
              for name in ("stored", "named")}  # fmt: skip
    return TEXTS["look"].format(
        organization=organization,
        form=form_sql("chosen", whole=whole),
        stored="".join(f", {block}" for block in blocks["stored"]),
        named="".join(f", {block.format(organization=organization)}" for block in blocks["named"]),
    )


@cache
def _look_statement(parts: tuple[str, ...], whole: bool) -> Statement:
    return Statement(_look_sql(parts, whole, _OF_ACTOR))
