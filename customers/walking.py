"""Rows of a list beyond a position, found within a bounded time on a million customers.

What many customers fulfil is found by walking the order of the list; what few fulfil, by an index,
all at once. Nobody knows beforehand which of the two it is, and the planner guesses badly where a
text is looked for. So a short walk goes first; then the index is asked, for a bounded time and a
bounded number of hits; if that was not enough, so many customers fulfil it that a longer walk
soon meets some. It has its time, too: then it says where it stopped, and somebody who wants to
look further does so from there.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connection, transaction
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.expressions import RawSQL

from customers.criteria import CRITERIA
from customers.models import Customer
from customers.search import CustomerQuery, Order

# So many customers are walked before the index is asked: some 20 ms where a text is looked for.
_WALK = 2_000
# Or for so many milliseconds: in the order of names, each stands on another page of the disk.
_WALK_FOR = 40
# So many hits are sorted; beyond, at least one in a hundred of a million customers is one.
HITS = 10_000
# What narrows by moments need not be walked past; nobody is changed before they are created.
_OF_THE_ORDER = {
    "created_from": "created_from",
    "created_to": "created_to",
    "updated_to": "created_to",
}
# A plan that first hashes all links of all customers has no part in a short walk, nor has one that
# first sorts them all: each order has its index.
_WALKING = "SELECT set_config('work_mem', '64kB', true), set_config('enable_sort', 'off', true)"
_TABLE = Customer._meta.db_table
_TOO_LONG = "57014"  # SQLSTATE of a statement that was cancelled

Position = tuple[Any, ...]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Patience:
    """For how many milliseconds the index is asked and customers are walked."""

    index: int
    walk: int


IN_PASSING = Patience(40, 30)
AT_ONCE = Patience(80, 60)
ON_REQUEST = Patience(1_000, 4_000)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search met.

    :param stopped: the position up to which everybody was looked at, if time ran out.
    :param number: how many there are beyond the start in all, None if nobody knows.
    :param many: whether there are more than HITS.
    :param is_far: whether it took all that can be tried.
    """

    rows: list[Row]
    stopped: Position | None = None
    number: int | None = None
    many: bool = False
    is_far: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """A direction through the list of a query."""

    query: CustomerQuery
    order: Order
    backwards: bool = False

    @property
    def names(self) -> list[str]:
        return self.order.names

    def find(self, start: Position | None, size: int, patience: Patience = AT_ONCE) -> Found:
        """Return up to `size` rows beyond a position."""
        if not self.query.narrows:  # then everybody stands next
            return Found(list(self.everybody(start).values_list(*self.names)[:size]))
        try:
            return self._find(start, size, patience)
        except EmptyResultSet:
            return Found([], number=0)

    def _find(self, start: Position | None, size: int, patience: Patience) -> Found:
        near = self.walk(start, size, f"(step = {_WALK} OR {_late(_WALK_FOR)})", _WALK)
        if near.stopped is None:
            return near
        asked = self.hits(near.stopped, size - len(near.rows), patience.index)
        rows, number = asked or ([], None)
        if number is not None and number <= HITS:
            return Found(near.rows + rows, number=len(near.rows) + number)
        far = self.walk(near.stopped, size - len(near.rows), _late(patience.walk), None)
        return Found(near.rows + far.rows, far.stopped, many=number is not None, is_far=True)

    def everybody(self, start: Position | None) -> QuerySet[Customer]:
        """Return all customers beyond a position in order, whatever the query narrows by."""
        found = Customer.objects.annotate(**self.order.computed).filter(
            beyond(self.order, start, self.backwards),
            organization=self.query.organization_id,
            deleted_at__isnull=not self.query.deleted,
        )
        if self.order.columns[0][0] == "created_at":
            for name in _OF_THE_ORDER.keys() & self.query.filters.keys():
                criterion = CRITERIA[_OF_THE_ORDER[name]]
                values = self.query.filters[name]
                found = found.filter(criterion.condition(self.query.organization_id, values))
        return found.order_by(*self.order.by(backwards=self.backwards))

    def walk_for(self, size: int, patience: Patience) -> Found:
        """Return the first hits that a walk of bounded time meets."""
        return self.walk(None, size, _late(patience.walk), None)

    def walk(self, start: Position | None, size: int, edge: str, most: int | None) -> Found:
        """Return the hits among the customers that follow, up to the one that fulfils `edge`.

        Once an edge is met, the statement hands out whoever follows, and so ends at once.
        """
        self.query.queryset().query.sql_with_params()  # raises if nobody can be meant
        steps, step_values = self.everybody(start)[:most].query.sql_with_params()
        hit = ExpressionWrapper(self.query.condition(), output_field=BooleanField())
        # Taken over from the steps: computed anew, it would be another thing to sort by.
        computed = {
            name: RawSQL(f'"{_TABLE}"."{name}"', ())  # noqa: S611  # names of ours
            for name in self.order.computed
        }
        judged = Customer.objects.annotate(hit=hit, **computed)
        wanted, values = judged.values(*self.names, "hit").query.sql_with_params()
        # A fence: the planner has to judge each customer once. That they come in order has to be
        # said at each level; or it would sort them all before it hands out the first.
        numbered = f"SELECT *, row_number() OVER () AS step FROM ({steps}) steps"  # noqa: S608
        table = f'FROM ({numbered} ORDER BY {self.sorting("steps")}) "{_TABLE}"'
        walked = wanted.replace(f' FROM "{_TABLE}"', f", {edge} AS edge {table}", 1)
        walked += f" ORDER BY {self.sorting()} OFFSET 0"
        rows = _fetch(
            _WALKING,
            f"SELECT * FROM ({walked}) judged WHERE hit OR edge "  # noqa: S608
            f"ORDER BY {self.sorting('judged')} LIMIT %s",
            (*values, *step_values, size + 1),
        )
        return self._met(rows, size)

    def _met(self, rows: Sequence[Row], size: int) -> Found:
        """Return the hits of a walk, and where it met its edge."""
        hits: list[Row] = []
        for *place, hit, edge in rows:
            if hit:
                hits.append(tuple(place))
            if len(hits) == size:
                return Found(hits)
            if edge:
                return Found(hits, stopped=tuple(place))
        return Found(hits, number=len(hits))

    def count(self, patience: Patience) -> int | None:
        """Return how many there are in all, up to HITS + 1; None if counting takes too long."""
        try:
            asked = self.hits(None, 1, patience.index)
        except EmptyResultSet:
            return 0
        return asked and asked[1]

    def hits(
        self, start: Position | None, size: int, milliseconds: int
    ) -> tuple[list[Row], int] | None:
        """Return the first rows of what an index finds and how many it finds, up to HITS + 1.

        None if that takes too long.
        """
        found = self.query.found_by_index().annotate(**self.order.computed)
        found = found.filter(beyond(self.order, start, self.backwards))
        wanted, values = found.values(*self.names).query.sql_with_params()
        # Materialized, or the planner may walk the order again.
        hits = f"WITH {_TABLE} AS MATERIALIZED ({wanted}) "
        some = f"(SELECT * FROM {_TABLE} LIMIT {HITS + 1}) {_TABLE}"  # noqa: S608
        counted = f"SELECT *, count(*) OVER () FROM {some} ORDER BY {self.sorting()} LIMIT %s"  # noqa: S608
        limit = f"SET LOCAL statement_timeout = {milliseconds}"
        try:
            rows = _fetch(limit, hits + counted, (*values, size))
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) != _TOO_LONG:
                raise
            return None
        return [row[:-1] for row in rows], rows[0][-1] if rows else 0

    def sorting(self, table: str = _TABLE) -> str:
        """Return the order in SQL."""
        return ", ".join(
            f'"{table}"."{name}" {"DESC" if descends is not self.backwards else "ASC"}'
            for name, descends in self.order.columns
        )


def _late(milliseconds: int) -> str:
    """Return the condition on a customer that so much time has passed when it is looked at."""
    return f"clock_timestamp() > statement_timestamp() + interval '{milliseconds} ms'"


def beyond(order: Order, start: Position | None, backwards: bool) -> Q:
    """Return the condition on what comes after a position, the way an index can use it."""
    if start is None:
        return Q()
    (first, first_descends), (second, second_descends) = order.columns
    first_sign = "lt" if first_descends is not backwards else "gt"
    second_sign = "lt" if second_descends is not backwards else "gt"
    bound = Q(**{f"{first}__{first_sign}e": start[0]})
    past = Q(**{f"{first}__{first_sign}": start[0]})
    tie = Q(**{first: start[0], f"{second}__{second_sign}": start[1]})
    return bound & (past | tie)


def _fetch(setting: str, statement: str, values: Sequence[Any]) -> list[Row]:
    """Return the rows of a statement made of Django's own, with a setting for it alone.

    Both go in one message, which is one transaction, so that the setting ends with it.
    """
    with _undone(), connection.cursor() as cursor:
        cursor.execute(f"{setting}; {statement}", values)
        cursor.nextset()
        return list(cursor.fetchall())


@contextmanager
def _undone() -> Iterator[None]:
    """Take settings back also where a transaction is open around them."""
    if not connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
