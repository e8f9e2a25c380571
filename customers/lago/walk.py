"""Every customer of a Lago account, once, though the list moves while it is read.

Lago shows its customers by pages, newest first. Who is created meanwhile pushes the others on, so
that some are seen twice; who is deleted pulls them back, so that some are passed over. So the list
is read again until it stood still: a creation shows in who is the newest, a deletion without one
in how many there are.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from customers.lago.client import Json, LagoClient, LagoRefused

PAGE = 100
_ROUNDS = 3


_MAKE = "CREATE TEMPORARY TABLE customers_lago_seen (external_id text PRIMARY KEY)"
_ADD = (
    "INSERT INTO customers_lago_seen SELECT DISTINCT unnest(%s::text[])"
    " ON CONFLICT DO NOTHING RETURNING external_id"
)
_COUNT = "SELECT count(*) FROM customers_lago_seen"
_UNMET = (
    "SELECT external_id FROM customers_customer customer"
    " WHERE organization_id = %s AND deleted_at IS NULL AND external_id > %s"
    " AND NOT EXISTS"
    " (SELECT FROM customers_lago_seen seen WHERE seen.external_id = customer.external_id)"
    " ORDER BY external_id LIMIT 500"
)


class Seen:
    """Which customers were met; kept by the database, so that memory stays flat.

    A temporary table of this connection: it is nobody else's, and goes with the connection.
    """

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pg_temp.customers_lago_seen")
            cursor.execute(_MAKE)

    def add(self, external_ids: Sequence[str]) -> set[str]:
        """Note these, and return those that were not met before."""
        return set(self._column(_ADD, list(external_ids)))

    def count(self) -> int:
        """Return how many were met."""
        [count] = self._column(_COUNT)
        return int(count)

    def unmet(self, organization_id: UUID) -> Iterator[str]:
        """Yield the external ids of customers here that were not met, in their order."""
        after = ""
        while page := self._column(_UNMET, organization_id, after):
            yield from page
            after = page[-1]

    def _column(self, statement: str, *values: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return [value for (value,) in cursor.fetchall()]


class CustomerWalk:
    """Reads the list of customers to its end; `total` is what Lago last said there are."""

    def __init__(self, client: LagoClient, seen: Seen) -> None:
        self._client, self._seen = client, seen
        self._head: tuple[int, str | None] | None = None
        self.total = 0

    def __iter__(self) -> Iterator[list[Json]]:
        """Yield customers that were not met before, some at a time.

        :raises LagoRefused: if Lago can't be asked to the end.
        """
        for _round in range(_ROUNDS):
            head = self._head = None
            for page in self._pages():
                head = head or self._head
                by_name = {_name(customer): customer for customer in page}
                fresh = self._seen.add(list(by_name))
                if fresh:
                    yield [one for name, one in by_name.items() if name in fresh]
            self._ask(1)
            if self._head == head and not self.missing:
                return

    @property
    def missing(self) -> int:
        """Return how many of the customers that Lago counts were never shown."""
        return max(0, self.total - self._seen.count())

    def _pages(self) -> Iterator[list[Json]]:
        number = pages = 1
        while number <= pages:
            customers, pages = self._ask(number)
            yield customers
            number += 1

    def _ask(self, number: int) -> tuple[list[Json], int]:
        """Return a page's customers, and how many pages there are."""
        answer = self._client.get("customers", page=number, per_page=PAGE)
        customers, self.total, pages = _page(answer)
        if number == 1:
            self._head = (self.total, customers[0].get("lago_id") if customers else None)
        return customers, pages


def _page(answer: Json) -> tuple[list[Json], int, int]:
    """Return the customers of a page, how many there are in all, and on how many pages."""
    customers, meta = answer.get("customers"), answer.get("meta")
    if not isinstance(customers, list) or not isinstance(meta, dict):
        raise LagoRefused(_("The answer holds no list of customers. Is this Lago's API?"))
    total, pages = meta.get("total_count"), meta.get("total_pages")
    if not isinstance(total, int) or not isinstance(pages, int):
        raise LagoRefused(_("The list of customers does not say how long it is."))
    return customers, total, pages


def _name(customer: Any) -> str:
    name = customer.get("external_id") if isinstance(customer, dict) else None
    if not isinstance(name, str) or "\0" in name:
        raise LagoRefused(_("A customer of the list has no external_id. Is this Lago's API?"))
    return name
