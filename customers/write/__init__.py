"""The only writer of customers, of one wish or ten thousand: look, decide, put.

`look` asks what is stored, `decide` says what a wish makes of it, `put` writes what differs, and
only if what was looked at still stands; else all of it is done again, under locks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast
from uuid import UUID

import orjson
import psycopg
from django.db import IntegrityError, OperationalError, connection, transaction

from billing.errors import Problems, Refusal
from billing.events.actor import Actor
from billing.statements import Statement, run_all
from customers.change import CustomerChange
from customers.read import ONE
from customers.tell import TELL_OF_KNOWN, TELL_OF_WRITTEN, parted_form
from customers.write.case import Case, tag_of
from customers.write.decide import decide
from customers.write.look import LOCK, Look, Looked, look_for
from customers.write.put import put_statement

__all__ = [
    "CustomerWrite",
    "Outcome",
    "Precondition",
    "RefusedBatch",
    "is_creation_race",
    "write_customer",
    "write_customers",
]

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
    diff: dict[str, list[Any]]
    """Wire paths with `[old, new]`; empty if nothing changed."""
    tag: str | None = None
    json: bytes | None = None


class Precondition(NamedTuple):
    """What must hold of the customer before it may be written (contract: customers.md 1.7)."""

    if_match: tuple[str, ...] = ()
    create_only: bool = False


class Wish(NamedTuple):
    """A change to one customer as the rules take it."""

    sent: dict[str, Any]
    shape: Problems


def write_customers(
    organization_id: UUID, changes: Sequence[CustomerChange], actor: Actor
) -> list[Outcome]:
    """Write the changes, all or none, and return what became of each, in their order.

    :raises RefusedBatch: if a change breaks a rule, or two of them name one customer.
    """
    return _write_of(organization_id, changes, actor).run()


class Foreseen(NamedTuple):
    """What a change would do: wire paths with `[old, new]`, none if it does nothing.

    :param version: of the customer as it is now, 0 if there is none.
    """

    kind: Literal["created", "updated", "unchanged"]
    diff: dict[str, list[Any]]
    version: int


class Decided(NamedTuple):
    """What changes do by what was looked at, each by itself, and how that is written."""

    found: list[Foreseen | Refusal]
    statements: list[Statement]
    values: dict[str, Any]
    witness: str
    """The `external_id` of a customer that the statements raise the version of, if any does."""


def foresee_customers(
    organization_id: UUID, changes: Sequence[CustomerChange], actor: Actor
) -> list[Foreseen | Refusal]:
    """Return what the changes would do as things are now; nothing is locked or written."""
    return _write_of(organization_id, changes, actor).foresee()


def decide_customers(
    organization_id: UUID, changes: Sequence[CustomerChange], actor: Actor
) -> Decided:
    """Decide the changes as things are now, and leave the writing to the caller.

    The statements write all that is not refused. If somebody was faster, they write nothing.
    """
    if not changes:
        return Decided([], [], {}, "")
    return _write_of(organization_id, changes, actor).prepare()


def write_allowed(
    organization_id: UUID, changes: Sequence[CustomerChange], actor: Actor
) -> list[Foreseen | Refusal]:
    """Write the changes that no rule forbids, and return what became of each."""
    return _write_of(organization_id, changes, actor).run_allowed()


def write_customer(
    organization_id: UUID,
    change: CustomerChange,
    actor: Actor,
    precondition: Precondition | None = None,
) -> Outcome:
    """Write one change and return its outcome with the customer's JSON: a batch of one.

    :raises Invalid, NotFound, Stale: as the contract orders them; nothing was written.
    """
    return CustomerWrite(change).run(organization_id, actor, precondition)


class CustomerWrite:
    """The write of one change, for a door that asks its `look` together with something else."""

    def __init__(self, change: CustomerChange) -> None:
        self._wish = Wish(change.row(), change.problems)
        self.look = look_for([self._wish.sent], whole=True)

    def run(
        self,
        organization_id: UUID,
        actor: Actor,
        precondition: Precondition | None = None,
        answer: str | None = None,
    ) -> Outcome:
        """Do what `write_customer` does.

        :param answer: the answer to `look`, if it was asked.
        """
        if precondition:
            self._wish.sent.update(precondition._asdict())
        write = _Write(organization_id, [self._wish], actor, self.look)
        try:
            [outcome] = write.run(Looked(answer) if answer else None)
        except RefusedBatch as batch:
            raise batch.refusals[0] from None
        return outcome


def is_creation_race(error: IntegrityError) -> bool:
    """Return whether somebody else has just taken the external_id of a customer to be kept."""
    cause = error.__cause__
    return (
        isinstance(cause, psycopg.errors.UniqueViolation)
        and cause.diag.constraint_name == "customer_external_id_once"
    )


def _write_of(organization_id: UUID, changes: Sequence[CustomerChange], actor: Actor) -> "_Write":
    wishes = [Wish(change.row(), change.problems) for change in changes]
    _add_doubles(wishes)
    look = look_for([wish.sent for wish in wishes], whole=False)
    return _Write(organization_id, wishes, actor, look)


def _add_doubles(wishes: list[Wish]) -> None:
    """Add a problem to every change that names a customer another one before it names."""
    first: set[str] = set()
    for position, (sent, shape) in enumerate(wishes):
        if sent["external_id"] in first and "external_id" not in shape.by_field:
            copy = shape.copy()
            copy.add("external_id", "value_already_exist")
            wishes[position] = Wish(sent, copy)
        first.add(sent["external_id"])


class _Faster(Exception):
    """Somebody changed what was looked at before it was written; nothing was."""


class _Write:
    """One batch on its way."""

    def __init__(
        self, organization_id: UUID, wishes: Sequence[Wish], actor: Actor, look: Look
    ) -> None:
        self._wishes = wishes
        self._look = look
        self._values = {
            "organization": organization_id, **actor.values(), **self._look.values
        }  # fmt: skip

    def run(self, looked: Looked | None = None) -> list[Outcome]:
        """Write all, as often as somebody else is faster."""
        cases = self._until_written(self._refuse_any, looked)
        return [self._outcome(case) for case in cases]

    def run_allowed(self) -> list[Foreseen | Refusal]:
        """Write what is not refused, as often as somebody else is faster."""
        return [_found(case) for case in self._until_written(lambda _cases: None)]

    def foresee(self) -> list[Foreseen | Refusal]:
        """Decide and leave it at that."""
        return [_found(case) for case in self._decide(self._look_now())]

    def prepare(self) -> Decided:
        """Decide and say how it would be written."""
        looked = self._look_now()
        cases = self._decide(looked)
        found = [_found(case) for case in cases]
        changed = _to_be_put(cases)
        if not changed:
            return Decided(found, [], {}, "")
        statements, values = self._statements(changed, tells=looked.listens)
        return Decided(found, statements, self._values | values, changed[0].sent["external_id"])

    def _until_written(
        self, judge: Callable[[list[Case]], None], looked: Looked | None = None
    ) -> list[Case]:
        for attempt in range(_ATTEMPTS):
            try:
                if attempt or connection.in_atomic_block:
                    return self._try_locked(judge)
                return self._try(looked or self._look_now(), judge)
            except _Faster:
                continue
            except IntegrityError as error:
                if not is_creation_race(error):
                    raise
        raise OperationalError("one of these customers is being written over and over")

    def _try_locked(self, judge: Callable[[list[Case]], None]) -> list[Case]:
        with transaction.atomic():
            _, [[json]] = run_all([LOCK, self._look.statement()], self._values)
            return self._try(Looked(json), judge)

    def _look_now(self) -> Looked:
        [[[json]]] = run_all([self._look.statement()], self._values)
        return Looked(json)

    def _decide(self, looked: Looked) -> list[Case]:
        return [decide(wish.sent, wish.shape, looked) for wish in self._wishes]

    def _try(self, looked: Looked, judge: Callable[[list[Case]], None]) -> list[Case]:
        cases = self._decide(looked)
        judge(cases)
        changed = _to_be_put(cases)
        if changed:
            self._put(changed, tells=looked.listens)
        return cases

    def _refuse_any(self, cases: list[Case]) -> None:
        refusals = {place: case.refused for place, case in enumerate(cases) if case.refused}
        if refusals:
            raise RefusedBatch(refusals)

    def _statements(
        self, cases: list[Case], *, tells: bool
    ) -> tuple[list[Statement], dict[str, Any]]:
        """Return what writes the cases and tells those who listen."""
        statement, values = put_statement(cases)
        if not tells:
            return [statement], values
        values["changed_ids"] = "\x1f".join(case.sent["external_id"] for case in cases)
        if self._look.whole and all(case.is_plain for case in cases):
            [case] = cases
            return [statement, TELL_OF_KNOWN], values | parted_form(case.form_after())
        return [statement, TELL_OF_WRITTEN], values

    def _put(self, cases: list[Case], *, tells: bool) -> None:
        """Write the cases, tell those who listen, and note on each case what it became.

        :raises _Faster: if one of them is not what was looked at any more.
        """
        statements, values = self._statements(cases, tells=tells)
        looks_again = self._look.whole and any(not case.is_plain for case in cases)
        if looks_again:
            statements.append(ONE)
            values["external_id"] = cases[0].sent["external_id"]
        written, *more = run_all(statements, self._values | values)
        if not written:
            raise _Faster
        for n, *became in written:
            cases[n].note(*became)
        if looks_again:
            [[_, json]] = more[-1]
            cases[0].form = orjson.loads(json)

    def _outcome(self, case: Case) -> Outcome:
        customer_id, version = cast(tuple[str, int], case.now)  # written by now
        return Outcome(
            UUID(customer_id),
            _kind(case),
            case.changes,
            tag_of(customer_id, version) if self._look.whole else None,
            orjson.dumps(case.form) if self._look.whole else None,
        )


def _to_be_put(cases: list[Case]) -> list[Case]:
    return [case for case in cases if case.changes and not case.refused]


def _found(case: Case) -> Foreseen | Refusal:
    version = case.stored["version"] if case.stored else 0
    return case.refused or Foreseen(_kind(case), case.changes, version)


def _kind(case: Case) -> Literal["created", "updated", "unchanged"]:
    if not case.changes:
        return "unchanged"
    return "updated" if case.stored else "created"
