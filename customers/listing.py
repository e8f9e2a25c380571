"""Pages of the customers a query means, their neighbors and their number, on a million rows."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from customers.models import Customer, CustomerCounter
from customers.search import ORDERS, CustomerQuery, Order
from customers.walking import AT_ONCE, HITS, IN_PASSING, Found, Patience, Position, Row, Way

PAGE_SIZE = 50
COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class Amount:
    """How many customers there are.

    :param precision: `exact`, `more` than the number, `about` the number, or found `so far`.
    """

    number: int
    precision: str = "exact"


@dataclass(frozen=True, slots=True)
class CustomerList:
    """One page of a list.

    :param ids: its customers, in order.
    :param next: cursor of the page that follows, None if nothing does; `previous` likewise.
    :param further: cursor from which to look further, if time ran out before the page was full.
    :param amount: how many customers there are in the whole list.
    """

    ids: list[UUID]
    next: str | None
    previous: str | None
    further: str | None
    amount: Amount


def customer_list(
    query: CustomerQuery,
    *,
    after: str = "",
    before: str = "",
    size: int = PAGE_SIZE,
    patience: Patience = AT_ONCE,
) -> CustomerList:
    """Return a page: the first, or the one after or before a cursor; bad cursors are ignored."""
    order = ORDERS[query.order]
    start, end = _position(order, after), _position(order, before)
    if end is not None and start is None:
        return _page_before(query, order, end, size, patience)
    way = Way(query, order)
    found = way.find(start, size + 1, patience)
    rows = found.rows[:size]
    return CustomerList(
        [_id(order, row) for row in rows],
        _cursor(rows[-1]) if len(found.rows) > size else None,
        _cursor(rows[0]) if rows and start is not None else None,
        further=_cursor(found.stopped) if found.stopped else None,
        amount=_amount(way, found, is_first=start is None),
    )


def _page_before(
    query: CustomerQuery, order: Order, end: Position, size: int, patience: Patience
) -> CustomerList:
    """Return the page that ends before a position."""
    way = Way(query, order, backwards=True)
    found = way.find(end, size + 1, patience)
    rows = found.rows[:size][::-1]
    if len(rows) < size and found.stopped is None:  # the first page, as everybody knows it
        return customer_list(query, size=size, patience=patience)
    earlier = rows[0] if len(found.rows) > size else found.stopped
    return CustomerList(
        [_id(order, row) for row in rows],
        _cursor(rows[-1] if rows else end),
        _cursor(earlier) if earlier else None,
        further=None,
        amount=_amount(way, found, is_first=False),
    )


def neighbors(query: CustomerQuery, customer: Customer) -> tuple[UUID | None, UUID | None]:
    """Return who stands before and after a customer in the list, None at its ends."""
    order = ORDERS[query.order]
    position = _place(order, customer)
    before = Way(query, order, backwards=True).find(position, 1, IN_PASSING).rows
    after = Way(query, order).find(position, 1, IN_PASSING).rows
    return (
        _id(order, before[0]) if before else None,
        _id(order, after[0]) if after else None,
    )


def _place(order: Order, customer: Customer) -> Position:
    """Return where a customer stands; only what is computed has to be asked for."""
    if not order.computed:
        return tuple(getattr(customer, name) for name in order.names)
    found = Customer.objects.annotate(**order.computed).filter(pk=customer.pk)
    return found.values_list(*order.names).get()


def amount(query: CustomerQuery) -> Amount:
    """Return how many customers a query means, as exactly as can be said in a moment.

    Without a page to show along, an index is asked first: it knows at once what few fulfil.
    """
    way = Way(query, ORDERS[query.order])
    if not query.narrows:
        return _amount(way, Found([]), is_first=True)
    counted = way.count(IN_PASSING)
    if counted is not None and counted <= HITS:
        return Amount(counted)
    estimate = 0 if query.text else _estimate(query)
    if estimate > HITS:
        return Amount(estimate, "about")
    if counted is not None:
        return Amount(HITS, "more")
    met = way.walk_for(COUNTED + 1, IN_PASSING)
    if met.number is not None:
        return Amount(met.number)
    return Amount(min(len(met.rows), COUNTED), "so far" if met.stopped else "more")


def _amount(way: Way, found: Found, *, is_first: bool) -> Amount:
    """Return how many there are in all; a page that took long is asked for no more."""
    query = way.query
    if not query.narrows:
        counter = CustomerCounter.objects.filter(organization=query.organization_id)
        return Amount(counter.values_list("kept", flat=True).first() or 0)
    if is_first and found.number is not None:
        return Amount(found.number)
    if found.is_far and found.stopped and is_first:
        return Amount(len(found.rows), "so far")
    if found.is_far:
        return Amount(HITS if found.many else max(len(found.rows) - 1, 0), "more")
    # What the planner expects of a text is a guess; of columns it knows.
    estimate = _estimate(query) if found.number is None and not query.text else 0
    if estimate > HITS:
        return Amount(estimate, "about")
    counted = way.count(IN_PASSING)
    if counted is not None and counted <= HITS:
        return Amount(counted)
    return Amount(HITS if counted else max(len(found.rows) - 1, estimate, 0), "more")


def _estimate(query: CustomerQuery) -> int:
    """Return how many rows the planner expects."""
    statement, values = query.queryset().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", values)
        [plan] = cursor.fetchone()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return int(plan[0]["Plan"]["Plan Rows"])


# --- Cursors -----------------------------------------------------------------------------------


def _id(order: Order, row: Row) -> UUID:
    found: UUID = row[order.names.index("id")]
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
