"""What a customer must fulfil: from the values of a filter to a condition.

Values that nobody knows fulfil nothing. Columns are compared as the index `customer_search` holds
them, so that it finds what few customers have.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import CharField, Exists, F, Model, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import In
from django.utils import timezone

from billing.events.models import ChangeRecord
from billing.models import BillingEntity
from customers.mirrors import Comparison, Mirror
from customers.models import (
    Customer,
    CustomerMetadata,
    IntegrationLink,
    ProviderLink,
    TaxNumberProblem,
)
from customers.pairs import open_pairs
from customers.readiness import NEEDED_FIELDS, incomplete, missing

NONE = "none"
ANY = "any"
NOBODY = Q(pk__in=[])

Values = Sequence[str]


# --- Columns of the customer -------------------------------------------------------------------


def of_column(name: str, organization_id: UUID, values: Values) -> Q:
    """Return the condition on a column of the index; `none` stands for empty."""
    wanted = ["" if value == NONE else value for value in values]
    return Q(In(Coalesce(F(name), Value(""), output_field=CharField()), wanted))


def of_account_type(organization_id: UUID, values: Values) -> Q:
    return Q(account_type__in=values)


def of_entity(organization_id: UUID, values: Values) -> Q:
    found = BillingEntity.objects.filter(organization=organization_id, code__in=values)
    return Q(billing_entity__in=found.values("pk"))


def deleted(organization_id: UUID, values: Values) -> Q:
    return Q(deleted_at__isnull=False)


# --- What is missing or looks wrong ------------------------------------------------------------


def of_readiness(organization_id: UUID, values: Values) -> Q:
    found = NOBODY
    for value in values:
        if value == "incomplete":
            found |= incomplete()
        elif value == "complete":
            found |= ~incomplete()
        elif value in NEEDED_FIELDS:
            found |= missing(value)
    return found


def of_tax_number(organization_id: UUID, values: Values) -> Q:
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


def likely_duplicate(organization_id: UUID, values: Values) -> Q:
    """Return the condition on customers of a pair that nobody has called different."""
    found = open_pairs(organization_id)
    mine = Q(Exists(found.filter(first=OuterRef("pk"))))
    return mine | Q(Exists(found.filter(second=OuterRef("pk"))))


def ids_in_pairs(organization_id: UUID, values: Values) -> "QuerySet[Any]":
    """Return the ids of all customers of such pairs."""
    found = open_pairs(organization_id)
    return found.values("first_id").union(found.values("second_id"))


# --- What hangs on a customer ------------------------------------------------------------------


def linked(link: type[Model], code: str, organization_id: UUID, values: Values) -> Q:
    """Return the condition on customers linked to one of these codes; `none`: to nothing."""
    links = link._default_manager.filter(organization=organization_id, customer=OuterRef("pk"))
    found = NOBODY
    codes = [value for value in values if value != NONE]
    if codes:
        found |= Q(Exists(links.filter(**{f"{code}__in": codes})))
    return found | ~Q(Exists(links)) if NONE in values else found


def of_sync(organization_id: UUID, values: Values) -> Q:
    """Return the condition on customers that wait at a connection, or failed there."""
    found = NOBODY
    for links in _links_of(organization_id, values):
        found |= Q(Exists(links.filter(customer=OuterRef("pk"))))
    return found


def ids_of_links(organization_id: UUID, values: Values) -> "QuerySet[Any]":
    found = [links.values("customer_id") for links in _links_of(organization_id, values)]
    return found[0].union(*found[1:]) if found else Customer.objects.none().values("pk")


def _links_of(organization_id: UUID, values: Values) -> "list[QuerySet[Any]]":
    found: list[QuerySet[Any]] = []
    if "waiting" in values:
        found += _waiting_links(organization_id)
    if "failed" in values:
        found.append(failed_mirrors(organization_id))
    if "failed_provider" in values:
        found.append(failed_mirrors(organization_id).filter(integration=None))
    if "failed_integration" in values:
        found.append(failed_mirrors(organization_id).filter(payment_provider=None))
    if "differs" in values:
        found.append(differing_mirrors(organization_id))
    return found


def failed_mirrors(organization_id: UUID) -> "QuerySet[Mirror]":
    """Return what could not be done at a payment provider or an integration."""
    return Mirror.objects.filter(organization=organization_id, state=Mirror.State.FAILED)


def differing_mirrors(organization_id: UUID) -> "QuerySet[Mirror]":
    """Return what was not the same on both sides when it was compared last."""
    differing = Comparison.objects.filter(organization=organization_id).exclude(differing=[])
    return Mirror.objects.filter(organization=organization_id, pk__in=differing.values("mirror"))


def _waiting_links(organization_id: UUID) -> "tuple[QuerySet[Any], QuerySet[Any]]":
    """Return the links to providers and to integrations that have no number there yet."""
    mine: dict[str, Any] = {"organization": organization_id, "sync_with_provider": True}
    return (
        ProviderLink.objects.filter(**mine, provider_customer_id__isnull=True),
        IntegrationLink.objects.filter(**mine, external_customer_id__isnull=True),
    )


def with_metadata(organization_id: UUID, values: Values) -> Q:
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


def since(column: str, organization_id: UUID, values: Values) -> Q:
    day = day_of(values[-1])
    return Q(**{f"{column}__gte": start_of(day)}) if day else NOBODY


def until(column: str, organization_id: UUID, values: Values) -> Q:
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


def changed_today(organization_id: UUID, values: Values) -> Q:
    records = changes_today(organization_id)
    if ANY not in values:
        records = records.filter(door__in=values)
    return Q(Exists(records.filter(object_id=OuterRef("pk"))))


def changed_today_by(organization_id: UUID, values: Values) -> Q:
    records = changes_today(organization_id).filter(actor_name__in=values)
    return Q(Exists(records.filter(object_id=OuterRef("pk"))))
