"""The columns of a list of customers: what each reads, and what stands in its cells.

The list and its export take the same rows: mappings of the names in `needs` to values.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    CharField,
    Exists,
    Expression,
    Func,
    OuterRef,
    QuerySet,
    Subquery,
)
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from billing.events.models import ChangeRecord
from customers.conditions import suspicious_numbers
from customers.models import AppliedTax, Customer, CustomerMetadata, ProviderLink
from customers.readiness import missing_fields, readiness_sentence

Row = Mapping[str, Any]
Cell = Callable[[Row], Any]

_NAMES = ("legal_name", "name", "firstname", "lastname", "external_id")
_READINESS = (
    *("legal_name", "name", "lastname", "country", "address_line1", "address_line2", "zipcode"),
    *("city", "state", "customer_type", "tax_identification_number"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the list.

    :param needs: fields of a customer and names of ANNOTATIONS that its cells read.
    :param cells: the columns of a file it stands for, by heading.
    """

    label: str | Promise
    needs: tuple[str, ...]
    cells: tuple[tuple[str | Promise, Cell], ...]


def _plain(label: Any, name: str) -> Column:
    return Column(label, (name,), ((label, lambda row: row[name]),))


def display_name(row: Row) -> str:
    """Return what people call the customer."""
    person = " ".join(part for part in (row["firstname"], row["lastname"]) if part)
    return row["legal_name"] or row["name"] or person or row["external_id"]


def tax_number_state(row: Row) -> str:
    """Return `missing`, `suspicious` or `present`."""
    if not row["tax_identification_number"]:
        return "missing"
    return "suspicious" if row["has_suspicious_number"] else "present"


# Translated where they are said: an export asks for each row.
_STATES = {"missing": gettext_lazy("Missing"), "suspicious": gettext_lazy("Suspicious")}


def _state_words(row: Row) -> str:
    return str(_STATES.get(tax_number_state(row), ""))


def _readiness_words(row: Row) -> str:
    return str(readiness_sentence(missing_fields(row), row["country"]))


def _metadata_words(row: Row) -> str:
    return ", ".join(f"{key}: {value}" for key, value in row["metadata_pairs"])


_email = gettext_lazy("E-mail")
_updated = gettext_lazy("Updated")
# In the order in which they are offered.
COLUMNS: Mapping[str, Column] = {
    "customer": Column(
        gettext_lazy("Customer"),
        _NAMES,
        (
            (gettext_lazy("Customer"), display_name),
            (gettext_lazy("External id"), lambda row: row["external_id"]),
        ),
    ),
    "country": Column(
        gettext_lazy("Country"),
        ("country",),
        ((gettext_lazy("Country"), lambda row: row["country"]),),
    ),
    "tax_number": Column(
        gettext_lazy("Tax number"),
        ("tax_identification_number", "has_suspicious_number"),
        (
            (gettext_lazy("Tax number"), lambda row: row["tax_identification_number"]),
            (gettext_lazy("State of the tax number"), _state_words),
        ),
    ),
    "taxes": Column(
        gettext_lazy("Taxes"),
        ("tax_codes",),
        ((gettext_lazy("Taxes"), lambda row: ", ".join(row["tax_codes"])),),
    ),
    "currency": _plain(gettext_lazy("Currency"), "currency"),
    "entity": _plain(gettext_lazy("Billing entity"), "billing_entity__name"),
    "readiness": Column(
        gettext_lazy("Ready for invoices"),
        _READINESS,
        ((gettext_lazy("Ready for invoices"), _readiness_words),),
    ),
    "updated": Column(
        _updated,
        ("updated_at", "changed_by"),
        (
            (_updated, lambda row: row["updated_at"]),
            (gettext_lazy("Updated by"), lambda row: row["changed_by"]),
        ),
    ),
    "created": _plain(gettext_lazy("Created"), "created_at"),
    "number": _plain(gettext_lazy("Number"), "slug"),
    "email": _plain(_email, "email"),
    "phone": _plain(gettext_lazy("Phone"), "phone"),
    "address": _plain(gettext_lazy("Address"), "address_line1"),
    "zipcode": _plain(gettext_lazy("Zip code"), "zipcode"),
    "city": _plain(gettext_lazy("City"), "city"),
    "state": _plain(gettext_lazy("State"), "state"),
    "customer_type": _plain(gettext_lazy("Type"), "customer_type"),
    "account_type": _plain(gettext_lazy("Account"), "account_type"),
    "legal_number": _plain(gettext_lazy("Registration number"), "legal_number"),
    "payment_term": _plain(gettext_lazy("Days to pay"), "net_payment_term"),
    "provider": _plain(gettext_lazy("Payment provider"), "provider_code"),
    "metadata": Column(
        gettext_lazy("Metadata"),
        ("metadata_pairs",),
        ((gettext_lazy("Metadata"), _metadata_words),),
    ),
}
DEFAULT_COLUMNS = (
    *("customer", "country", "tax_number", "taxes", "currency", "entity", "readiness", "updated"),
)


def known_columns(names: Iterable[str]) -> tuple[str, ...]:
    """Return those of the names that are columns, once each, the customer first."""
    found = dict.fromkeys(name for name in names if name in COLUMNS)
    return ("customer", *(name for name in found if name != "customer")) if found else ()


def _annotations(organization_id: UUID) -> dict[str, Any]:
    mine: dict[str, Any] = {"organization": organization_id, "customer": OuterRef("pk")}
    taxes = AppliedTax.objects.filter(**mine).order_by("tax__code")
    metadata = CustomerMetadata.objects.filter(**mine).order_by("key")
    records = ChangeRecord.objects.filter(
        organization=organization_id, resource="customer", object_id=OuterRef("pk")
    ).order_by("-id")
    providers = ProviderLink.objects.filter(**mine)
    return {
        "tax_codes": ArraySubquery(taxes.values("tax__code")),
        "metadata_pairs": ArraySubquery(metadata.values_list(_pair())),
        "changed_by": Subquery(records.values("actor_name")[:1]),
        "provider_code": Subquery(providers.values("connection__code")[:1]),
        "has_suspicious_number": Exists(suspicious_numbers(organization_id)),
    }


def _pair() -> Expression:
    return Func(
        "key",
        "value",
        template="ARRAY[%(expressions)s]::text[]",
        output_field=ArrayField(CharField()),
    )


def with_columns(
    customers: QuerySet[Customer], organization_id: UUID, names: Sequence[str]
) -> QuerySet[Customer, dict[str, Any]]:
    """Return the customers as rows of what these columns read, and their ids."""
    needs = dict.fromkeys(need for name in names for need in COLUMNS[name].needs)
    known = _annotations(organization_id)
    asked = {name: known[name] for name in needs if name in known}
    return customers.annotate(**asked).values("id", "deleted_at", *needs)
