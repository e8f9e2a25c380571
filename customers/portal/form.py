"""The form of a customer's page: its fields in the customer's language, and what was sent of it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.core import signing
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from billing.values import COUNTRIES
from customers.addresses import PARTS, address_form
from customers.countries import country_name
from customers.history import PATHS
from customers.models import PROPOSAL_NOTE_LENGTH, Customer, Proposal
from customers.portal.details import CONTACT, OFFERED, SHIPPING
from customers.portal.links import LASTS
from customers.portal.propose import Draft
from customers.words import Difference, difference, label

_SALT = "customers.portal.form"
# What browsers may fill in by themselves (HTML, autofill).
_AUTOCOMPLETE: Mapping[str, str] = {
    "email": "email",
    "address_line1": "address-line1",
    "address_line2": "address-line2",
    "zipcode": "postal-code",
    "city": "address-level2",
    "state": "address-level1",
    "country": "country",
}
_SENTENCES: Mapping[str, Any] = {
    "value_is_too_long": lazy("This is too long. Please shorten it; nothing was cut off."),
    "invalid_email_format": lazy(
        "“%(value)s” is not an e-mail address. Separate several with commas."
    ),
    "not_a_valid_country_code": lazy("Please choose a country from the list."),
}
_CANNOT_BE_USED = lazy("“%(value)s” can't be used here.")

Problems = Mapping[str, list[str]]


class StaleForm(Exception):
    """What was sent is no form of ours for this customer, or one that was open for too long."""


class Field(NamedTuple):
    """One field as the page shows it.

    :param choices: codes and names to choose from; empty for a line of text.
    """

    path: str
    label: str
    value: str
    error: str
    autocomplete: str
    choices: Sequence[tuple[str, str]]

    @property
    def id(self) -> str:
        """What the page's elements call it."""
        return self.path.replace(".", "-")


class Group(NamedTuple):
    """Fields of one idea."""

    title: str
    fields: list[Field]


def sealed_form(customer: Customer, seen: Mapping[str, Any]) -> str:
    """Return the hidden value that says whose form this is and what it showed."""
    form = {"customer": str(customer.pk), "token": str(uuid4()), "seen": seen}
    return signing.dumps(form, salt=_SALT, compress=True)


def read_draft(customer: Customer, sent: QueryDict) -> Draft:
    """Return what a customer sent.

    :raises StaleForm: if it comes from no form of ours for this customer.
    """
    try:
        form = signing.loads(sent.get("form", ""), salt=_SALT, max_age=LASTS)
    except signing.BadSignature:
        raise StaleForm from None
    if form["customer"] != str(customer.pk):
        raise StaleForm
    note = _plain(sent.get("note", ""))[:PROPOSAL_NOTE_LENGTH]
    return Draft(UUID(form["token"]), form["seen"], typed_in(sent), note)


def typed_in(sent: QueryDict) -> dict[str, str]:
    """Return what stands in the fields, as far as they were sent."""
    return {path: _plain(str(sent[path])) for path in OFFERED if path in sent}


def groups_of(
    values: Mapping[str, Any], seen: Mapping[str, Any], problems: Problems
) -> list[Group]:
    """Return the fields in the order of paper, by the words of the country that is chosen."""

    def field(path: str) -> Field:
        return _field(path, values, seen, problems)

    return [
        Group(_("Contact and tax"), [field(path) for path in CONTACT]),
        Group(_("Billing address"), [field(path) for path in _order(values, "")]),
        Group(_("Shipping address"), [field(path) for path in _order(values, SHIPPING)]),
    ]


def differences_of(proposal: Proposal, country: str | None) -> list[tuple[Difference, bool]]:
    """Return what was proposed in words, each with whether it was taken over."""
    return [
        (difference(path, seen, proposed, country=country), path in proposal.accepted)
        for path, (seen, proposed) in sorted(
            proposal.changes.items(), key=lambda one: PATHS.index(one[0])
        )
    ]


def _order(values: Mapping[str, Any], start: str) -> list[str]:
    """Return the parts of an address as the country writes them, then what else there may be."""
    order = address_form(values.get(f"{start}country") or None).order
    rest = [part for part in PARTS if part not in order and values.get(start + part)]
    return [start + part for part in (*order, *rest)]


def _field(
    path: str, values: Mapping[str, Any], seen: Mapping[str, Any], problems: Problems
) -> Field:
    value = values.get(path) or ""
    part = path.rpartition(".")[2]
    country = values.get(f"{SHIPPING}country" if path.startswith(SHIPPING) else "country")
    named = address_form(country or None).labels[part] if part in PARTS else label(path, country)
    section = "" if path in CONTACT else "shipping " if path.startswith(SHIPPING) else "billing "
    filled_in = _AUTOCOMPLETE.get(part)
    return Field(
        path,
        str(named),
        str(value),
        _sentence(problems.get(path), value),
        section + filled_in if filled_in else "off",
        _countries(value, seen.get(path)) if part == "country" else (),
    )


def _countries(*kept: Any) -> list[tuple[str, str]]:
    """Return the countries by name, and an unknown code that is stored all the same."""
    names = [(code, country_name(code)) for code in COUNTRIES]
    names += [(code, code) for code in dict.fromkeys(kept) if code and code not in COUNTRIES]
    return sorted(names, key=lambda one: one[1].casefold())


def _sentence(codes: list[str] | None, value: Any) -> str:
    if not codes:
        return ""
    return str(_SENTENCES.get(codes[0], _CANNOT_BE_USED)) % {"value": value}


def _plain(text: str) -> str:
    """Return a text without what no one types; PostgreSQL knows no NUL."""
    return text.replace("\0", "").strip()
