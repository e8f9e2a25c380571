"""The terms that apply to a customer, each with where it comes from.

What a customer does not set itself is its billing entity's (contract: customers.md 2.4, 2.7).
Values are given by their paths on the wire, so that the same rule tells of today and of any moment
of the past. What is inherited is always as the billing entity has it today.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from billing.models import BillingEntity

_CONFIGURATION = "billing_configuration"
TAXES = "tax_codes"
SECTIONS = "invoice_custom_section_codes"
ENTITY = "billing_entity_code"
SKIP = "skip_invoice_custom_sections"
# The terms by path, each with the billing entity's own name for it.
_FIELDS: Mapping[str, str] = {
    "net_payment_term": "net_payment_term",
    f"{_CONFIGURATION}.invoice_grace_period": "invoice_grace_period",
    "currency": "default_currency",
    "timezone": "timezone",
    f"{_CONFIGURATION}.document_locale": "document_locale",
    "finalize_zero_amount_invoice": "finalize_zero_amount_invoice",
    f"{_CONFIGURATION}.subscription_invoice_issuing_date_anchor": (
        "subscription_invoice_issuing_date_anchor"
    ),
    f"{_CONFIGURATION}.subscription_invoice_issuing_date_adjustment": (
        "subscription_invoice_issuing_date_adjustment"
    ),
}


class Term(NamedTuple):
    """A value that applies.

    :param origin: the name of the billing entity that it is inherited from; None for an own one.
    """

    path: str
    value: Any
    origin: str | None

    @property
    def is_inherited(self) -> bool:
        """Whether it is the billing entity's."""
        return self.origin is not None


class Issuing(NamedTuple):
    """What a billing entity hands down to its customers, read together."""

    entity: BillingEntity
    tax_codes: tuple[str, ...]
    section_codes: tuple[str, ...]


def read_issuing(organization_id: UUID, entity_code: str) -> Issuing:
    """Return what the billing entity hands down.

    :raises BillingEntity.DoesNotExist: if the organization has none of this code.
    """
    entity = BillingEntity.objects.defer("logo").get(
        organization_id=organization_id, code=entity_code
    )
    taxes = entity.tax_links.filter(tax__deleted_at=None).order_by("tax__code")
    sections = entity.section_links.filter(section__deleted_at=None).order_by("section__code")
    return Issuing(
        entity,
        tuple(taxes.values_list("tax__code", flat=True)),
        tuple(sections.values_list("section__code", flat=True)),
    )


def applicable_terms(values: Mapping[str, Any], issuing: Issuing) -> dict[str, Term]:
    """Return the terms by path, in the order they are read on an invoice.

    :param values: the customer's own values by path on the wire.
    """
    entity = issuing.entity
    found = [Term(ENTITY, values[ENTITY], None)]
    for path, name in _FIELDS.items():
        own = values[path] if values[path] != "inherit" else None
        inherited = getattr(entity, name)
        if isinstance(inherited, bool):
            inherited = "finalize" if inherited else "skip"
        found.append(
            Term(path, own, None) if own is not None else Term(path, inherited, entity.name)
        )
    found.append(_several(TAXES, values[TAXES], issuing.tax_codes, entity))
    if values[SKIP]:
        found.append(Term(SECTIONS, [], None))
    else:
        found.append(_several(SECTIONS, values[SECTIONS], issuing.section_codes, entity))
    return {term.path: term for term in found}


def _several(path: str, own: Any, inherited: tuple[str, ...], entity: BillingEntity) -> Term:
    return Term(path, list(own), None) if own else Term(path, list(inherited), entity.name)
