"""What a customer sees of itself, and what of that it may propose to correct."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from billing.errors import Invalid, Refusal
from customers.addresses import PARTS, address_lines
from customers.history import CustomerThen
from customers.models import Customer
from customers.terms import applicable_terms, read_issuing
from customers.words import label, shown

SHIPPING = "shipping_address."
ADDRESS = PARTS
SHIPPING_ADDRESS = tuple(f"{SHIPPING}{part}" for part in PARTS)
CONTACT = ("tax_identification_number", "email")
# All that can be proposed, by the wire's paths.
OFFERED = (*CONTACT, *ADDRESS, *SHIPPING_ADDRESS)

_IDENTITY = ("legal_name", "name", "firstname", "lastname", "legal_number")
_TERMS = ("currency", "net_payment_term")


class Detail(NamedTuple):
    """A name and its value, line by line."""

    label: str
    lines: list[str]


def details_of(customer: Customer, now: CustomerThen) -> list[Detail]:
    """Return what the customer sees of itself; what is empty is left out, except for what it could
    fill in.
    """
    values = now.values
    country = values["country"]
    terms = applicable_terms(values, read_issuing(customer.organization_id, values[_ENTITY]))
    found = [_detail(path, values[path], country) for path in _IDENTITY if values[path]]
    found.append(Detail(_("Customer number"), [customer.slug]))
    found += [_detail(path, values[path], country) for path in CONTACT]
    found.append(Detail(_("Billing address"), address_lines(values)))
    shipping = {part: values[f"{SHIPPING}{part}"] for part in PARTS}
    if any(shipping.values()):
        found.append(Detail(_("Shipping address"), address_lines(shipping)))
    return [*found, *(_detail(path, terms[path].value, country) for path in _TERMS)]


def seen_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that the customer sees and may propose to correct."""
    return {path: values[path] or None for path in OFFERED}


def at_paths(refusal: Refusal) -> Refusal:
    """Return the refusal with its problems at paths instead of the API's names of fields."""
    if not isinstance(refusal, Invalid):
        return refusal
    start = SHIPPING.removesuffix("address.")
    return Invalid(
        {
            name.replace(start, SHIPPING, 1) if name.startswith(start) else name: codes
            for name, codes in refusal.problems.items()
        }
    )


_ENTITY = "billing_entity_code"


def _detail(path: str, value: Any, country: str | None) -> Detail:
    return Detail(label(path, country), shown(path, value))
