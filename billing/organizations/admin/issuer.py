"""What an organization and a billing entity both say of themselves, as people edit it."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from billing.organizations.change import BillingConfiguration, EntityBillingConfiguration
from billing.staff.choices import (
    Choice,
    Several,
    countries,
    currencies,
    languages,
    timezones,
)
from billing.staff.forms import Words, long_text, switch, text
from billing.staff.settings import SettingsForm

IDENTITY = (
    ("legal_name", "legal_number"),
    ("tax_identification_number", "email"),
)
ADDRESS = (
    "country",
    ("address_line1", "address_line2"),
    ("zipcode", "city"),
    "state",
)
INVOICES = (
    ("default_currency", "timezone"),
    ("net_payment_term", "invoice_grace_period"),
    ("document_locale", "document_numbering"),
    ("document_number_prefix", "finalize_zero_amount_invoice"),
    "invoice_footer",
    "email_settings",
)
NUMBERING = {
    "per_customer": gettext_lazy("Each customer has numbers of its own"),
    "per_organization": gettext_lazy("One sequence for everybody"),
    "per_billing_entity": gettext_lazy("One sequence for the billing entity"),
}
MAILS = (
    ("invoice.finalized", gettext_lazy("An invoice is final")),
    ("credit_note.created", gettext_lazy("A credit note was made")),
    ("payment_receipt.created", gettext_lazy("A payment was received")),
)
_NUMBERS = ("net_payment_term", "invoice_grace_period")
# What stands under a key of its own on the wire.
_CONFIGURED = (
    EntityBillingConfiguration.model_fields.keys() | BillingConfiguration.model_fields.keys()
)


def select(label: Words, choices: Any, none: Any = None, help_text: Words = "") -> Choice:
    """Return a field with one of these; it can be empty only if `none` says what that means."""
    required = none is None
    return Choice(
        label, choices, none, help_text, required=required, widget=UnfoldAdminSelectWidget
    )


def several(label: Words, choices: Any = (), help_text: Words = "") -> Several:
    """Return a field with any of these."""
    return Several(label, choices, help_text, widget=UnfoldAdminCheckboxSelectMultipleWidget)


def days(label: Words, help_text: Words) -> Any:
    """Return a field for a number of days."""
    return text(label, help_text, required=True)


class IssuerForm(SettingsForm):
    """The letterhead, and how invoices are made where a customer says nothing else."""

    legal_name = text(gettext_lazy("Legal name"), gettext_lazy("As it stands on invoices."))
    legal_number = text(gettext_lazy("Registration number"))
    tax_identification_number = text(gettext_lazy("Tax number"))
    email = text(gettext_lazy("E-mail"))
    country = select(gettext_lazy("Country"), countries, gettext_lazy("not chosen"))
    address_line1 = text(gettext_lazy("Address"))
    address_line2 = text(gettext_lazy("Address, second line"))
    zipcode = text(gettext_lazy("Postal code"))
    city = text(gettext_lazy("City"))
    state = text(gettext_lazy("State or region"))
    default_currency = select(gettext_lazy("Currency"), currencies)
    timezone = select(gettext_lazy("Time zone"), timezones)
    net_payment_term = days(
        gettext_lazy("Payment term in days"),
        gettext_lazy("For customers without a term of their own."),
    )
    invoice_grace_period = days(
        gettext_lazy("Grace period in days"),
        gettext_lazy("How long an invoice stays a draft."),
    )
    document_locale = select(gettext_lazy("Language of documents"), languages)
    document_number_prefix = text(
        gettext_lazy("Prefix of document numbers"),
        gettext_lazy("At most ten characters. Documents that exist keep theirs."),
        required=True,
    )
    finalize_zero_amount_invoice = switch(gettext_lazy("Make invoices over zero, too"))
    invoice_footer = long_text(gettext_lazy("Text at the foot of invoices"))
    email_settings = several(gettext_lazy("Send an e-mail when"), MAILS)

    def read(self, instance: Any) -> dict[str, Any]:
        """Return the values, numbers as people type them."""
        names = [name for name in self.base_fields if name not in self.own_fields]
        found = {name: getattr(instance, name, None) for name in names}
        return found | {name: str(found[name]) for name in _NUMBERS}

    def on_the_wire(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Return the wish with the settings of invoices under their own key."""
        settings = {name: wish[name] for name in wish if name in _CONFIGURED}
        rest = {name: wish[name] for name in wish if name not in _CONFIGURED}
        return rest | {"billing_configuration": settings} if settings else rest

    def labels_of(self, names: Any) -> str:
        """Return the labels of what was edited among these, in a row."""
        edited = [name for name in self.edited() if name in names]
        return ", ".join(str(self.fields[name].label).lower() for name in edited)


# What a customer takes over while it has no value of its own.
INHERITED = frozenset(
    "timezone net_payment_term invoice_grace_period document_locale "
    "finalize_zero_amount_invoice subscription_invoice_issuing_date_anchor "
    "subscription_invoice_issuing_date_adjustment tax_codes invoice_custom_section_codes".split()
)


def told_inherited(form: IssuerForm) -> list[str]:
    """Return what becomes of customers without values of their own, in a sentence if any does."""
    labels = form.labels_of(INHERITED)
    if not labels:
        return []
    words = _(
        "Customers without a value of their own take over: {labels}. That counts for invoices from "
        "now on; those that exist stay as they are."
    )
    return [words.format(labels=labels)]
