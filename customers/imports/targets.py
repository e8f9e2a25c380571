"""What a column can fill: every writable value of a customer, by its path on the wire."""

import re
from collections.abc import Mapping
from enum import Enum

from billing.shape import Shape
from customers.change import (
    BillingConfigurationChange,
    CustomerChange,
    ShippingAddressChange,
)
from customers.models import METADATA_KEY_LENGTH


class Kind(Enum):
    """How a cell is read."""

    TEXT = "text"
    LIST = "list"
    JSON = "json"
    NOTE = "note"


IDENTITY = "external_id"
NOTE = "metadata."
_NESTED: Mapping[str, type[Shape]] = {
    "shipping_address": ShippingAddressChange,
    "billing_configuration": BillingConfigurationChange,
}
_LISTS = (
    "tax_codes",
    "invoice_custom_section_codes",
    "billing_configuration.provider_payment_methods",
)
_JSON = ("metadata", "integration_customers")


def _paths() -> dict[str, Kind]:
    found = dict.fromkeys(CustomerChange.model_fields, Kind.TEXT)
    for name, shape in _NESTED.items():
        del found[name]
        found |= {f"{name}.{part}": Kind.TEXT for part in shape.model_fields}
    found |= dict.fromkeys(_LISTS, Kind.LIST)
    found |= dict.fromkeys(_JSON, Kind.JSON)
    return found


# In the order of the wire's fields.
TARGETS = _paths()
# What exports and other programs' files carry and nobody can write.
READ_ONLY = frozenset(
    "lago_id sequential_id slug created_at updated_at deleted_at version applicable_timezone "
    "applicable_invoice_custom_sections error_details taxes row problems".split()
)


def kind_of(target: str) -> Kind | None:
    """Return how a cell for this path is read; None if there is no such path."""
    if target in TARGETS:
        return TARGETS[target]
    key = target.removeprefix(NOTE)
    is_note = key != target and 0 < len(key) <= METADATA_KEY_LENGTH and not key.isspace()
    return Kind.NOTE if is_note else None


def wire_key(target: str) -> str:
    """Return the key under which the wire reports what is wrong with this path."""
    if target.startswith("shipping_address."):
        return target.replace("_address.", "_")
    if target.startswith(NOTE):
        return "value"
    return target.removeprefix("billing_configuration.")


# --- Lists in a cell: `a|b`; a bar of a code's own is written `\|` -----------------------------

_PART = re.compile(r"(?:[^\\|]|\\.?)*", re.DOTALL)


def split_list(cell: str) -> list[str]:
    """Return the codes in a cell."""
    if "\\" not in cell:
        return cell.split("|") if cell else []
    parts, position = [], 0
    while position <= len(cell):
        found = _PART.match(cell, position)
        part = found[0] if found else ""
        parts.append(re.sub(r"\\([\\|])", r"\1", part))
        position += len(part) + 1
    return parts


def join_list(codes: list[str]) -> str:
    """Return the codes as one cell."""
    return "|".join(code.replace("\\", "\\\\").replace("|", "\\|") for code in codes)
