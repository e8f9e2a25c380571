"""What lists of customers can be narrowed by: one criterion a name, from values to a condition.

Values that nobody knows fulfil nothing. Columns are compared as the index `customer_search` holds
them, so that it finds what few customers have.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import CharField, Exists, F, Model, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import In
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.events.models import ChangeRecord
from billing.models import BillingEntity, Integration, PaymentProvider, Tax
from billing.values import COUNTRIES, CURRENCIES
from customers.countries import country_name
from customers.mirrors import Mirror
from customers.models import (
    AppliedTax,
    Customer,
    CustomerMetadata,
    IntegrationLink,
    ProviderLink,
    TaxNumberProblem,
)
from customers.readiness import NEEDED_FIELDS, incomplete, label, missing

NONE = "none"
ANY = "any"
DELETED = "deleted"
NOBODY = Q(pk__in=[])

Words = str | Promise
Values = Sequence[str]
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


# --- Columns of the customer -------------------------------------------------------------------


def _column(name: str, organization_id: UUID, values: Values) -> Q:
    """Return the condition on a column of the index; `none` stands for empty."""
    wanted = ["" if value == NONE else value for value in values]
    return Q(In(Coalesce(F(name), Value(""), output_field=CharField()), wanted))


def _account_type(organization_id: UUID, values: Values) -> Q:
    return Q(account_type__in=values)


def _entity(organization_id: UUID, values: Values) -> Q:
    found = BillingEntity.objects.filter(organization=organization_id, code__in=values)
    return Q(billing_entity__in=found.values("pk"))


def _deleted(organization_id: UUID, values: Values) -> Q:
    return Q(deleted_at__isnull=False)


# --- What is missing or looks wrong ------------------------------------------------------------


def _readiness(organization_id: UUID, values: Values) -> Q:
    found = NOBODY
    for value in values:
        if value == "incomplete":
            found |= incomplete()
        elif value == "complete":
            found |= ~incomplete()
        elif value in NEEDED_FIELDS:
            found |= missing(value)
    return found


def _tax_number(organization_id: UUID, values: Values) -> Q:
    known = {
        "missing": Q(tax_identification_number=None) | Q(tax_identification_number=""),
        "present": ~(Q(tax_identification_number=None) | Q(tax_identification_number="")),
        "suspicious": Q(Exists(suspicious_numbers(organization_id))),
    }
    found = NOBODY
    for value in values:
        found |= known.get(value, NOBODY)
    return found


def suspicious_numbers(organization_id: UUID) -> "QuerySet[TaxNumberProblem]":
    """Return the problems of the outer customer's tax number as it stands now.

    A number that was changed since it was checked has no problem until it is checked again.
    """
    return TaxNumberProblem.objects.filter(
        organization=organization_id,
        customer=OuterRef("pk"),
        number=OuterRef("tax_identification_number"),
        country=Coalesce(OuterRef("country"), Value("")),
    )


# --- What hangs on a customer ------------------------------------------------------------------


def _linked(link: type[Model], code: str, organization_id: UUID, values: Values) -> Q:
    """Return the condition on customers linked to one of these codes; `none`: to nothing."""
    links = link._default_manager.filter(organization=organization_id, customer=OuterRef("pk"))
    found = NOBODY
    codes = [value for value in values if value != NONE]
    if codes:
        found |= Q(Exists(links.filter(**{f"{code}__in": codes})))
    return found | ~Q(Exists(links)) if NONE in values else found


def _sync(organization_id: UUID, values: Values) -> Q:
    """Return the condition on customers that wait at a connection, or failed there."""
    found = NOBODY
    for links in _links_of(organization_id, values):
        found |= Q(Exists(links.filter(customer=OuterRef("pk"))))
    return found


def _ids_of_links(organization_id: UUID, values: Values) -> "QuerySet[Any]":
    found = [links.values("customer_id") for links in _links_of(organization_id, values)]
    return found[0].union(*found[1:]) if found else Customer.objects.none().values("pk")


def _links_of(organization_id: UUID, values: Values) -> "list[QuerySet[Any]]":
    found: list[QuerySet[Any]] = []
    if "waiting" in values:
        found += _waiting_links(organization_id)
    if "failed" in values:
        found.append(failed_mirrors(organization_id))
    return found


def failed_mirrors(organization_id: UUID) -> "QuerySet[Mirror]":
    """Return what could not be done at a payment provider or an integration."""
    return Mirror.objects.filter(organization=organization_id, state=Mirror.State.FAILED)


def _waiting_links(organization_id: UUID) -> "tuple[QuerySet[Any], QuerySet[Any]]":
    """Return the links to providers and to integrations that have no number there yet."""
    mine: dict[str, Any] = {"organization": organization_id, "sync_with_provider": True}
    return (
        ProviderLink.objects.filter(**mine, provider_customer_id__isnull=True),
        IntegrationLink.objects.filter(**mine, external_customer_id__isnull=True),
    )


def _metadata_key(organization_id: UUID, values: Values) -> Q:
    entries = CustomerMetadata.objects.filter(
        organization=organization_id, customer=OuterRef("pk"), key__in=values
    )
    return Q(Exists(entries))


# --- When and by whom --------------------------------------------------------------------------


def day_of(text: str) -> date | None:
    """Return the day a text names, None if it names none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def start_of(day: date) -> datetime:
    """Return the first moment of a day where its reader is."""
    return timezone.make_aware(datetime.combine(day, time.min))


def _since(column: str, organization_id: UUID, values: Values) -> Q:
    day = day_of(values[-1])
    return Q(**{f"{column}__gte": start_of(day)}) if day else NOBODY


def _until(column: str, organization_id: UUID, values: Values) -> Q:
    day = day_of(values[-1])
    if day is None or day == date.max:
        return NOBODY
    return Q(**{f"{column}__lt": start_of(day + timedelta(days=1))})


def changes_today(organization_id: UUID) -> "QuerySet[ChangeRecord]":
    """Return what happened to customers since midnight."""
    return ChangeRecord.objects.filter(
        organization=organization_id,
        resource="customer",
        at__gte=start_of(timezone.localdate()),
    )


def _changed_today(organization_id: UUID, values: Values) -> Q:
    records = changes_today(organization_id)
    if ANY not in values:
        records = records.filter(door__in=values)
    return Q(Exists(records.filter(object_id=OuterRef("pk"))))


def _changed_today_by(organization_id: UUID, values: Values) -> Q:
    records = changes_today(organization_id).filter(actor_name__in=values)
    return Q(Exists(records.filter(object_id=OuterRef("pk"))))


# --- What can be chosen ------------------------------------------------------------------------


def _fixed(*choices: tuple[str, Words]) -> Callable[[UUID], Choices]:
    return lambda organization_id: choices


def _countries(organization_id: UUID) -> Choices:
    names = sorted(((code, f"{country_name(code)} ({code})") for code in COUNTRIES), key=_words)
    return [(NONE, _("No country")), *names]


def _words(choice: tuple[str, Words]) -> str:
    return str(choice[1])


def _currencies(organization_id: UUID) -> Choices:
    return [(NONE, _("No currency of its own")), *((code, code) for code in CURRENCIES)]


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


def _coded(model: type[Model], none: Words | None, organization_id: UUID) -> Choices:
    """Return the rows of the organization by code, with their names."""
    found = model._default_manager.filter(organization=organization_id)
    if model is Tax:
        found = found.filter(deleted_at=None)
    rows = [(code, f"{name} ({code})") for code, name in found.values_list("code", "name")]
    rows.sort(key=_words)
    return [(NONE, none), *rows] if none else rows


_DOORS = {
    ChangeRecord.Door.API: gettext_lazy("by a program (API)"),
    ChangeRecord.Door.STAFF: gettext_lazy("by staff"),
    ChangeRecord.Door.IMPORT: gettext_lazy("by an import"),
    ChangeRecord.Door.SETUP: gettext_lazy("by the set-up"),
    ChangeRecord.Door.PROVIDER: gettext_lazy("by a provider"),
    ChangeRecord.Door.SYSTEM: gettext_lazy("by Tarn itself"),
}


def _readiness_choices(organization_id: UUID) -> Choices:
    lacks = [
        (name, _("Missing: %(field)s") % {"field": label(name, None)}) for name in NEEDED_FIELDS
    ]
    return [("incomplete", _("Incomplete")), ("complete", _("Complete")), *lacks]


# In the order in which they are asked for.
CRITERIA: Mapping[str, Criterion] = {
    "country": Criterion(gettext_lazy("Country"), partial(_column, "country"), _countries, True),
    "currency": Criterion(
        gettext_lazy("Currency"), partial(_column, "currency"), _currencies, True
    ),
    "entity": Criterion(
        gettext_lazy("Billing entity"),
        _entity,
        partial(_coded, BillingEntity, None),
        True,
        coded=BillingEntity,
    ),
    "tax": Criterion(
        gettext_lazy("Tax"),
        partial(_linked, AppliedTax, "tax__code"),
        partial(_coded, Tax, gettext_lazy("No tax of its own")),
        True,
        coded=Tax,
        none=gettext_lazy("No tax of its own"),
    ),
    "readiness": Criterion(
        gettext_lazy("Ready for invoices"), _readiness, _readiness_choices, True
    ),
    "tax_number": Criterion(
        gettext_lazy("Tax number"),
        _tax_number,
        _fixed(
            ("missing", gettext_lazy("Missing")),
            ("suspicious", gettext_lazy("Suspicious")),
            ("present", gettext_lazy("Present")),
        ),
        True,
    ),
    "customer_type": Criterion(
        gettext_lazy("Type"),
        partial(_column, "customer_type"),
        _fixed(
            ("company", gettext_lazy("Company")),
            ("individual", gettext_lazy("Individual")),
            (NONE, gettext_lazy("Not said")),
        ),
        True,
    ),
    "account_type": Criterion(
        gettext_lazy("Account"),
        _account_type,
        _fixed(
            (Customer.AccountType.CUSTOMER, gettext_lazy("Customer")),
            (Customer.AccountType.PARTNER, gettext_lazy("Partner")),
        ),
        True,
    ),
    "provider": Criterion(
        gettext_lazy("Payment provider"),
        partial(_linked, ProviderLink, "connection__code"),
        partial(_coded, PaymentProvider, gettext_lazy("No payment provider")),
        True,
        coded=PaymentProvider,
        none=gettext_lazy("No payment provider"),
    ),
    "integration": Criterion(
        gettext_lazy("Integration"),
        partial(_linked, IntegrationLink, "connection__code"),
        partial(_coded, Integration, gettext_lazy("No integration")),
        True,
        coded=Integration,
        none=gettext_lazy("No integration"),
    ),
    "sync": Criterion(
        gettext_lazy("At the provider"),
        _sync,
        _fixed(
            ("waiting", gettext_lazy("Not created there yet")),
            ("failed", gettext_lazy("Failed there")),
        ),
        True,
        candidates=_ids_of_links,
    ),
    "metadata": Criterion(gettext_lazy("Has metadata"), _metadata_key),
    "created_from": Criterion(
        gettext_lazy("Created from"), partial(_since, "created_at"), is_day=True
    ),
    "created_to": Criterion(
        gettext_lazy("Created until"), partial(_until, "created_at"), is_day=True
    ),
    "updated_from": Criterion(
        gettext_lazy("Updated from"), partial(_since, "updated_at"), is_day=True
    ),
    "updated_to": Criterion(
        gettext_lazy("Updated until"), partial(_until, "updated_at"), is_day=True
    ),
    "changed_today": Criterion(
        gettext_lazy("Changed today"),
        _changed_today,
        _fixed((ANY, gettext_lazy("by anybody")), *((str(d), w) for d, w in _DOORS.items())),
        True,
    ),
    "changed_today_by": Criterion(gettext_lazy("Changed today by"), _changed_today_by),
    DELETED: Criterion(
        gettext_lazy("Deleted"), _deleted, _fixed(("yes", gettext_lazy("Deleted customers")))
    ),
}
