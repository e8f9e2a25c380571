"""The only writer of customers: one wish or ten thousand, found, compared, written and recorded.

One transaction, two statements, one round trip: `lock.sql`, and the steps from `wish.sql` to
`outcome.sql` as `statement.py` puts them together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast
from uuid import UUID

import orjson
import psycopg
from django.db import IntegrityError, OperationalError, connection, transaction

from billing.errors import Invalid, NotFound, Problems, Refusal, Stale
from billing.events.actor import Actor
from billing.statements import Statement
from customers.change import CustomerChange
from customers.write.statement import LOCK, parts_of, write_statement

# Twice is enough for two creators of one customer; the rest is for create, delete and create.
_ATTEMPTS = 5


class RefusedBatch(Refusal):
    """Some changes of a batch break rules; nothing of it was written.

    :param refusals: position in the batch, from 0, to what is wrong with that change.
    """

    def __init__(self, refusals: dict[int, Refusal]) -> None:
        super().__init__(refusals)
        self.refusals = refusals


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change.

    `tag` and `json` (the customer as it is now) are there only if they were asked for.
    """

    customer_id: UUID
    kind: Literal["created", "updated", "unchanged"]
    changes: str | None
    tag: str | None = None
    json: bytes | None = None

    @property
    def diff(self) -> dict[str, list[Any]]:
        """Return wire paths with `[old, new]`; empty if nothing changed."""
        return orjson.loads(self.changes) if self.changes else {}


class Precondition(NamedTuple):
    """What must hold of the customer before it may be written (contract: customers.md 1.7)."""

    if_match: tuple[str, ...] = ()
    create_only: bool = False


def write_customers(
    organization_id: UUID, changes: Sequence[CustomerChange], actor: Actor
) -> list[Outcome]:
    """Write the changes, all or none, and return what became of each, in their order.

    :raises RefusedBatch: if a change breaks a rule, or two of them name one customer.
    """
    shapes = [change.problems for change in changes]
    _add_doubles(changes, shapes)
    rows = [_row(change, shape) for change, shape in zip(changes, shapes, strict=True)]
    found = _write(organization_id, rows, actor)
    refusals = _refusals(found, shapes)
    if refusals:
        raise RefusedBatch(refusals)
    return [_outcome(row) for row in found]


def write_customer(
    organization_id: UUID,
    change: CustomerChange,
    actor: Actor,
    precondition: Precondition | None = None,
) -> Outcome:
    """Write one change and return its outcome with the customer's JSON: a batch of one.

    :raises Invalid, NotFound, Stale: as the contract orders them; nothing was written.
    """
    shape = change.problems
    row = _row(change, shape)
    if precondition and precondition.if_match:
        row["if_match"] = precondition.if_match
    if precondition and precondition.create_only:
        row["create_only"] = True
    found = _write(organization_id, [row], actor, one=True)
    for refusal in _refusals(found, [shape]).values():
        raise refusal
    return _outcome(found[0])


class _Found(NamedTuple):
    """A row of `outcome.sql`: an outcome, or a problem with its key and code."""

    n: int
    kind: str
    customer_id: UUID | None
    key: str | None
    code: str | None
    changes: str | None
    version: int | None
    json: str | None


def _row(change: CustomerChange, shape: Problems) -> dict[str, Any]:
    row = change.row()
    if shape:
        row["refused"] = True
    return row


def _add_doubles(changes: Sequence[CustomerChange], shapes: list[Problems]) -> None:
    """Add a problem to every change that names a customer another one before it names."""
    first: set[str] = set()
    for position, change in enumerate(changes):
        if change.external_id in first and "external_id" not in shapes[position].by_field:
            shapes[position] = _copy(shapes[position])
            shapes[position].add("external_id", "value_already_exist")
        first.add(change.external_id)


def _copy(problems: Problems) -> Problems:
    return Problems({key: list(codes) for key, codes in problems.by_field.items()})


def _write(
    organization_id: UUID, rows: list[dict[str, Any]], actor: Actor, *, one: bool = False
) -> list[_Found]:
    statement = write_statement(parts_of(rows), one=one)
    values = {
        "organization": organization_id,
        # Control characters are not allowed in an id, so one can stand between two.
        "external_ids": "\x1f".join(row["external_id"] for row in rows),
        "changes": orjson.dumps(rows).decode(),
        **actor.values(),
    }
    for _ in range(_ATTEMPTS):
        try:
            found = _run(statement, values)
        except IntegrityError as error:
            if not is_creation_race(error):
                raise
        else:
            if all(row.kind != "unlocked" for row in found):
                return found
        # Somebody created one of these customers after we looked: look again.
    raise OperationalError("one of these customers is being created over and over")


def is_creation_race(error: IntegrityError) -> bool:
    """Return whether somebody else has just taken the external_id of a customer to be kept."""
    cause = error.__cause__
    return (
        isinstance(cause, psycopg.errors.UniqueViolation)
        and cause.diag.constraint_name == "customer_external_id_once"
    )


def _run(statement: Statement, values: dict[str, Any]) -> list[_Found]:
    """Run the write after its locks, in a transaction of both or a savepoint of the caller's."""
    if connection.in_atomic_block:
        with transaction.atomic():
            rows = statement.rows_after(LOCK, values)
    else:
        rows = statement.rows_after(LOCK, values)
    return [_Found(*row) for row in rows]


def _outcome(row: _Found) -> Outcome:
    customer_id = cast(UUID, row.customer_id)  # only a problem has none
    return Outcome(
        customer_id,
        row.kind,  # type: ignore[arg-type]  # the statement's own words
        row.changes,
        f"{customer_id.hex}-{row.version}" if row.version is not None else None,
        row.json.encode() if row.json is not None else None,
    )


def _refusals(found: list[_Found], shapes: Sequence[Problems]) -> dict[int, Refusal]:
    """Return what is wrong, by position; of several kinds the first (customers.md 1.2)."""
    by_change: dict[int, list[_Found]] = {}
    for row in found:
        if row.customer_id is None:
            by_change.setdefault(row.n - 1, []).append(row)
    return {position: _refusal(rows, shapes[position]) for position, rows in by_change.items()}


def _refusal(rows: list[_Found], shape: Problems) -> Refusal:
    problems = _copy(shape)
    for row in rows:
        if row.kind == "invalid":
            _add(problems, str(row.key), str(row.code))
    if problems:
        return Invalid(problems.by_field)
    missing = {row.key for row in rows if row.kind == "not_found"}
    for resource in ("billing_entity", "tax"):
        if resource in missing:
            return NotFound(resource)
    [stale] = [row for row in rows if row.kind == "stale"]
    return Stale(stale.code)


def _add(problems: Problems, key: str, code: str) -> None:
    if key == "provider_payment_methods":
        # The one key under which a code may stand twice (customers.md 2.7).
        problems.by_field.setdefault(key, []).append(code)
    elif key != "base" or "payment_provider_code" not in problems.by_field:
        # A code that could not be read says nothing about the connection it names.
        problems.add(key, code)
