"""Which customers are just as a row of a file left or found them, so that the same row again needs
no decision.

An agreement is exact, or it doesn't count: it holds for these very cells, for this version of the
customer (whatever changes one raises it), and by the same terms: the column map, the rules, and
everything of the organization that a row can name.
"""

import sys
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pydantic

from billing.statements import Statement
from customers.intakes import Import

_HERE = Path(__file__).parent
_TERMS = (_HERE / "terms.sql").read_text()
_RULES = tuple(_HERE.parents[1] / name for name in ("billing", "customers"))
_READ = frozenset({".py", ".sql", ".json"})

AGREE = Statement((_HERE / "agree.sql").read_text().format(terms=_TERMS))


class Agreed(NamedTuple):
    """A row that leaves its customer at this version, or finds it there."""

    number: int
    external_id: str
    version: int


def page_statement(place: str) -> Statement:
    """Return the statement for the next rows, whose cells have names or places (their type)."""
    return Statement((_HERE / "page.sql").read_text().format(terms=_TERMS, place=place))


def basis(intake: Import) -> bytes:
    """Return what the terms of an import rest on in this process: its column map and our rules."""
    known = [_rules(), intake.header, intake.mapping]
    return sha256(orjson.dumps(known, option=orjson.OPT_SORT_KEYS)).digest()


def agreeing(intake: Import, terms: bytes, agreed: Iterable[Agreed]) -> dict[str, Any]:
    """Return the values with which `AGREE` keeps that these rows agree, if these terms stand."""
    return {
        "import": intake.id, "organization": intake.organization_id, "basis": basis(intake),
        "terms": terms, "agreed": orjson.dumps([one._asdict() for one in agreed]).decode(),
    }  # fmt: skip


def keep_agreed(intake: Import, terms: bytes, agreed: Iterable[Agreed]) -> None:
    """Do so at once."""
    AGREE.rows(agreeing(intake, terms, agreed))


def digest_of(cells: bytes) -> bytes:
    """Return what the cells of a row are known by."""
    return sha256(cells).digest()


@cache
def _rules() -> str:
    """Return what the rules are known by: their text, since a number can be forgotten to raise."""
    found = sha256(f"{sys.version} {pydantic.VERSION}".encode())
    for folder in _RULES:
        for path in sorted(folder.rglob("*")):
            if path.suffix in _READ:
                found.update(path.read_bytes())
    return found.hexdigest()
