"""Pages of customers: found, counted and shown in one statement (contract: customers.md 4)."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self
from uuid import UUID

from billing.errors import NotFound
from billing.statements import Statement
from customers.filters import Filters
from customers.read import form_sql

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CURSOR = re.compile(r"[A-Za-z0-9_-]{32}")


class Position(NamedTuple):
    """A place in the order of a list: just after the customer with these values."""

    created_at: datetime
    id: UUID

    @classmethod
    def read(cls, cursor: str) -> Self | None:
        """Return the position a cursor stands for; None if it can't be read."""
        if not _CURSOR.fullmatch(cursor):
            return None
        data = urlsafe_b64decode(cursor)
        try:
            time = _EPOCH + int.from_bytes(data[:8], "big", signed=True) * _MICROSECOND
        except OverflowError:
            return None
        return cls(time, UUID(bytes=data[8:]))

    def cursor(self) -> str:
        """Return the text that names this position to a caller."""
        time = (self.created_at - _EPOCH) // _MICROSECOND
        return urlsafe_b64encode(time.to_bytes(8, "big", signed=True) + self.id.bytes).decode()


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a list is wanted.

    :param by_cursor: whether `after` counts (None: from the start) instead of `offset`.
    """

    size: int
    offset: int = 0
    by_cursor: bool = False
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """Some customers of a list.

    :param json: their JSON objects, separated by commas.
    :param total: how many the whole list has.
    :param next: where the list goes on; by cursor only, None if nothing follows.
    """

    json: bytes
    total: int
    next: Position | None


def customers_page(organization_id: UUID, filters: Filters, part: Part) -> CustomerPage:
    """Return one page of the customers that pass the filters, newest first.

    :raises NotFound: if a billing entity of the filters is unknown.
    """
    statement = _statement(*filters.sql(), part.by_cursor, part.after is None)
    row = statement.binary_row(_values(organization_id, filters, part))
    total, json, last_created_at, last_id, known_entities = row
    if known_entities < len(filters.billing_entity_codes):
        raise NotFound("billing_entity")
    goes_on = part.by_cursor and last_id is not None
    return CustomerPage(json or b"", total, Position(last_created_at, last_id) if goes_on else None)


def _values(organization_id: UUID, filters: Filters, part: Part) -> Mapping[str, Any]:
    return {
        **filters.values,
        "organization": organization_id,
        "billing_entity_codes": list(filters.billing_entity_codes),
        "size": part.size,
        "offset": part.offset,
        "more": int(part.by_cursor),
        "after_time": part.after.created_at if part.after else "infinity",
        "after_id": part.after.id if part.after else _NO_ID,
    }


_NO_ID = UUID(int=0)
_TEXT = (Path(__file__).parent / "list.sql").read_text()
_BLOCKS = dict(re.findall(r"^-- :(\w+)\n(.*?)(?=^-- :|\Z)", _TEXT, re.MULTILINE | re.DOTALL))
_AFTER = """created_at < %(after_time)s::timestamptz
        OR created_at = %(after_time)s::timestamptz AND id > %(after_id)s::uuid"""


@lru_cache(maxsize=256)
def _statement(conditions: str, unindexed: str, by_cursor: bool, from_start: bool) -> Statement:
    """Return the statement of a page; PostgreSQL prepares each kind once for a connection."""
    if conditions:
        after = "true" if from_start else _AFTER
        rows = _BLOCKS["filtered"].format(after=after, **_hits(conditions, unindexed))
    else:
        rows = _BLOCKS["everyone_after" if by_cursor else "everyone"]
    known = "(SELECT count(*) FROM entity)" if conditions else "0::bigint"
    return Statement(
        f"WITH\n{rows}{_BLOCKS['chosen']}{form_sql('chosen', whole=False)}\n"
        + _BLOCKS["page"].format(known_entities=known)
    )


def _hits(conditions: str, unindexed: str) -> dict[str, str]:
    """Return how the hits are found: by an index, or past it where a sample says so."""
    if conditions == unindexed:
        return {"sample": "", "hits": _BLOCKS["hits"].format(conditions=conditions)}
    ways = _BLOCKS["hits_of_sample"].format(conditions=conditions, unindexed=unindexed)
    return {"sample": _BLOCKS["sample"].format(unindexed=unindexed), "hits": ways}
