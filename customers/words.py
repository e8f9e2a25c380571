"""Fields and values of a customer in the words of the trade, for people.

Everything is known by its path on the wire, as in the change records; what is shown is plain text
that screens escape.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from babel import Locale, UnknownLocaleError
from babel.numbers import get_currency_name
from django.db.models import Case, CharField, F, IntegerField, Value, When
from django.db.models.functions import Cast
from django.utils.formats import localize
from django.utils.functional import Promise
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from billing.models import BillingEntity, Integration, InvoiceCustomSection, PaymentProvider, Tax
from customers.addresses import PARTS, address_form
from customers.countries import country_name, country_numbers

Label = str | Promise
_CONFIGURATION = "billing_configuration."
_SHIPPING = "shipping_address."

LABELS: Mapping[str, Label] = {
    "external_id": lazy("External id"),
    "billing_entity_code": lazy("Billing entity"),
    "account_type": lazy("Kind of account"),
    "customer_type": lazy("Company or person"),
    "name": lazy("Name"),
    "firstname": lazy("First name"),
    "lastname": lazy("Last name"),
    "legal_name": lazy("Legal name"),
    "legal_number": lazy("Registration number"),
    "tax_identification_number": lazy("Tax number"),
    "email": lazy("E-mail"),
    "phone": lazy("Phone"),
    "url": lazy("Website"),
    "logo_url": lazy("Logo"),
    "currency": lazy("Currency"),
    "timezone": lazy("Time zone"),
    "net_payment_term": lazy("Payment term"),
    "external_salesforce_id": lazy("Salesforce id"),
    "finalize_zero_amount_invoice": lazy("Invoices over zero"),
    "skip_invoice_custom_sections": lazy("No sections on invoices"),
    "invoice_custom_section_codes": lazy("Sections on invoices"),
    "tax_codes": lazy("Taxes"),
    "metadata": lazy("Metadata"),
    "integration_customers": lazy("Integrations"),
    "shipping_address": lazy("Shipping address"),
    _CONFIGURATION + "invoice_grace_period": lazy("Grace period"),
    _CONFIGURATION + "subscription_invoice_issuing_date_anchor": lazy("Invoices are dated by"),
    _CONFIGURATION + "subscription_invoice_issuing_date_adjustment": lazy("Invoice date adjusts"),
    _CONFIGURATION + "document_locale": lazy("Document language"),
    _CONFIGURATION + "payment_provider": lazy("Payment provider"),
    _CONFIGURATION + "payment_provider_code": lazy("Provider connection"),
    _CONFIGURATION + "provider_customer_id": lazy("Customer id at the provider"),
    _CONFIGURATION + "sync": lazy("Create at the provider before answering"),
    _CONFIGURATION + "sync_with_provider": lazy("Create at the provider"),
    _CONFIGURATION + "provider_payment_methods": lazy("Payment methods"),
}

# The words for values that stand for something.
_CHOICES: Mapping[str, Mapping[str, Label]] = {
    "account_type": {"customer": lazy("Customer"), "partner": lazy("Partner")},
    "customer_type": {"company": lazy("Company"), "individual": lazy("Person")},
    "finalize_zero_amount_invoice": {
        "inherit": lazy("As the billing entity"),
        "skip": lazy("Not made"),
        "finalize": lazy("Made like others"),
    },
    "subscription_invoice_issuing_date_anchor": {
        "current_period_end": lazy("End of the period"),
        "next_period_start": lazy("Start of the next period"),
    },
    "subscription_invoice_issuing_date_adjustment": {
        "keep_anchor": lazy("Stays"),
        "align_with_finalization_date": lazy("Moves to the day the invoice is final"),
    },
}
_PAYMENT_METHODS: Mapping[str, Label] = {
    "card": lazy("Card"),
    "sepa_debit": lazy("SEPA Direct Debit"),
    "us_bank_account": lazy("US bank account"),
    "bacs_debit": lazy("Bacs Direct Debit"),
    "link": lazy("Link"),
    "boleto": lazy("Boleto"),
    "crypto": lazy("Crypto"),
    "customer_balance": lazy("Customer balance"),
}
_BRANDS: Mapping[str, str] = {
    "stripe": "Stripe",
    "gocardless": "GoCardless",
    "adyen": "Adyen",
    "cashfree": "Cashfree",
    "flutterwave": "Flutterwave",
    "moneyhash": "MoneyHash",
    "netsuite": "NetSuite",
    "anrok": "Anrok",
    "avalara": "Avalara",
    "xero": "Xero",
    "hubspot": "HubSpot",
    "salesforce": "Salesforce",
}
_DAYS = frozenset({"net_payment_term", "invoice_grace_period"})

Names = Mapping[tuple[str, str], str]
NO_NAMES: Names = {}


class Difference(NamedTuple):
    """What a change did to one field: what went and what came, line by line."""

    path: str
    label: str
    gone: list[str]
    come: list[str]


def label(path: str, country: str | None = None) -> str:
    """Return what the field is called; in the country's own words where it has some."""
    if path.startswith(_SHIPPING):
        part = str(address_form(country).labels[path.removeprefix(_SHIPPING)])
        return _("Shipping: %(part)s") % {"part": part}
    if path in PARTS:
        return str(address_form(country).labels[path])
    if path == "tax_identification_number":
        return str(country_numbers(country).tax.label)
    if path == "legal_number":
        return str(country_numbers(country).legal.label)
    return str(LABELS.get(path, path))


def shown(path: str, value: Any, names: Names = NO_NAMES) -> list[str]:
    """Return the value as lines of text; none if it is empty.

    :param names: what codes stand for (`read_names`); a code that is not there stands for itself.
    """
    if value is None or value == "" or value == []:
        return []
    if isinstance(value, list):
        return [_item(path, one, names) for one in value]
    return [_scalar(path, value, names)]


def difference(
    path: str, old: Any, new: Any, names: Names = NO_NAMES, country: str | None = None
) -> Difference:
    """Return what became of a field; of lists only what went and what came."""
    before, after = shown(path, old, names), shown(path, new, names)
    if isinstance(old or new, list):
        before, after = (
            [one for one in before if one not in after],
            [one for one in after if one not in before],
        )
    return Difference(path, label(path, country), before, after)


def read_names(
    organization_id: UUID, values: Iterable[tuple[str, Any]]
) -> dict[tuple[str, str], str]:
    """Return what the codes among these paths and values stand for, in one query.

    Of a code that was used twice, what has it now is named.
    """
    codes: dict[str, set[str]] = {kind: set() for kind in _KINDS}
    for path, value in values:
        for kind, code in _codes(path, value):
            codes[kind].add(code)
    queries = [
        _named(kind, model, organization_id, codes[kind])
        for kind, model in _KINDS.items()
        if codes[kind]
    ]
    if not queries:
        return {}
    rows = queries[0].union(*queries[1:], all=True) if queries[1:] else queries[0]
    # What is kept comes last, and stays.
    found = sorted(rows, key=lambda row: row[4])
    return {(kind, code): _with_rate(name, rate) for kind, code, name, rate, _kept in found}


def brand(type_: str | None) -> str:
    """Return a provider's or an integration's name as it writes it."""
    return _BRANDS.get(type_ or "", type_ or "")


def language_name(code: str) -> str:
    """Return a language's name in the reader's language (CLDR)."""
    try:
        found = Locale.parse(code, sep="-").get_display_name(_reader())
    except (UnknownLocaleError, ValueError):
        found = None
    return f"{found[:1].upper()}{found[1:]}" if found else code


_KINDS: Mapping[str, Any] = {
    "tax": Tax,
    "section": InvoiceCustomSection,
    "entity": BillingEntity,
    "provider": PaymentProvider,
    "integration": Integration,
}
_CODES = {
    "tax_codes": "tax",
    "invoice_custom_section_codes": "section",
    "billing_entity_code": "entity",
    _CONFIGURATION + "payment_provider_code": "provider",
}


def _codes(path: str, value: Any) -> list[tuple[str, str]]:
    if path == "integration_customers":
        return [("integration", one["integration_code"]) for one in value or []]
    kind = _CODES.get(path)
    if kind is None or not value:
        return []
    return [(kind, code) for code in (value if isinstance(value, list) else [value])]


def _named(kind: str, model: Any, organization_id: UUID, codes: set[str]) -> Any:
    rate = Cast(F("rate"), CharField()) if kind == "tax" else Value("", CharField())
    found = model.objects.filter(organization_id=organization_id, code__in=codes)
    return found.values_list(
        Value(kind, CharField()), "code", "name", rate, _KEPT if kind in _SOFT else Value(1)
    )


_SOFT = frozenset({"tax", "section"})
_KEPT = Case(When(deleted_at=None, then=1), default=0, output_field=IntegerField())


def _with_rate(name: str, rate: str) -> str:
    return f"{name} {percent(Decimal(rate))}" if rate else name


def percent(rate: Decimal) -> str:
    """Return a rate as people write it: `5.5 %`."""
    return f"{localize(rate.normalize() + 0)} %"


def _item(path: str, value: Any, names: Names) -> str:
    if path == "metadata":
        words = f"{value['key']}: {value['value']}"
        return (
            _("%(note)s (on invoices)") % {"note": words} if value["display_in_invoice"] else words
        )
    if path == "integration_customers":
        return _integration(value, names)
    if path == _CONFIGURATION + "provider_payment_methods":
        return str(_PAYMENT_METHODS.get(value, value))
    return names.get((_CODES.get(path, ""), value), str(value))


def _integration(value: Mapping[str, Any], names: Names) -> str:
    code = value["integration_code"]
    parts = [brand(value["integration_type"]), names.get(("integration", code), code)]
    if value["external_customer_id"]:
        parts.append(value["external_customer_id"])
    if value["sync_with_provider"]:
        parts.append(_("created there by us"))
    parts += [value[name] for name in ("subsidiary_id", "targeted_object") if value.get(name)]
    return " · ".join(parts)


def _scalar(path: str, value: Any, names: Names) -> str:
    last = path.rpartition(".")[2]
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if last in _CHOICES:
        return str(_CHOICES[last].get(value, value))
    if last in _DAYS:
        return ngettext("%(count)s day", "%(count)s days", value) % {"count": localize(value)}
    kind = _CODES.get(path)
    if kind is not None:
        return names.get((kind, value), value)
    speak = _SPEAKERS.get(last)
    return speak(value) if speak else str(value)


def _currency(code: str) -> str:
    return f"{code} ({_currency_name(code, _reader())})"


@cache
def _currency_name(code: str, language: str) -> str:
    return get_currency_name(code, locale=language)


def _reader() -> str:
    """Return the reader's language as CLDR calls it."""
    language = (get_language() or "en").partition("-")[0]
    return language if language in ("en", "fr", "de") else "en"


_SPEAKERS = {
    "country": country_name,
    "currency": _currency,
    "document_locale": language_name,
    "payment_provider": brand,
}
