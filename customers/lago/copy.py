"""From a customer as Lago shows it to the row of an import: what is to be written, what is kept."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from customers.change import CustomerChange
from customers.identity import Identity
from customers.imports.mapping import ColumnMap
from customers.imports.reading.table import Row
from customers.imports.refusals import Flaw
from customers.imports.targets import TARGETS
from customers.lago.client import Json
from customers.models import Customer

IDENTITY = "identity"
SECTIONS = "sections"
_CONFIGURATION = "billing_configuration"
_NESTED = {"shipping_address", _CONFIGURATION}
_NOT_AS_SHOWN = {
    *_NESTED, "metadata", "integration_customers", "tax_codes", "invoice_custom_section_codes",
}  # fmt: skip
_SCALARS = [name for name in CustomerChange.model_fields if name not in _NOT_AS_SHOWN]
_LINK = ("integration_code", "external_customer_id", "subsidiary_id", "targeted_object")
_SLUG_LENGTH = Customer._meta.get_field("slug").max_length or 0
_NUMBER_MAX = 2**31 - 1

# Every value by its own path, and the identity beside them.
COLUMNS = ColumnMap({name: [name] for name in TARGETS}, identity=IDENTITY)
HEADER = [*TARGETS, IDENTITY]


def row_of(number: int, customer: Json, entity_sections: Mapping[str, set[str]]) -> Row:
    """Return the row that makes a copy of a customer here.

    :param entity_sections: codes of the sections that each billing entity has chosen.
    """
    cells = {name: customer[name] for name in _SCALARS if name in customer}
    cells |= dict(_nested(customer))
    cells |= dict(_lists(customer))
    cells |= dict(_sections(customer, entity_sections))
    try:
        cells[IDENTITY] = _identity(customer).row()
    except (KeyError, TypeError, ValueError) as error:
        return Row(number, cells, [_flaw(customer, error)])
    return Row(number, _keepable(cells), [])


def _nested(customer: Json) -> Iterator[tuple[str, Any]]:
    for name in _NESTED:
        for part, value in (customer.get(name) or {}).items():
            if f"{name}.{part}" in TARGETS and value not in ([], ""):
                yield f"{name}.{part}", value


def _lists(customer: Json) -> Iterator[tuple[str, Any]]:
    if "taxes" in customer:
        yield "tax_codes", [tax["code"] for tax in customer["taxes"] or []]
    if "metadata" in customer:
        yield "metadata", [
            {"id": item.get("lago_id"), "key": item.get("key"), "value": item.get("value"),
             "display_in_invoice": bool(item.get("display_in_invoice"))}
            for item in customer["metadata"] or []
        ]  # fmt: skip
    if "integration_customers" in customer:
        yield (
            "integration_customers",
            [_link(one) for one in customer["integration_customers"] or []],
        )


def _link(shown: Json) -> Json:
    found = {name: shown[name] for name in _LINK if shown.get(name) is not None}
    return found | {
        "id": shown.get("lago_id"),
        "integration_type": shown.get("type"),
        "sync_with_provider": bool(shown.get("sync_with_provider")),
    }


def _sections(
    customer: Json, entity_sections: Mapping[str, set[str]]
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the customer's own choice; Lago shows only what applies, by whosever choice.

    The sections come along whole, since Lago lists them nowhere else.
    """
    shown = customer.get("applicable_invoice_custom_sections")
    if shown is None or customer.get("skip_invoice_custom_sections"):
        return
    codes = [section["code"] for section in shown]
    inherited = entity_sections.get(str(customer.get("billing_entity_code")), set())
    is_own = set(codes) != inherited
    yield "invoice_custom_section_codes", codes if is_own else []
    if is_own:
        yield SECTIONS, shown


def _identity(customer: Json) -> Identity:
    number, slug = customer["sequential_id"], customer["slug"]
    if not isinstance(number, int) or not 0 < number <= _NUMBER_MAX:
        raise ValueError("sequential_id")
    if not isinstance(slug, str) or not 0 < len(slug) <= _SLUG_LENGTH or "\0" in slug:
        raise ValueError("slug")
    parts = {
        str(UUID(item["lago_id"])): _time(item["created_at"]) if item.get("created_at") else None
        for name in ("metadata", "integration_customers")
        for item in customer.get(name) or []
    }
    made_at = datetime.fromisoformat(str(_time(customer["created_at"])))
    return Identity(UUID(customer["lago_id"]), number, slug, made_at, parts)


def _time(text: str) -> str:
    """Return a time with its zone; one without is meant in UTC."""
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


def _flaw(customer: Json, error: Exception) -> Flaw:
    """Return what a customer can't keep."""
    named = str(error.args[0]) if error.args else ""
    name = named if named in ("sequential_id", "slug", "created_at") else "lago_id"
    return Flaw(name, "value_is_invalid", str(customer.get(name))[:60])


def _keepable(cells: dict[str, Any]) -> dict[str, Any]:
    """Return the cells without NUL, which the rules take out of any text."""
    return {
        name: value.replace("\0", "") if isinstance(value, str) else value
        for name, value in cells.items()
    }
