"""Keeps up to date which customers' tax numbers look wrong, by reading what changed.

The check is Python's (`customers.advice`), so no query can make it, and the writer has no time for
it. A job follows the change records instead and keeps a row for each number that looks wrong. The
row holds what was checked and counts only while the customer still has it: right after a change a
number is unchecked, never judged by its past.
"""

from collections.abc import Iterator

from django.db import connection, transaction
from django.db.models import Max

from billing.events.models import ChangeRecord
from customers.advice import tax_number_advice
from customers.models import Customer, TaxNumberProblem, TaxNumberProgress

_BATCH = 2_000
_PATHS = ["tax_identification_number", "country"]


def check_changed_numbers() -> None:
    """Check the numbers of all customers that were changed since the last time.

    Nothing is missed: a record that was written before but committed after it was passed is read
    again, because records count as read only when every transaction of their time has ended.
    """
    with transaction.atomic():
        TaxNumberProgress.objects.get_or_create(pk=1)
        progress = TaxNumberProgress.objects.select_for_update().get(pk=1)
        latest = ChangeRecord.objects.aggregate(latest=Max("id"))["latest"] or 0
        for customers in _changed(progress.settled, latest):
            _check(customers)
        _settle(progress, latest)
        progress.save()


def _changed(after: int, until: int) -> Iterator[list[Customer]]:
    """Yield the customers whose number or country changed in these records, in batches."""
    while after < until:
        records = ChangeRecord.objects.filter(id__gt=after, id__lte=until).order_by("id")
        found = list(records.values_list("id", "object_id", "resource", "changes")[:_BATCH])
        if not found:
            return
        after = found[-1][0]
        ids = {
            pk
            for _, pk, resource, changes in found
            if resource == "customer" and any(path in changes for path in _PATHS)
        }
        fields = ("organization", "tax_identification_number", "country")
        yield list(Customer.objects.filter(pk__in=ids).only(*fields))


def _check(customers: list[Customer]) -> None:
    """Keep a row for each number that looks wrong, and none for the others."""
    wrong = [customer for customer in customers if _looks_wrong(customer)]
    right = {customer.pk for customer in customers} - {customer.pk for customer in wrong}
    TaxNumberProblem.objects.filter(customer__in=right).delete()
    known = set(
        TaxNumberProblem.objects.filter(customer__in=wrong).values_list(
            "customer_id", "number", "country"
        )
    )
    # What is known already keeps the moment it was found.
    problems = [_problem(one) for one in wrong]
    TaxNumberProblem.objects.bulk_create(
        [one for one in problems if (one.customer_id, one.number, one.country) not in known],
        update_conflicts=True,
        unique_fields=["customer"],
        update_fields=["number", "country", "found_at"],
    )


def _problem(customer: Customer) -> TaxNumberProblem:
    return TaxNumberProblem(
        organization_id=customer.organization_id,
        customer=customer,
        number=str(customer.tax_identification_number),
        country=customer.country or "",
    )


def _looks_wrong(customer: Customer) -> bool:
    number = customer.tax_identification_number
    return bool(number) and tax_number_advice(str(number), customer.country) is not None


def _settle(progress: TaxNumberProgress, latest: int) -> None:
    """Move on to where no record can turn up any more.

    A record has its id some moments before its transaction has a number of its own. So the
    transactions that might still hold one back are counted at the next run, not at this.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_snapshot_xmin(found)::text::bigint, pg_snapshot_xmax(found)::text::bigint "
            "FROM pg_current_snapshot() found"
        )
        oldest, next_one = cursor.fetchone()
    if progress.transaction is None:
        progress.transaction = next_one
    elif oldest >= progress.transaction:
        progress.settled, progress.mark, progress.transaction = progress.mark, latest, None
