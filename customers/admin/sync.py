"""Sync: how each connection does, what differs there, and what providers told us in vain."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Min, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.errors import NotFound
from billing.models import Integration, PaymentProvider
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.tampering import Tampered
from customers.admin.list import LIST
from customers.conditions import differing_mirrors, failed_mirrors
from customers.listing import Amount
from customers.mirrors import DriftRound, Mirror, ProviderEvent
from customers.providers import drift
from customers.providers.adapter import adapter_class
from customers.providers.again import try_again_soon
from customers.providers.drift import Connection
from customers.providers.inbound import handle_again
from customers.providers.tasks import compare_soon
from customers.queues import Queue, Waiting
from customers.words import brand

PER_PAGE = 50


class SyncPage(StaffPage):
    """The connections and how they do; under them what providers told us and nobody could use."""

    ability = Ability.HISTORY
    title = gettext_lazy("Sync")
    template_name = "admin/customers/sync.html"
    section = "sync"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show what is known; nobody is asked."""
        place = self.workplace.organization.pk
        before = _uuid(request.GET.get("before"))
        found = list(_failed_events(place, before)[: PER_PAGE + 1])
        return self.render(
            connections=_connections(place),
            events=found[:PER_PAGE],
            older=found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None,
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Have all customers of a connection compared, or a notice handled again."""
        self.workplace.require(Ability.SYNC)
        actions = {"compare": self._compare, "again": self._again, "retry": self._retry}
        act = actions.get(request.POST.get("do", ""))
        if act is None:
            raise Tampered("do")
        act(_uuid(request.POST.get("id")))
        return HttpResponseRedirect(reverse("admin:customers_sync"))

    def _compare(self, connection_id: UUID | None) -> None:
        mine = drift.comparable(self.workplace.organization.pk)
        connection = next((one for one in mine if one.pk == connection_id), None)
        if connection is None:
            raise Http404
        compare_soon(drift.begin(connection))
        words = _("The customers at %(name)s are being compared, four in a second.")
        messages.success(self.request, words % {"name": connection.name})

    def _retry(self, connection_id: UUID | None) -> None:
        mine = _mine(self.workplace.organization.pk)
        connection = next((one for one in mine if one.pk == connection_id), None)
        if connection is None:
            raise Http404
        try_again_soon(_column(connection), connection.pk)
        words = _("What failed at %(name)s is tried again now.")
        messages.success(self.request, words % {"name": connection.name})

    def _again(self, event_id: UUID | None) -> None:
        try:
            handle_again(self.workplace.organization.pk, event_id or UUID(int=0))
        except NotFound as gone:
            raise Http404 from gone
        messages.success(self.request, _("It is handled again now."))


def _connections(organization_id: UUID) -> list[dict[str, Any]]:
    mine = Q(organization_id=organization_id)
    unfinished = Mirror.objects.filter(mine).exclude(todo=[])
    waiting = _count(unfinished.exclude(state=Mirror.State.FAILED))
    failed = _count(failed_mirrors(organization_id))
    differing = _count(differing_mirrors(organization_id))
    rounds = {
        one.payment_provider_id or one.integration_id: one
        for one in DriftRound.objects.filter(mine)
    }
    return [
        {
            "connection": one,
            "page": reverse(f"admin:billing_{one._meta.model_name}_change", args=[one.pk]),
            "brand": brand(one.type),
            "is_called": adapter_class(str(one.type)) is not None,
            "can_compare": _reads(one),
            "waiting": waiting.get(one.pk, 0),
            "failed": failed.get(one.pk, 0),
            "failed_link": _list(one, "failed"),
            "differing": differing.get(one.pk, 0),
            "differing_link": _list(one, "differs"),
            "round": rounds.get(one.pk),
        }
        for one in _mine(organization_id)
    ]


def _mine(organization_id: UUID) -> list[Connection]:
    mine = Q(organization_id=organization_id)
    return [
        *PaymentProvider.objects.filter(mine).order_by("code"),
        *Integration.objects.filter(mine).order_by("code"),
    ]


def _reads(connection: Connection) -> bool:
    adapter = adapter_class(str(connection.type))
    return adapter is not None and adapter.reads


def _count(mirrors: QuerySet[Mirror]) -> Mapping[UUID, int]:
    key = ("payment_provider", "integration")
    counted = mirrors.order_by().values_list(*key).annotate(number=Count("pk"))
    return {provider or integration: number for provider, integration, number in counted}


def _column(connection: Connection) -> str:
    is_provider = isinstance(connection, PaymentProvider)
    return "payment_provider" if is_provider else "integration"


def _list(connection: Connection, state: str) -> str:
    """Return the list of the connection's customers in this state."""
    name = "provider" if isinstance(connection, PaymentProvider) else "integration"
    query = [("view", "all"), (name, connection.code), ("sync", state)]
    return f"{reverse(LIST)}?{urlencode(query)}"


def _failed_events(organization_id: UUID, before: UUID | None) -> QuerySet[ProviderEvent]:
    found = ProviderEvent.objects.select_related("connection").filter(
        organization=organization_id, state=ProviderEvent.State.FAILED
    )
    last = found.filter(pk=before).values_list("received_at", "pk").first() if before else None
    if last:
        found = found.filter(Q(received_at__lt=last[0]) | Q(received_at=last[0], pk__gt=last[1]))
    return found.order_by("-received_at", "pk")


def _unhandled(organization_id: UUID) -> Waiting:
    failed = ProviderEvent.objects.filter(
        organization=organization_id, state=ProviderEvent.State.FAILED
    )
    found = failed.aggregate(number=Count("pk"), oldest=Min("received_at"))
    return Waiting(Amount(found["number"]), found["oldest"])


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


UNHANDLED = Queue(
    "provider_events",
    gettext_lazy("Provider notices not handled"),
    "unsubscribe",
    _unhandled,
    "admin:customers_sync",
    of_history=True,
)


def _turned_down(organization_id: UUID) -> Waiting:
    since = [one.refused_since for one in _mine(organization_id) if one.refused_since is not None]
    return Waiting(Amount(len(since)), min(since, default=None))


TURNED_DOWN = Queue(
    "credentials",
    gettext_lazy("Connections turned down"),
    "key_off",
    _turned_down,
    "admin:customers_sync",
    of_history=True,
)

PAGES = (("sync/", SyncPage, "customers_sync"),)
