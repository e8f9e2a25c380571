"""What waits for finance staff: each queue is a list of customers, counted and aged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.cache import cache
from django.db.models import Min, QuerySet, Sum
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.conditions import failed_mirrors
from customers.intakes import Import
from customers.listing import Amount, amount
from customers.models import Customer, TaxNumberProblem
from customers.search import CustomerQuery

_FRESH_FOR = 60  # seconds


@dataclass(frozen=True, slots=True)
class Queue:
    """One kind of waiting work.

    :param filters: the list that a click opens.
    :param since: from its customers to the moment the oldest has waited from.
    """

    key: str
    label: str | Promise
    icon: str
    filters: dict[str, tuple[str, ...]]
    since: Callable[[UUID, "QuerySet[Customer]"], datetime | None] | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queue as it was found.

    :param oldest: since when its oldest customer waits, None where nobody can say.
    """

    key: str
    amount: Amount
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Checked:
    """All queues of an organization, as they were at a moment."""

    at: datetime
    waiting: tuple[Waiting, ...]
    # Rows of imports that were refused, and that nobody has dealt with yet.
    refused_rows: Waiting


def _oldest_update(organization_id: UUID, found: "QuerySet[Customer]") -> datetime | None:
    """Return when the one that nobody touched for longest was changed last."""
    oldest: datetime | None = found.aggregate(oldest=Min("updated_at"))["oldest"]
    return oldest


def _oldest_problem(organization_id: UUID, found: "QuerySet[Customer]") -> datetime | None:
    problems = TaxNumberProblem.objects.filter(organization=organization_id)
    oldest: datetime | None = problems.aggregate(oldest=Min("found_at"))["oldest"]
    return oldest


def _oldest_failure(organization_id: UUID, found: "QuerySet[Customer]") -> datetime | None:
    failed = failed_mirrors(organization_id)
    oldest: datetime | None = failed.aggregate(oldest=Min("error_at"))["oldest"]
    return oldest


QUEUES: Sequence[Queue] = (
    Queue(
        "incomplete",
        _("Incomplete for invoicing"),
        "assignment_late",
        {"readiness": ("incomplete",)},
        _oldest_update,
    ),
    Queue(
        "tax_numbers",
        _("Tax number suspicious"),
        "help",
        {"tax_number": ("suspicious",)},
        _oldest_problem,
    ),
    Queue(
        "failed",
        _("Failed at the provider"),
        "sync_problem",
        {"sync": ("failed",)},
        _oldest_failure,
    ),
    Queue(
        "sync",
        _("Not created at the provider yet"),
        "sync",
        {"sync": ("waiting",)},
        _oldest_update,
    ),
    Queue("today", _("Changed today"), "today", {"changed_today": ("any",)}),
)


def check_queues(organization_id: UUID) -> Checked:
    """Return what waits, as it was at most a minute ago."""
    key = f"queues:{organization_id}"
    found: Checked | None = cache.get(key)
    if found is None:
        waiting = tuple(_check(organization_id, queue) for queue in QUEUES)
        found = Checked(timezone.now(), waiting, _refused_rows(organization_id))
        cache.set(key, found, _FRESH_FOR)
    return found


def _refused_rows(organization_id: UUID) -> Waiting:
    ended = (Import.State.DONE, Import.State.STOPPED)
    waiting = Import.objects.filter(
        organization=organization_id, state__in=ended, is_settled=False, emptied_at=None,
        refused__gt=0,
    )  # fmt: skip
    found = waiting.aggregate(rows=Sum("refused"), oldest=Min("ended_at"))
    return Waiting("refused_rows", Amount(found["rows"] or 0), found["oldest"])


def _check(organization_id: UUID, queue: Queue) -> Waiting:
    query = CustomerQuery(organization_id, filters=queue.filters)
    number = amount(query)
    oldest = None
    # Of very many, the oldest is not looked for: that would read them all.
    if queue.since and number.number and number.precision == "exact":
        oldest = queue.since(organization_id, query.queryset())
    return Waiting(queue.key, number, oldest)
