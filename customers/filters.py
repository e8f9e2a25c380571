"""The filters of a list of customers, from a query string to SQL (contract: customers.md 4).

Values travel as parameters; the fragments of SQL are ours alone.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from billing.errors import Invalid
from billing.values import COUNTRIES, CURRENCIES, NO_SUCH_CODE, TEXT_LENGTH
from customers.models import Customer
from customers.search_text import (
    HAS_TRIGRAM,
    INDEXED_FIELDS,
    SEPARATOR,
    indexed_pattern,
    indexed_text,
    pattern_of,
)

Query = Mapping[str, Sequence[str]]
"""Every value of every parameter of a query string, in the order sent."""

_TRUTHS = ("true", "false")


@dataclass(slots=True)
class Filters:
    """What the rows of a list must fulfil: conditions on `customer` with their values.

    :param indexed: what follows from a condition, said so that an index finds it.
    """

    conditions: dict[str, str] = field(default_factory=dict)
    indexed: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    billing_entity_codes: tuple[str, ...] = ()
    problems: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, condition: str, **values: Any) -> None:
        """Demand one thing more."""
        self.conditions[name] = condition
        self.values.update(values)

    def sql(self) -> tuple[str, str]:
        """Return the conditions, each led by AND, with and without those for an index alone.

        They stand in one order whatever the query's.
        """
        plain = _all_of(self.conditions)
        return _all_of(self.indexed) + plain, plain


def _all_of(conditions: Mapping[str, str]) -> str:
    return "".join(f"\n    AND {conditions[name]}" for name in sorted(conditions))


def read_filters(query: Query) -> Filters:
    """Return the filters of a query string with their problems; unknown parameters are ignored."""
    filters = Filters()
    for read in _READERS:
        read(query, filters)
    return filters


def _scalar(query: Query, name: str) -> str | None:
    """Return a parameter that has one value, without NUL; the last one sent counts."""
    values = query.get(name)
    return values[-1].replace("\0", "") if values else None


def _list(query: Query, name: str) -> list[str]:
    return [value.replace("\0", "") for value in query.get(f"{name}[]", ())]


# --- One thing of a kind -----------------------------------------------------------------------


def _external_id(query: Query, filters: Filters) -> None:
    values = query.get("external_id")
    if values:
        wanted = NO_SUCH_CODE if "\0" in values[-1] else values[-1]
        filters.add(
            "external_id", "customer.external_id = %(external_id)s::text", external_id=wanted
        )


def _customer_type(query: Query, filters: Filters) -> None:
    wanted, has_one = _scalar(query, "customer_type"), _scalar(query, "has_customer_type")
    if wanted is not None:
        if wanted not in Customer.CustomerType.values:
            filters.problems["customer_type"] = [_must_be(Customer.CustomerType.values)]
        elif has_one == "false":
            filters.problems["customer_type"] = ["must be nil when has_customer_type is false"]
        filters.add(
            "customer_type",
            "customer.customer_type = %(customer_type)s::text",
            customer_type=wanted,
        )
    _presence(query, filters, "customer_type")


def _has_tax_identification_number(query: Query, filters: Filters) -> None:
    _presence(query, filters, "tax_identification_number")


def _presence(query: Query, filters: Filters, column: str) -> None:
    name = f"has_{column}"
    wanted = _scalar(query, name)
    if wanted is None:
        return
    if wanted not in _TRUTHS:
        filters.problems[name] = [_must_be(_TRUTHS)]
    filters.add(name, f"customer.{column} IS {'NOT ' if wanted == 'true' else ''}NULL")


# Whatever people put between the digits; `translate` removes them on both sides.
_BETWEEN = " .-\u00a0\u2009\u202f\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_COMPARABLE = f"lower(translate({{}}, '{_BETWEEN}', ''))"


def _tax_identification_number(query: Query, filters: Filters) -> None:
    wanted = _scalar(query, "tax_identification_number")
    if wanted and not wanted.isspace():
        column = _COMPARABLE.format("customer.tax_identification_number")
        value = _COMPARABLE.format("%(tax_identification_number)s::text")
        filters.add(
            "tax_identification_number", f"{column} = {value}", tax_identification_number=wanted
        )


# --- Any of several ----------------------------------------------------------------------------


def _any_of(column: str, name: str, choices: Sequence[str] = ()) -> Callable[..., None]:
    """Return a reader of a list filter; `choices` are all there are, none if any text goes."""

    def read(query: Query, filters: Filters) -> None:
        wanted = _list(query, name)
        if not wanted:
            return
        if choices:
            unknown = [place for place, value in enumerate(wanted) if value not in choices]
            if unknown:
                filters.problems[name] = {str(place): [_must_be(choices)] for place in unknown}
        filters.add(name, f"customer.{column} = ANY (%({name})s::text[])", **{name: wanted})

    return read


def _must_be(choices: Sequence[str]) -> str:
    return f"must be one of: {', '.join(choices)}"


def _billing_entity_codes(query: Query, filters: Filters) -> None:
    sent = query.get("billing_entity_codes[]", ())
    codes = dict.fromkeys(NO_SUCH_CODE if "\0" in code else code for code in sent)
    if codes:
        filters.billing_entity_codes = tuple(codes)
        filters.add("billing_entity_codes", "customer.billing_entity_id IN (SELECT id FROM entity)")


# --- Pairs in brackets -------------------------------------------------------------------------

# The rows that carry every pair; a key is there once, so matches can be counted.
_CARRIES_ALL = """customer.id IN (
        SELECT entry.customer_id
        FROM customers_customermetadata entry
        JOIN unnest(%(metadata_keys)s::text[], %(metadata_values)s::text[]) AS wanted (key, value)
            ON wanted.key = entry.key AND wanted.value = entry.value
        WHERE entry.organization_id = %(organization)s::uuid
        GROUP BY entry.customer_id
        HAVING count(*) = cardinality(%(metadata_keys)s::text[])
    )"""
_CARRIES_NONE = """NOT EXISTS (
        SELECT FROM customers_customermetadata entry
        WHERE entry.customer_id = customer.id AND entry.key = ANY (%(metadata_absent)s::text[])
    )"""


def _metadata(query: Query, filters: Filters) -> None:
    """Read `metadata[<key>]=<value>`; a key may hold brackets, but not `][`, which nests."""
    wanted: dict[str, str] = {}
    nested: dict[str, list[str]] = {}
    for name in query:
        if not (name.startswith("metadata[") and name.endswith("]")):
            continue
        key, has_more, _ = name[len("metadata[") : -1].replace("\0", "").partition("][")
        if key and has_more:
            nested[key] = ["must be a string"]
        elif key:
            wanted[key] = _scalar(query, name) or ""
    if nested:
        filters.problems["metadata"] = nested
    present = {key: value for key, value in wanted.items() if value}
    absent = [key for key, value in wanted.items() if not value]
    if present:
        filters.add(
            "metadata",
            _CARRIES_ALL,
            metadata_keys=list(present),
            metadata_values=list(present.values()),
        )
    if absent:
        filters.add("metadata absent", _CARRIES_NONE, metadata_absent=absent)


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    rf"{_DATE.pattern}[Tt][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}([.,][0-9]+)?)?"
    r"([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?"
)


def _updated_at(query: Query, filters: Filters) -> None:
    bounds = (
        ("gte", "00:00:00", "date_trunc('second', customer.updated_at) >= {}"),
        ("lte", "23:59:59", "customer.updated_at < date_trunc('second', {}) + interval '1 second'"),
    )
    for bound, time_of_day, condition in bounds:
        text = _scalar(query, f"updated_at[{bound}]")
        if text is None:
            continue
        name = f"updated_at_{bound}"
        try:
            value = _moment(text, time_of_day)
        except (ValueError, OverflowError):
            filters.problems["updated_at"] = ["value_is_invalid"]
            continue
        filters.add(name, condition.format(f"%({name})s::timestamptz"), **{name: value})


def _moment(text: str, time_of_day: str) -> datetime:
    """Return the moment in UTC.

    :raises ValueError, OverflowError: if the text names none.
    """
    if _DATE.fullmatch(text):
        text = f"{text}T{time_of_day}"
    elif not _TIME.fullmatch(text):
        raise ValueError("no date and no time")
    found = datetime.fromisoformat(text.upper())
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


# --- Search ------------------------------------------------------------------------------------

_SEARCHED = ("name", "firstname", "lastname", "legal_name", "external_id", "email")
_INDEXED_TEXT = indexed_text([f"customer.{name}" for name in INDEXED_FIELDS])


def _search_term(query: Query, filters: Filters) -> None:
    term = (_scalar(query, "search_term") or "").strip()[:TEXT_LENGTH]
    if not term or query.get("external_id"):
        return
    pattern = "lower(%(search_term)s::text)"
    fields = " OR ".join(f"lower(customer.{name}) LIKE {pattern}" for name in _SEARCHED)
    filters.add("search_term", f"({fields})", search_term=pattern_of(term))
    # Without a trigram, the index would be read from end to end, and every row after that.
    if HAS_TRIGRAM.search(term) and SEPARATOR not in term:
        # The text of the index holds more than the six fields.
        indexed = indexed_pattern("%(search_term)s::text")
        filters.indexed["search_term"] = f"{_INDEXED_TEXT} LIKE {indexed}"


_READERS = (
    _external_id,
    _search_term,
    _any_of("account_type", "account_type", Customer.AccountType.values),
    _customer_type,
    _any_of("country", "countries", COUNTRIES),
    _any_of("currency", "currencies", CURRENCIES),
    _any_of("state", "states"),
    _any_of("zipcode", "zipcodes"),
    _has_tax_identification_number,
    _tax_identification_number,
    _metadata,
    _billing_entity_codes,
    _updated_at,
)


def raise_problems(filters: Filters, **more: Any) -> None:
    """:raises Invalid: if a filter, or a parameter named in `more`, cannot be read."""
    problems = {**filters.problems, **more}
    if problems:
        raise Invalid(problems)
