"""Pages of the customers a query means, their neighbors and their number, on a million rows.

What many customers fulfil is found by walking the order of the list; what few fulfil, by an index,
all at once. Nobody knows beforehand which of the two it is, and the planner guesses badly where a
text is looked for. So a short walk goes first; then the index is asked for a bounded number of
hits; if there are more, so many customers fulfil it that the walk soon meets some.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet

from customers.criteria import CRITERIA
from customers.models import Customer, CustomerCounter
from customers.search import ORDERS, CustomerQuery, Order

PAGE_SIZE = 50
# So many customers are walked before the index is asked: some 20 ms where a text is looked for.
_WALK = 2_000
# So many hits are sorted; beyond, at least one in a hundred of a million customers is one.
_HITS = 10_000
COUNTED = 1_000
# What narrows by the moment of creation need not be walked past.
_OF_THE_ORDER = frozenset({"created_from", "created_to"})
_TABLE = Customer._meta.db_table
_COUNT_MS = 250
_TOO_LONG = "57014"  # SQLSTATE of a statement that was cancelled

Position = tuple[Any, ...]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Amount:
    """How many customers there are.

    :param precision: `exact`, `more` than the number, or `about` the number.
    """

    number: int
    precision: str = "exact"


@dataclass(frozen=True, slots=True)
class CustomerList:
    """One page of a list.

    :param ids: its customers, in order.
    :param next: cursor of the page that follows, None if nothing does; `previous` likewise.
    :param is_whole: whether the page holds all there is.
    """

    ids: list[UUID]
    next: str | None
    previous: str | None

    @property
    def is_whole(self) -> bool:
        return self.next is None and self.previous is None


def customer_list(
    query: CustomerQuery, *, after: str = "", before: str = "", size: int = PAGE_SIZE
) -> CustomerList:
    """Return a page: the first, or the one after or before a cursor; bad cursors are ignored."""
    order = ORDERS[query.order]
    start, end = _position(order, after), _position(order, before)
    backwards = end is not None and start is None
    rows = _rows(query, end if backwards else start, size + 1, backwards=backwards)
    goes_on, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
        if len(rows) < size:  # the first page, as everybody knows it
            return customer_list(query, size=size)
    has_next = backwards or goes_on
    has_previous = goes_on if backwards else start is not None
    return CustomerList(
        [_id(order, row) for row in rows],
        _cursor(rows[-1]) if rows and has_next else None,
        _cursor(rows[0]) if rows and has_previous else None,
    )


def neighbors(query: CustomerQuery, customer: Customer) -> tuple[UUID | None, UUID | None]:
    """Return who stands before and after a customer in the list, None at its ends."""
    order = ORDERS[query.order]
    position = tuple(getattr(customer, name) for name, _ in order.columns)
    before = _rows(query, position, 1, backwards=True)
    after = _rows(query, position, 1)
    return (
        _id(order, before[0]) if before else None,
        _id(order, after[0]) if after else None,
    )


def amount(query: CustomerQuery) -> Amount:
    """Return how many customers a query means, as exactly as can be said in a moment."""
    if not query.narrows:
        counter = CustomerCounter.objects.filter(organization=query.organization_id)
        return Amount(counter.values_list("kept", flat=True).first() or 0)
    try:
        return _amount(query, query.queryset().values("pk"))
    except EmptyResultSet:
        return Amount(0)


def _amount(query: CustomerQuery, found: QuerySet[Any]) -> Amount:
    counted = _counted(found)
    if counted is not None and counted <= COUNTED:
        return Amount(counted)
    # What the planner expects of a text is a guess; of columns it knows.
    estimate = 0 if query.text and counted else _estimate(found)
    if counted is None or estimate > 10 * COUNTED:
        return Amount(estimate, "about")
    return Amount(COUNTED, "more")


# --- Walking and finding -----------------------------------------------------------------------


def _rows(
    query: CustomerQuery, start: Position | None, size: int, *, backwards: bool = False
) -> list[Row]:
    """Return up to `size` rows beyond a position: the columns of the order, the id among them."""
    way = _Way(query, ORDERS[query.order], backwards)
    with suppress(EmptyResultSet):
        return way.rows(start, size)
    return []


@dataclass(frozen=True, slots=True)
class _Way:
    """A direction through the list of a query."""

    query: CustomerQuery
    order: Order
    backwards: bool

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.order.columns]

    def rows(self, start: Position | None, size: int) -> list[Row]:
        """Return the next rows beyond a position."""
        if not self.query.narrows:
            return list(self.everybody(start).values_list(*self.names)[:size])
        rows = self.walk(start, size, _WALK)
        edge = self.edge(start) if len(rows) < size else None
        if edge is None:
            return rows
        hits, is_all = self.hits(edge, size - len(rows))
        return rows + (hits if is_all else self.walk(edge, size - len(rows), None))

    def everybody(self, start: Position | None) -> QuerySet[Customer]:
        """Return all customers beyond a position in order, whatever the query narrows by."""
        found = Customer.objects.filter(
            _beyond(self.order, start, self.backwards),
            organization=self.query.organization_id,
            deleted_at__isnull=not self.query.deleted,
        )
        for name in _OF_THE_ORDER & self.query.filters.keys():
            values = self.query.filters[name]
            found = found.filter(CRITERIA[name].condition(self.query.organization_id, values))
        return found.order_by(*self.order.by(backwards=self.backwards))

    def edge(self, start: Position | None) -> Position | None:
        """Return where the short walk ends, None if everybody was met before."""
        return self.everybody(start).values_list(*self.names)[_WALK - 1 : _WALK].first()

    def walk(self, start: Position | None, size: int, most: int | None) -> list[Row]:
        """Return the hits among the next `most` customers, or among all that follow."""
        steps, step_values = self.everybody(start)[:most].query.sql_with_params()
        wanted, values = self.query.queryset().values(*self.names).query.sql_with_params()
        # A fence: the planner has to take the customers in order and look at each.
        fence = "" if most else " OFFSET 0"
        table = f'FROM ({steps}{fence}) "{_TABLE}"'
        walked = wanted.replace(f'FROM "{_TABLE}"', table, 1)
        return _fetch(f"{walked} ORDER BY {self.sorting()} LIMIT %s", *step_values, *values, size)

    def hits(self, start: Position, size: int) -> tuple[list[Row], bool]:
        """Return the first rows of what an index finds, and whether it found no more than that."""
        found = self.query.queryset().filter(_beyond(self.order, start, self.backwards))
        wanted, values = found.values(*self.names).query.sql_with_params()
        # Materialized, or the planner may walk the order again.
        hits = f"WITH {_TABLE} AS MATERIALIZED ({wanted}) "
        some = f"(SELECT * FROM {_TABLE} LIMIT {_HITS + 1}) {_TABLE}"  # noqa: S608
        sorted_hits = f"SELECT *, count(*) OVER () FROM {some} ORDER BY {self.sorting()} LIMIT %s"  # noqa: S608
        rows = _fetch(hits + sorted_hits, *values, size)
        return [row[:-1] for row in rows], not rows or rows[0][-1] <= _HITS

    def sorting(self) -> str:
        """Return the order in SQL."""
        return ", ".join(
            f'"{_TABLE}"."{name}" {"DESC" if descends is not self.backwards else "ASC"}'
            for name, descends in self.order.columns
        )


def _fetch(statement: str, *values: Any) -> list[Row]:
    """Return the rows of a statement that is made of Django's own."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _beyond(order: Order, start: Position | None, backwards: bool) -> Q:
    """Return the condition on what comes after a position, the way an index can use it."""
    if start is None:
        return Q()
    (first, first_descends), (second, second_descends) = order.columns
    first_sign = "lt" if first_descends is not backwards else "gt"
    second_sign = "lt" if second_descends is not backwards else "gt"
    bound = Q(**{f"{first}__{first_sign}e": start[0]})
    beyond = Q(**{f"{first}__{first_sign}": start[0]})
    tie = Q(**{first: start[0], f"{second}__{second_sign}": start[1]})
    return bound & (beyond | tie)


def _estimate(found: QuerySet[Any]) -> int:
    """Return how many rows the planner expects."""
    statement, values = found.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", values)
        [plan] = cursor.fetchone()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return int(plan[0]["Plan"]["Plan Rows"])


def _counted(found: QuerySet[Any]) -> int | None:
    """Return how many there are, at most one more than COUNTED; None if that takes too long."""
    statement, values = found.query.sql_with_params()
    limit = f"SET LOCAL statement_timeout = {_COUNT_MS}; "
    hits = f"WITH hit AS MATERIALIZED ({statement}) "
    counting = f"SELECT count(*) FROM (SELECT FROM hit LIMIT {COUNTED + 1}) hits"  # noqa: S608
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(limit + hits + counting, values)
            cursor.nextset()
            [number] = cursor.fetchone()
            transaction.set_rollback(True)  # takes the limit off again
            return int(number)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != _TOO_LONG:
            raise
        return None


# --- Cursors -----------------------------------------------------------------------------------


def _id(order: Order, row: Row) -> UUID:
    found: UUID = row[[name for name, _ in order.columns].index("id")]
    return found


def _cursor(row: Row) -> str:
    text = "\x1f".join(one.isoformat() if isinstance(one, datetime) else str(one) for one in row)
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(order: Order, cursor: str) -> Position | None:
    """Return the place a cursor stands for, None if it stands for none."""
    try:
        data = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        parts: Sequence[str] = data.split("\x1f")
        pairs = zip(order.columns, parts, strict=True)
        return tuple(_value(name, part) for (name, _), part in pairs)
    except ValueError:
        return None


def _value(name: str, text: str) -> Any:
    if name == "id":
        return UUID(text)
    if "\0" in text:
        raise ValueError("no text of ours")
    return datetime.fromisoformat(text) if name == "created_at" else text
