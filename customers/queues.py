"""What waits for finance staff: each queue is counted, aged, and leads to where it is worked off.

Most are lists of customers, narrowed. Others say themselves what waits; what stands above this
module adds its own by `register`. All are looked for at most once a minute.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, Min, QuerySet, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.conditions import differing_mirrors, failed_mirrors
from customers.intakes import Import
from customers.listing import Amount, amount
from customers.models import Customer, TaxNumberProblem
from customers.pairs import PAIRS_MAX, open_pairs
from customers.readiness import NEEDED_FIELDS, incomplete, missing
from customers.search import CustomerQuery
from customers.walking import HITS

_FRESH_FOR = 60  # seconds
_LIST = "admin:customers_customer_changelist"

Words = str | Promise
Filters = Mapping[str, tuple[str, ...]]
Since = Callable[[UUID, "QuerySet[Customer]"], datetime | None]


class Waiting(NamedTuple):
    """A queue as it was found.

    :param oldest: since when the oldest waits, None where nobody can say.
    """

    amount: Amount
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """One kind of waiting work.

    :param look: from an organization to what waits there.
    :param address: the name of the page that a click opens, with its query string.
    :param is_work: whether somebody has to do something about it.
    :param of_history: whether it is for those alone who may see what was done.
    """

    key: str
    label: Words
    icon: str
    look: Callable[[UUID], Waiting]
    address: str
    query: str = ""
    is_work: bool = True
    of_history: bool = False


class Gap(NamedTuple):
    """The customers of a country that lack something for an invoice.

    :param country: its code, "" for none.
    :param fields: how many lack each of NEEDED_FIELDS, in that order.
    """

    country: str
    number: int
    fields: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """All queues of an organization, as they were at a moment.

    :param gaps: what the newest customers that lack something lack, the most frequent first.
    """

    at: datetime
    waiting: dict[str, Waiting]
    gaps: tuple[Gap, ...]


def check_queues(organization_id: UUID) -> Checked:
    """Return what waits, as it was at most a minute ago."""
    # Today is another day elsewhere.
    key = f"queues:{organization_id}:{timezone.get_current_timezone_name()}"
    found: Checked | None = cache.get(key)
    if found is None:
        waiting = {queue.key: queue.look(organization_id) for queue in queues()}
        found = Checked(timezone.now(), waiting, gaps(organization_id))
        cache.set(key, found, _FRESH_FOR)
    return found


def gaps(organization_id: UUID) -> tuple[Gap, ...]:
    """Return by country what customers lack for an invoice.

    Of very many, only the newest are looked at.
    """
    lacking = Customer.objects.kept().filter(incomplete(), organization=organization_id)
    newest = lacking.order_by("-created_at", "id").values("pk")[:HITS]
    counts = {f"lacks_{name}": Count("pk", filter=missing(name)) for name in NEEDED_FIELDS}
    found = (
        Customer.objects.filter(organization=organization_id, pk__in=newest)
        .values_list(Coalesce("country", Value("")))
        .annotate(number=Count("pk"), **counts)
        .order_by("-number", "country")
    )
    return tuple(Gap(country, number, tuple(fields)) for country, number, *fields in found)


# --- The queues --------------------------------------------------------------------------------


def _customers(
    key: str, label: Words, icon: str, filters: Filters, since: Since | None = None
) -> Queue:
    """Return the queue of the customers that the list shows with these filters."""

    def look(organization_id: UUID) -> Waiting:
        query = CustomerQuery(organization_id, filters=filters)
        number = amount(query)
        oldest = None
        # Of very many, the oldest is not looked for: that would read them all.
        if since and number.number and number.precision == "exact":
            oldest = since(organization_id, query.found_by_index())
        return Waiting(number, oldest)

    pairs = [(name, value) for name, values in filters.items() for value in values]
    return Queue(key, label, icon, look, _LIST, urlencode([("view", "all"), *pairs]))


def _oldest_update(organization_id: UUID, found: "QuerySet[Customer]") -> datetime | None:
    """Return when the one that nobody touched for longest was changed last."""
    oldest: datetime | None = found.aggregate(oldest=Min("updated_at"))["oldest"]
    return oldest


def _oldest_problem(organization_id: UUID, found: "QuerySet[Customer]") -> datetime | None:
    problems = TaxNumberProblem.objects.filter(organization=organization_id)
    oldest: datetime | None = problems.aggregate(oldest=Min("found_at"))["oldest"]
    return oldest


def _oldest_failure(**kind: None) -> Since:
    def since(organization_id: UUID, found: "QuerySet[Customer]") -> datetime | None:
        failed = failed_mirrors(organization_id).filter(**kind)
        oldest: datetime | None = failed.aggregate(oldest=Min("error_at"))["oldest"]
        return oldest

    return since


def _oldest_comparison(organization_id: UUID, found: "QuerySet[Customer]") -> datetime | None:
    differing = differing_mirrors(organization_id)
    oldest: datetime | None = differing.aggregate(at=Min("comparison__asked_at"))["at"]
    return oldest


def _pairs(organization_id: UUID) -> Waiting:
    found = open_pairs(organization_id).aggregate(number=Count("pk"), oldest=Min("found_at"))
    is_full = found["number"] >= PAIRS_MAX
    return Waiting(Amount(found["number"], "more" if is_full else "exact"), found["oldest"])


def _refused_rows(organization_id: UUID) -> Waiting:
    ended = (Import.State.DONE, Import.State.STOPPED)
    waiting = Import.objects.filter(
        organization=organization_id, state__in=ended, is_settled=False, emptied_at=None,
        refused__gt=0,
    )  # fmt: skip
    found = waiting.aggregate(rows=Sum("refused"), oldest=Min("ended_at"))
    return Waiting(Amount(found["rows"] or 0), found["oldest"])


_QUEUES = [
    _customers(
        "incomplete",
        _("Incomplete for invoicing"),
        "assignment_late",
        {"readiness": ("incomplete",)},
        _oldest_update,
    ),
    _customers(
        "tax_numbers",
        _("Tax number suspicious"),
        "help",
        {"tax_number": ("suspicious",)},
        _oldest_problem,
    ),
    Queue(
        "duplicates", _("Likely duplicates"), "content_copy", _pairs, "admin:customers_duplicates"
    ),
    _customers(
        "failed_provider",
        _("Provider sync failed"),
        "sync_problem",
        {"sync": ("failed_provider",)},
        _oldest_failure(integration=None),
    ),
    _customers(
        "failed_integration",
        _("Integration sync failed"),
        "sync_problem",
        {"sync": ("failed_integration",)},
        _oldest_failure(payment_provider=None),
    ),
    _customers(
        "differs",
        _("Not the same at a provider"),
        "compare_arrows",
        {"sync": ("differs",)},
        _oldest_comparison,
    ),
    _customers(
        "sync",
        _("Not created at the provider yet"),
        "sync",
        {"sync": ("waiting",)},
        _oldest_update,
    ),
    Queue(
        "refused_rows",
        _("Failed import rows"),
        "upload_file",
        _refused_rows,
        "admin:customers_imports",
        "refused",
        of_history=True,
    ),
    replace(
        _customers("today", _("Changed today"), "today", {"changed_today": ("any",)}), is_work=False
    ),
]


def queues() -> Sequence[Queue]:
    """Return the queues, in the order of Home."""
    return tuple(_QUEUES)


def register(queue: Queue) -> None:
    """Have Home show one more kind of waiting work, before what is no work."""
    _QUEUES.insert(sum(one.is_work for one in _QUEUES), queue)
