"""Pairs of customers that may be one and the same: found by a job, judged when they are read.

A job looks through whole organizations, so that neither a page nor the writer has to. It keeps a
bounded number of pairs; which of them still have something in common is asked anew each time, so
that a pair is gone as soon as one of the two was corrected or deleted.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import (
    BooleanField,
    CharField,
    ExpressionWrapper,
    Func,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Coalesce, Lower, NullIf, Upper
from django.db.models.lookups import Exact
from django.utils import timezone

from billing.errors import NotFound
from billing.models import ChangeRecord, Organization
from customers.models import DuplicatePair, DuplicateSearch
from customers.sort_name import SortName, sort_name

# So many pairs wait at most in an organization; there is no working off more.
PAIRS_MAX = 10_000
# So many customers that share one thing are looked at.
_SHARING = 20
# A change carries the moment its transaction began; some take long.
_LATE = timedelta(minutes=15)
_SEARCH = Path(__file__).with_suffix(".sql").read_text().format(sort_name=sort_name())


# --- Looking for them --------------------------------------------------------------------------


def search_duplicates() -> None:
    """Look for pairs in all organizations whose customers changed since the last time."""
    began = timezone.now()
    searched: dict[UUID, datetime] = dict(
        DuplicateSearch.objects.values_list("organization_id", "searched_at")
    )
    changed = _changed_since(min(searched.values(), default=began) - _LATE)
    for organization_id in Organization.objects.values_list("pk", flat=True):
        if organization_id in changed or organization_id not in searched:
            search_pairs(organization_id)
        DuplicateSearch.objects.update_or_create(
            organization_id=organization_id, defaults={"searched_at": began}
        )


def _changed_since(moment: datetime) -> set[UUID]:
    records = ChangeRecord.objects.filter(resource="customer", at__gte=moment)
    return set(records.values_list("organization_id", flat=True).distinct())


def search_pairs(organization_id: UUID) -> None:
    """Look for pairs among all customers of an organization; forget those that are none now."""
    waiting = DuplicatePair.objects.filter(organization=organization_id, dismissed_at=None)
    waiting.exclude(pk__in=open_pairs(organization_id).values("pk")).delete()
    room = PAIRS_MAX - waiting.count()
    if room <= 0:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        # The groups of a million customers, sorted in memory instead of on the disk.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(
            _SEARCH,
            {
                "organization": organization_id,
                "most": PAIRS_MAX,
                "sharing": _SHARING,
                "room": room,
            },
        )


# --- Reading them ------------------------------------------------------------------------------


class _TaxNumber(Func):
    """A tax number as the index `customer_tax_number` holds it."""

    function = "regexp_replace"
    output_field = CharField()

    def __init__(self, name: str) -> None:
        super().__init__(Upper(name), Value("[^0-9A-Z]"), Value(""), Value("g"))


def _alike(of: Callable[[str], Any], name: str) -> Q:
    """Return the condition that both customers of a pair have the same, and something."""
    return Q(Exact(NullIf(of(f"first__{name}"), Value("")), of(f"second__{name}")))


_SAME_TAX_NUMBER = _alike(_TaxNumber, "tax_identification_number")
_SAME_EMAIL = _alike(Lower, "email")
_SAME_NAME = (
    _alike(SortName, "")
    & _alike(Lower, "city")
    & Q(Exact(Coalesce("first__country", Value("")), Coalesce("second__country", Value(""))))
)


def pairs(organization_id: UUID) -> "QuerySet[DuplicatePair]":
    """Return the pairs of customers that are kept and have something in common now."""
    return DuplicatePair.objects.filter(
        _SAME_TAX_NUMBER | _SAME_EMAIL | _SAME_NAME,
        organization=organization_id,
        first__deleted_at=None,
        second__deleted_at=None,
    )


def open_pairs(organization_id: UUID) -> "QuerySet[DuplicatePair]":
    """Return the pairs that nobody has called different yet."""
    return pairs(organization_id).filter(dismissed_at=None)


def with_reasons(found: "QuerySet[DuplicatePair]") -> "QuerySet[DuplicatePair]":
    """Return the pairs with both customers, and what they have in common as `same_...`."""
    same = {
        "same_tax_number": _SAME_TAX_NUMBER,
        "same_email": _SAME_EMAIL,
        "same_name": _SAME_NAME,
    }
    told = {name: ExpressionWrapper(one, BooleanField()) for name, one in same.items()}
    return found.select_related("first", "second", "dismissed_by").annotate(**told)


def searched_at(organization_id: UUID) -> datetime | None:
    """Return when the organization's customers were last searched, None if not yet."""
    found = DuplicateSearch.objects.filter(organization=organization_id)
    return found.values_list("searched_at", flat=True).first()


def dismiss(organization_id: UUID, pair_id: int, person_id: int) -> DuplicatePair:
    """Note that the two are not the same; they are not brought up again.

    :raises NotFound: if there is no such pair.
    """
    return _decide(organization_id, pair_id, timezone.now(), person_id)


def take_back(organization_id: UUID, pair_id: int) -> DuplicatePair:
    """Bring up a pair again that was dismissed.

    :raises NotFound: if there is no such pair.
    """
    return _decide(organization_id, pair_id, None, None)


def _decide(
    organization_id: UUID, pair_id: int, at: datetime | None, person_id: int | None
) -> DuplicatePair:
    mine = DuplicatePair.objects.filter(organization=organization_id, pk=pair_id)
    mine.filter(dismissed_at__isnull=at is not None).update(dismissed_at=at, dismissed_by=person_id)
    found = mine.select_related("first", "second").first()
    if found is None:
        raise NotFound("duplicate_pair")
    return found
