"""Which customers are meant: a text, filters and an order, as they stand in an address.

The list, its export, work in bulk, saved views and the queues of Home all mean the same customers
by the same `CustomerQuery`. What an address asks for and nobody knows finds nothing; it never
widens what is found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, Self
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from django.db.models import Expression, F, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.conditions import NOBODY
from customers.criteria import CRITERIA, DELETED, names_of_codes
from customers.models import Customer
from customers.search_text import is_searchable, matching
from customers.sort_name import SortName

TEXT_PARAMETER = "q"
ORDER_PARAMETER = "order"
TEXT_MAX = 200
_VALUES_MAX = 50


class Query(Protocol):
    """A query string: Django's QueryDict, or what stands in for one."""

    def getlist(self, key: str) -> list[Any]: ...


class Order(NamedTuple):
    """An order that an index gives, so that no list is ever sorted whole.

    :param columns: names with whether they descend; together they are unique.
    :param computed: those of the names that are no fields, as what an index has of them.
    """

    label: str | Promise
    columns: tuple[tuple[str, bool], ...]
    computed: Mapping[str, Expression] = MappingProxyType({})

    @property
    def names(self) -> list[str]:
        """Return the names of the columns."""
        return [name for name, _ in self.columns]

    def by(self, *, backwards: bool = False) -> list[Any]:
        """Return what `order_by` takes."""
        return [
            F(name).desc() if descends is not backwards else F(name).asc()
            for name, descends in self.columns
        ]


ORDERS: Mapping[str, Order] = {
    "newest": Order(_("Newest first"), (("created_at", True), ("id", False))),
    "oldest": Order(_("Oldest first"), (("created_at", False), ("id", True))),
    "name": Order(_("By name"), (("sort_name", False), ("id", False)), {"sort_name": SortName()}),
    "external_id": Order(_("By external id"), (("external_id", False), ("id", False))),
}
DEFAULT_ORDER = "newest"


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing a list is narrowed by, in words, and the query string without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class CustomerQuery:
    """Customers of one organization.

    :param filters: names of `customers.criteria.CRITERIA` to the values asked for.
    """

    organization_id: UUID
    text: str = ""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    order: str = DEFAULT_ORDER

    @classmethod
    def read(cls, organization_id: UUID, query: Query) -> Self:
        """Return what a query string asks for; parameters of others are left alone."""
        text = (_sent(query, TEXT_PARAMETER) or [""])[-1].strip()[:TEXT_MAX]
        filters = {name: tuple(values) for name in CRITERIA if (values := _sent(query, name))}
        order = (_sent(query, ORDER_PARAMETER) or [""])[-1]
        return cls(organization_id, text, filters, order if order in ORDERS else DEFAULT_ORDER)

    @classmethod
    def parse(cls, organization_id: UUID, address: str) -> Self:
        """Return what a query string asks for that was kept as text."""
        return cls.read(organization_id, _Parsed(parse_qs(address, errors="replace")))

    @property
    def deleted(self) -> bool:
        """Whether it is the deleted customers that are meant."""
        return DELETED in self.filters

    @property
    def narrows(self) -> bool:
        """Whether anything but the order was asked for."""
        return bool(self.text or self.filters)

    def queryset(self) -> QuerySet[Customer]:
        """Return the customers, in no order."""
        return Customer.objects.filter(
            self.condition(), organization=self.organization_id, deleted_at__isnull=not self.deleted
        )

    def found_by_index(self) -> QuerySet[Customer]:
        """Return the same customers, asked for so that the planner can begin with the few."""
        found = self.queryset()
        for name, values in self.filters.items():
            candidates = CRITERIA[name].candidates
            if candidates:
                found = found.filter(pk__in=candidates(self.organization_id, values))
        return found

    def condition(self) -> Q:
        """Return what the text and the filters ask of a customer."""
        found = Q()
        for name, values in self.filters.items():
            found &= CRITERIA[name].condition(self.organization_id, values)
        if not self.text:
            return found
        asked = matching(self.organization_id, self.text) if is_searchable(self.text) else NOBODY
        return found & asked

    def ordered(self) -> QuerySet[Customer]:
        """Return the customers in the order asked for."""
        order = ORDERS[self.order]
        return self.queryset().annotate(**order.computed).order_by(*order.by())

    def querystring(self, **instead: Any) -> str:
        """Return the query string that `read` understands; `instead` replaces fields first."""
        meant = replace(self, **instead) if instead else self
        parts = [(TEXT_PARAMETER, meant.text)] if meant.text else []
        parts += [(name, one) for name, values in meant.filters.items() for one in values]
        if meant.order != DEFAULT_ORDER:
            parts.append((ORDER_PARAMETER, meant.order))
        return urlencode(parts)

    def describe(self) -> list[Chip]:
        """Return what the list is narrowed by, one chip for the text and for each filter."""
        chips = [Chip(str(_("Search")), self.text, self.querystring(text=""))] if self.text else []
        named = names_of_codes(self.organization_id, self.filters)
        for name, values in self.filters.items():
            others = {key: kept for key, kept in self.filters.items() if key != name}
            words = CRITERIA[name].words(self.organization_id, values, named.get(name, {}))
            chips.append(Chip(str(CRITERIA[name].label), words, self.querystring(filters=others)))
        return chips


class _Parsed(dict[str, list[str]]):
    def getlist(self, key: str) -> list[str]:
        return self.get(key, [])


def _sent(query: Query, name: str) -> Sequence[str]:
    """Return the values of a parameter, once each; blank ones were left open in a form."""
    values = (str(value).replace("\0", "\ufffd").strip() for value in query.getlist(name))
    return list(dict.fromkeys(value for value in values if value))[:_VALUES_MAX]
