"""What differs between us and the other side, looked for customer by customer, without hurry.

A round compares every customer linked to a connection, in the order of their ids, some at a time.
Its place stands in the round's row, so whoever was stopped goes on there. Both sides stay as they
are; what differs is kept beside each mirror.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from billing.models import Integration, PaymentProvider
from customers.mirrors import WORDS_LENGTH, Comparison, DriftRound
from customers.models import IntegrationLink, ProviderLink
from customers.providers.adapter import Link, adapter_class
from customers.providers.compare import compare, sides_at
from customers.providers.failures import Failure, Refused

# Asked one after the other; providers allow many times as much.
PER_JOB = 20
# If so many are refused and nobody is not, it is the connection, not the customers.
_ENOUGH = 5

Connection = PaymentProvider | Integration


@dataclass(frozen=True, slots=True)
class Drift:
    """What is known of a connection.

    :param differing: customers that were not the same when they were compared last.
    :param unknown: customers that could not be asked about.
    """

    compared: int
    differing: int
    unknown: int


def comparable(organization_id: UUID | None = None) -> Iterator[Connection]:
    """Return the connections that can be asked, of all organizations if none is named."""
    mine = Q(organization_id=organization_id) if organization_id else Q()
    for model in (PaymentProvider, Integration):
        for connection in model._default_manager.filter(mine).order_by("organization_id", "code"):
            adapter = adapter_class(str(connection.type))
            if adapter is not None and adapter.reads:
                yield connection


def begin(connection: Connection) -> DriftRound:
    """Return the round that is under way, or a new one if the last came to its end."""
    found, _ = DriftRound.objects.get_or_create(
        organization_id=connection.organization_id, **_key(connection)
    )
    if found.started_at is None or found.finished_at is not None:
        found.cursor, found.compared = None, 0
        found.started_at, found.finished_at = timezone.now(), None
    found.problem = None
    found.save()
    return found


def go_on(found: DriftRound, most: int = PER_JOB) -> bool:
    """Compare the next customers of a round; return whether there are more.

    :raises Failure: if the other side can't be asked right now; the round goes on behind whom it
        could not be asked about.
    """
    links = list(_next(found, most))
    refusals = [refusal for link in links if (refusal := _compare(found, link))]
    if len(refusals) == len(links) >= _ENOUGH:
        stop(found, refusals[-1])
        return False
    if len(links) == most:
        return True
    found.finished_at = timezone.now()
    found.save(update_fields=["finished_at"])
    return False


def stop(found: DriftRound, failure: Failure) -> None:
    """Note why a round could not go on; it goes on where it is when it is begun again."""
    found.problem = failure.message[:WORDS_LENGTH]
    found.save(update_fields=["problem"])


def drift_of(connection: Connection) -> Drift:
    """Return what the comparisons of a connection say."""
    mine = _comparisons(connection)
    unknown = mine.filter(theirs__isnull=True).count()
    return Drift(mine.count(), mine.exclude(differing=[]).count(), unknown)


def worst(connection: Connection) -> QuerySet[Comparison]:
    """Return what differs at a connection or could not be asked, the oldest first."""
    wrong = _comparisons(connection).exclude(differing=[], theirs__isnull=False)
    return wrong.select_related("mirror__customer").order_by("asked_at")


def round_of(connection: Connection) -> DriftRound | None:
    """Return the round that is under way, or the last one."""
    return DriftRound.objects.filter(
        organization=connection.organization_id, **_key(connection)
    ).first()


def _compare(found: DriftRound, link: Link) -> Refused | None:
    """Compare a customer; return why not, if we may not ask or the customer is not there."""
    sides = sides_at(link)
    try:
        if sides is not None and sides.can_compare:
            compare(sides)
        return None
    except Refused as refused:
        return refused
    finally:
        found.cursor, found.compared = link.customer_id, found.compared + 1
        found.save(update_fields=["cursor", "compared"])


def _next(found: DriftRound, most: int) -> list[Link]:
    connection = found.connection
    mine: dict[str, Any] = {
        "organization": connection.organization_id,
        "connection": connection.pk,
        "customer__deleted_at": None,
    }
    if found.cursor is not None:
        mine["customer__gt"] = found.cursor
    if isinstance(connection, PaymentProvider):
        links: Any = ProviderLink.objects.exclude(provider_customer_id=None)
    else:
        links = IntegrationLink.objects.exclude(external_customer_id=None)
    linked = links.select_related("connection", "customer").filter(**mine)
    return list(linked.order_by("customer")[:most])


def _comparisons(connection: Connection) -> QuerySet[Comparison]:
    return Comparison.objects.filter(
        organization=connection.organization_id,
        mirror__customer__deleted_at=None,
        **{f"mirror__{name}": value for name, value in _key(connection).items()},
    )


def _key(connection: Connection) -> dict[str, Any]:
    is_provider = isinstance(connection, PaymentProvider)
    return {"payment_provider_id" if is_provider else "integration_id": connection.pk}
