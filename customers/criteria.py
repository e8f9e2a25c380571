"""What lists of customers can be narrowed by: one criterion a name, in words and as a condition."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet, Value
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.events.models import ChangeRecord
from billing.models import BillingEntity, Integration, PaymentProvider, Tax
from billing.values import COUNTRIES, CURRENCIES
from customers import conditions
from customers.conditions import ANY, NONE, Values
from customers.countries import country_name
from customers.models import AppliedTax, Customer, IntegrationLink, ProviderLink
from customers.readiness import NEEDED_FIELDS, label

DELETED = "deleted"

Words = str | Promise
Choices = Sequence[tuple[str, Words]]
Condition = Callable[[UUID, Values], Q]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing to narrow by.

    :param condition: from organization and values to what a customer must fulfil.
    :param choices: the values there are, with their words; None: any text.
    :param many: whether several values can be chosen; one of them is enough.
    :param coded: what the values are the codes of, if they are codes.
    :param is_day: whether the value is a day.
    :param candidates: the ids among which all are that fulfil it, where an index knows the few.
    """

    label: Words
    condition: Condition
    choices: Callable[[UUID], Choices] | None = None
    many: bool = False
    is_day: bool = False
    candidates: Callable[[UUID, Values], "QuerySet[Any]"] | None = None
    coded: type[Model] | None = None
    none: Words = ""

    def words(self, organization_id: UUID, values: Values, named: Mapping[str, str]) -> str:
        """Return the values as people call them.

        :param named: the names of those that are codes.
        """
        known = {NONE: self.none, **named}
        if not self.coded and self.choices:
            known = dict(self.choices(organization_id))
        return ", ".join(str(known.get(value, value)) for value in values)


def names_of_codes(
    organization_id: UUID, filters: Mapping[str, Values]
) -> Mapping[str, Mapping[str, str]]:
    """Return by criterion the names of what these codes stand for, in one statement."""
    found = [
        criterion.coded._default_manager.filter(organization=organization_id, code__in=values)
        .annotate(criterion=Value(name))
        .values_list("criterion", "code", "name")
        for name, values in filters.items()
        if (criterion := CRITERIA[name]).coded
    ]
    names: dict[str, dict[str, str]] = {}
    for name, code, words in found[0].union(*found[1:]) if found else ():
        names.setdefault(name, {})[code] = f"{words} ({code})"
    return names


# --- What can be chosen ------------------------------------------------------------------------


def _countries(organization_id: UUID) -> Choices:
    names = sorted(((code, f"{country_name(code)} ({code})") for code in COUNTRIES), key=_words)
    return [(NONE, _("No country")), *names]


def _words(choice: tuple[str, Words]) -> str:
    return str(choice[1])


def _currencies(organization_id: UUID) -> Choices:
    return [(NONE, _("No currency of its own")), *((code, code) for code in CURRENCIES)]


def _rows(model: type[Model], none: Words, organization_id: UUID) -> Choices:
    """Return the rows of the organization by code, with their names."""
    found = model._default_manager.filter(organization=organization_id)
    if model is Tax:
        found = found.filter(deleted_at=None)
    rows = [(code, f"{name} ({code})") for code, name in found.values_list("code", "name")]
    rows.sort(key=_words)
    return [(NONE, none), *rows] if none else rows


def _needed(organization_id: UUID) -> Choices:
    lacks = [
        (name, _("Missing: %(field)s") % {"field": label(name, None)}) for name in NEEDED_FIELDS
    ]
    return [("incomplete", _("Incomplete")), ("complete", _("Complete")), *lacks]


_DOORS = {
    ChangeRecord.Door.API: gettext_lazy("by a program (API)"),
    ChangeRecord.Door.STAFF: gettext_lazy("by staff"),
    ChangeRecord.Door.IMPORT: gettext_lazy("by an import"),
    ChangeRecord.Door.SETUP: gettext_lazy("by the set-up"),
    ChangeRecord.Door.PROVIDER: gettext_lazy("by a provider"),
    ChangeRecord.Door.SYSTEM: gettext_lazy("by Tarn itself"),
}


# --- The kinds of criteria ---------------------------------------------------------------------


def _listed(
    words: Words, condition: Condition, choices: Callable[[UUID], Choices], **rest: Any
) -> Criterion:
    return Criterion(words, condition, choices, many=True, **rest)


def _fixed(
    words: Words, condition: Condition, *choices: tuple[str, Words], **rest: Any
) -> Criterion:
    return _listed(words, condition, lambda organization_id: choices, **rest)


def _coded(words: Words, condition: Condition, model: type[Model], none: Words = "") -> Criterion:
    return _listed(words, condition, partial(_rows, model, none), coded=model, none=none)


def _day(words: Words, condition: Callable[[str, UUID, Values], Q], column: str) -> Criterion:
    return Criterion(words, partial(condition, column), is_day=True)


def _column(name: str) -> Condition:
    return partial(conditions.of_column, name)


def _link(model: type[Model], code: str) -> Condition:
    return partial(conditions.linked, model, code)


# In the order in which they are asked for.
CRITERIA: Mapping[str, Criterion] = {
    "country": _listed(gettext_lazy("Country"), _column("country"), _countries),
    "currency": _listed(gettext_lazy("Currency"), _column("currency"), _currencies),
    "entity": _coded(gettext_lazy("Billing entity"), conditions.of_entity, BillingEntity),
    "tax": _coded(
        gettext_lazy("Tax"),
        _link(AppliedTax, "tax__code"),
        Tax,
        gettext_lazy("No tax of its own"),
    ),
    "readiness": _listed(gettext_lazy("Ready for invoices"), conditions.of_readiness, _needed),
    "tax_number": _fixed(
        gettext_lazy("Tax number"),
        conditions.of_tax_number,
        ("missing", gettext_lazy("Missing")),
        ("suspicious", gettext_lazy("Suspicious")),
        ("present", gettext_lazy("Present")),
    ),
    "customer_type": _fixed(
        gettext_lazy("Type"),
        _column("customer_type"),
        ("company", gettext_lazy("Company")),
        ("individual", gettext_lazy("Individual")),
        (NONE, gettext_lazy("Not said")),
    ),
    "account_type": _fixed(
        gettext_lazy("Account"),
        conditions.of_account_type,
        (Customer.AccountType.CUSTOMER, gettext_lazy("Customer")),
        (Customer.AccountType.PARTNER, gettext_lazy("Partner")),
    ),
    "provider": _coded(
        gettext_lazy("Payment provider"),
        _link(ProviderLink, "connection__code"),
        PaymentProvider,
        gettext_lazy("No payment provider"),
    ),
    "integration": _coded(
        gettext_lazy("Integration"),
        _link(IntegrationLink, "connection__code"),
        Integration,
        gettext_lazy("No integration"),
    ),
    "sync": _fixed(
        gettext_lazy("At the provider"),
        conditions.of_sync,
        ("waiting", gettext_lazy("Not created there yet")),
        ("failed", gettext_lazy("Failed there")),
        ("failed_provider", gettext_lazy("Failed at a payment provider")),
        ("failed_integration", gettext_lazy("Failed at an integration")),
        ("differs", gettext_lazy("Not the same there")),
        candidates=conditions.ids_of_links,
    ),
    "duplicates": _fixed(
        gettext_lazy("Duplicates"),
        conditions.likely_duplicate,
        ("likely", gettext_lazy("Likely duplicates")),
        candidates=conditions.ids_in_pairs,
    ),
    "metadata": Criterion(gettext_lazy("Has metadata"), conditions.with_metadata),
    "created_from": _day(gettext_lazy("Created from"), conditions.since, "created_at"),
    "created_to": _day(gettext_lazy("Created until"), conditions.until, "created_at"),
    "updated_from": _day(gettext_lazy("Updated from"), conditions.since, "updated_at"),
    "updated_to": _day(gettext_lazy("Updated until"), conditions.until, "updated_at"),
    "changed_today": _fixed(
        gettext_lazy("Changed today"),
        conditions.changed_today,
        (ANY, gettext_lazy("by anybody")),
        *((str(door), words) for door, words in _DOORS.items()),
    ),
    "changed_today_by": Criterion(gettext_lazy("Changed today by"), conditions.changed_today_by),
    DELETED: Criterion(
        gettext_lazy("Deleted"),
        conditions.deleted,
        lambda organization_id: [("yes", gettext_lazy("Deleted customers"))],
    ),
}
