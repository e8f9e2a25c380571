"""The form of a customer as people think of it: groups of fields in the order of paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from billing.models import Integration
from customers.addresses import address_form
from customers.admin.form import CustomerForm, unit_of
from customers.admin.values import ADDRESS, integration_fields, metadata_fields
from customers.models import METADATA_MAX

_IDENTITY = (
    "country", "customer_type", "legal_name", "name", "firstname", "lastname", "email", "phone",
    "url", "logo_url", "account_type", "billing_entity_code", "external_salesforce_id",
)  # fmt: skip
_TAX = ("tax_identification_number", "legal_number", "tax_codes")
_TERMS = (
    "currency", "timezone", "net_payment_term", "invoice_grace_period", "document_locale",
    "finalize_zero_amount_invoice", "subscription_invoice_issuing_date_anchor",
    "subscription_invoice_issuing_date_adjustment", "skip_invoice_custom_sections",
    "invoice_custom_section_codes",
)  # fmt: skip
_PAYMENT = (
    "connection", "provider_customer_id", "sync_with_provider", "sync", "provider_payment_methods",
)  # fmt: skip
# Fields that need the whole line.
_WIDE = frozenset({"tax_codes", "invoice_custom_section_codes", "provider_payment_methods",
                   "country", "shipping_country", "external_id"})  # fmt: skip
_BEGINNING = frozenset(integration_fields(kind)["code"] for kind in Integration.Type.values)


@dataclass
class FormEntry:
    """A field as the page shows it."""

    bound: BoundField
    advice: str
    is_changed: bool
    is_needed: bool

    @property
    def label(self) -> Any:
        """What it is called."""
        return self.bound.field.label

    @property
    def is_tick(self) -> bool:
        """Whether it is a box to tick, whose label stands behind it."""
        return isinstance(self.bound.field.widget, CheckboxInput)

    @property
    def is_set(self) -> bool:
        """Whether it is several boxes under one name."""
        return isinstance(self.bound.field.widget, CheckboxSelectMultiple)

    @property
    def is_wide(self) -> bool:
        """Whether it takes the whole line."""
        return self.bound.name in _WIDE

    @property
    def begins_line(self) -> bool:
        """Whether it is the first of several that belong together."""
        return self.bound.name in _BEGINNING

    @property
    def widget(self) -> SafeString:
        """The field itself, tied to its hint, advice and errors."""
        ends = ("hint", "advice", "error")
        tied = " ".join(f"{self.bound.auto_id}_{end}" for end in ends)
        attrs: dict[str, str | bool] = {"aria-describedby": tied}
        if self.bound.errors:
            attrs["aria-invalid"] = "true"
        if not self.is_set and not self.is_tick:
            attrs["autocomplete"] = "off"
        return self.bound.as_widget(attrs=attrs)


@dataclass
class Group:
    """Fields of one idea."""

    key: str
    title: Any
    entries: list[FormEntry] = field(default_factory=list)
    # The notes are a table: a row of three fields each.
    rows: list[list[FormEntry]] = field(default_factory=list)
    is_open: bool = True

    @property
    def has_problem(self) -> bool:
        """Whether one of the fields was refused."""
        return any(entry.bound.errors for entry in self.entries)


def groups_of(form: CustomerForm, advice: Mapping[str, str]) -> list[Group]:
    """Return the groups of the form, each field with the advice on it."""
    needed = _needed(form)
    changed = set(form.edited()) if form.is_bound else set()

    def entry(name: str) -> FormEntry:
        return FormEntry(form[name], advice.get(name, ""), name in changed, name in needed)

    groups = [
        Group(key, title, [entry(name) for name in names]) for key, title, names in _named(form)
    ]
    notes = [[entry(name) for name in metadata_fields(n)] for n in range(1, METADATA_MAX + 1)]
    groups.append(Group("metadata", lazy("Metadata"), [e for row in notes for e in row], notes))
    if form.integration_types:
        names = [n for kind in form.integration_types for n in integration_fields(kind).values()]
        groups.append(Group("integrations", lazy("Integrations"), [entry(n) for n in names]))
    if form.creating:
        for group in groups:
            group.is_open = group.key in ("identity", "address", "tax") or group.has_problem
    return groups


def _named(form: CustomerForm) -> list[tuple[str, Any, Sequence[str]]]:
    """Return the groups that every form has: key, title and fields."""
    typed = form.typed()
    shipping = ["shipping_country", *_address("shipping_", typed.get("shipping_country"))]
    return [
        ("identity", lazy("Identity"), _identity(form)),
        ("address", lazy("Billing address"), _address("", typed.get("country"))),
        ("tax", lazy("Tax"), _TAX),
        ("terms", lazy("Terms"), _TERMS),
        ("payment", lazy("Payment"), _PAYMENT),
        ("shipping", lazy("Shipping address"), shipping),
    ]


def labels_of(form: CustomerForm) -> dict[str, str]:
    """Return the labels by field and by unit."""
    shipping = _("Shipping: %(part)s")
    found = {name: str(one.label or name) for name, one in form.fields.items()}
    for part in ADDRESS:
        found[f"shipping_{part}"] = shipping % {"part": found[f"shipping_{part}"]}
    return found | {
        "metadata": _("Metadata"),
        "integration_customers": _("Integrations"),
        unit_of("connection"): _("Payment provider"),
    }


def _identity(form: CustomerForm) -> tuple[str, ...]:
    return ("external_id", *_IDENTITY) if form.creating else _IDENTITY


def _address(prefix: str, country: str | None) -> list[str]:
    """Return the parts in the order of paper; those a country does not write come last."""
    parts = [part for part in ADDRESS if part != "country"]
    order = [part for part in address_form(country).order if part in parts]
    return [prefix + part for part in [*order, *(one for one in parts if one not in order)]]


def _needed(form: CustomerForm) -> set[str]:
    """Return what an invoice will need; nothing is kept out for lack of it."""
    values = form.typed()
    parts = set(address_form(values.get("country")).required)
    return parts | ({"external_id"} if form.creating else set())
