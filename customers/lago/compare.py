"""What differs between a customer at Lago and the same customer here, field by field.

A value that Lago shows and the rules here keep in another form (`fr` as `FR`) is the same value.
Keys that Lago does not show can't be compared, and are not.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from billing.shape import Shape
from customers.change import CustomerChange
from customers.lago.client import Json


class Difference(NamedTuple):
    """A value that is not the same on both sides, by its path on the wire."""

    path: str
    theirs: Any
    ours: Any


_LISTS = (
    "metadata",
    "taxes",
    "integration_customers",
    "applicable_invoice_custom_sections",
    "error_details",
)
# When it was last changed says nothing about what it is.
_IGNORED = frozenset({*_LISTS, "updated_at", "billing_configuration", "shipping_address"})
_TIMES = frozenset({"created_at"})
_FLAGS = frozenset({"sync", "sync_with_provider", "skip_invoice_custom_sections"})


def compare_customers(theirs: Json, ours: Json) -> list[Difference]:
    """Return what differs between a customer of Lago and ours of the same external id."""
    found = [
        *compare_objects(theirs, ours, ignored=_IGNORED),
        *_nested(theirs, ours, "shipping_address"),
        *_nested(theirs, ours, "billing_configuration"),
        *_lists(theirs, ours, "metadata", "key"),
        # The address of a contact is the integration's own.
        *_lists(theirs, ours, "integration_customers", "type", frozenset({"email"})),
        *_codes(theirs, ours, "taxes"),
        *_codes(theirs, ours, "applicable_invoice_custom_sections"),
    ]
    return _without_kept_forms(theirs, found) if found else found


def compare_objects(
    theirs: Mapping[str, Any],
    ours: Mapping[str, Any],
    *,
    prefix: str = "",
    ignored: frozenset[str] = frozenset(),
) -> Iterator[Difference]:
    """Yield what differs under the keys that both sides show."""
    for key in ours:
        if key in theirs and key not in ignored and not _is_same(key, theirs[key], ours[key]):
            yield Difference(prefix + key, theirs[key], ours[key])


def _is_same(key: str, theirs: Any, ours: Any) -> bool:
    if theirs == ours:
        return True
    if key in _TIMES:
        return _second(theirs) == _second(ours)
    if key in _FLAGS:
        return bool(theirs) == bool(ours)
    if key == "rate":
        return _decimal(theirs) == _decimal(ours)
    if isinstance(theirs, list) and isinstance(ours, list) and key != "provider_payment_methods":
        return sorted(map(str, theirs)) == sorted(map(str, ours))
    return False


def _second(value: Any) -> Any:
    """Return a time in whole seconds, as the wire shows it, whatever its zone and fraction."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return value
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found.astimezone(UTC).replace(microsecond=0)


def _decimal(value: Any) -> Any:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return value


def _nested(theirs: Json, ours: Json, name: str) -> Iterator[Difference]:
    if name in theirs:
        one = theirs[name] if theirs[name] is not None else dict.fromkeys(ours[name])
        yield from compare_objects(one, ours[name], prefix=f"{name}.")


def _lists(
    theirs: Json, ours: Json, name: str, key: str, ignored: frozenset[str] = frozenset()
) -> Iterator[Difference]:
    """Yield what differs between two lists of objects that `key` tells apart."""
    if name not in theirs:
        return
    one = {item[key]: item for item in theirs[name] or []}
    other = {item[key]: item for item in ours[name]}
    for found in {**one, **other}:
        if found in one and found in other:
            prefix = f"{name}.{found}."
            yield from compare_objects(one[found], other[found], prefix=prefix, ignored=ignored)
        else:
            yield Difference(f"{name}.{found}", one.get(found), other.get(found))


def _codes(theirs: Json, ours: Json, name: str) -> Iterator[Difference]:
    if name in theirs:
        one, other = (sorted(item["code"] for item in side[name] or []) for side in (theirs, ours))
        if one != other:
            yield Difference(name, one, other)


def _without_kept_forms(theirs: Json, found: list[Difference]) -> list[Difference]:
    """Leave out values that the rules keep just as they are kept here."""
    wish: dict[str, Any] = {"external_id": theirs["external_id"]}
    for difference in found:
        group, _dot, name = difference.path.rpartition(".")
        if group in ("", "shipping_address", "billing_configuration"):
            (wish.setdefault(group, {}) if group else wish)[name] = difference.theirs
    kept = CustomerChange.read(wish).sent()
    return [one for one in found if _kept(kept, one.path) != one.ours]


_NOTHING = object()


def _kept(values: Mapping[str, Any], path: str) -> Any:
    group, _dot, name = path.rpartition(".")
    if group:
        shape = values.get(group)
        values = shape.sent() if isinstance(shape, Shape) else {}
    return values.get(name, _NOTHING)
