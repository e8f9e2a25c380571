"""Webhooks as staff see them: where they go, what came of each, and what to do about it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing.errors import NotAllowed, NotFound
from billing.events.models import ChangeRecord, WebhookEndpoint
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.sentences import sentence
from billing.staff.tampering import Tampered
from billing.webhooks import write
from billing.webhooks.body import Happened
from billing.webhooks.models import Delivery
from billing.webhooks.write import Range

PER_PAGE = 50
# Replays of a span end here; whoever needs more repeats with another span.
_WAITING = (Delivery.Status.PENDING, Delivery.Status.RETRYING)
_SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


class DeliveriesPage(StaffPage):
    """The endpoints and how they do, and the deliveries to them, newest first."""

    ability = Ability.HISTORY
    title = gettext_lazy("Deliveries")
    template_name = "admin/deliveries/list.html"
    section = "deliveries"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page."""
        chosen: dict[str, Any] = {
            "endpoint": _uuid(request.GET.get("endpoint")),
            "status": _status(request.GET.get("status")),
            "before": _uuid(request.GET.get("before")),
        }
        found = list(_deliveries(self.workplace.organization.pk, **chosen)[: PER_PAGE + 1])
        return self.render(
            endpoints=_endpoints(self.workplace.organization.pk),
            deliveries=found[:PER_PAGE],
            older=found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None,
            statuses=Delivery.Status.choices,
            chosen=chosen,
            filtered=any((chosen["endpoint"], chosen["status"])),
        )


class DeliveryPage(StaffPage):
    """One delivery: what was sent, what came back, each time."""

    ability = Ability.HISTORY
    title = gettext_lazy("Delivery")
    template_name = "admin/deliveries/one.html"
    section = "deliveries"

    def get(self, request: HttpRequest, delivery_id: UUID) -> HttpResponse:
        """Show the delivery."""
        found = Delivery.objects.select_related("event", "endpoint").filter(
            organization=self.workplace.organization, pk=delivery_id
        )
        delivery = found.first()
        if delivery is None:
            raise Http404
        return self.render(
            delivery=delivery,
            tries=delivery.tries.order_by("-id"),
            body=_body(delivery),
            others=delivery.event.deliveries.exclude(pk=delivery.pk)
            .filter(endpoint=delivery.endpoint)
            .order_by("created_at")[:10],
        )


class DeliveryActionPage(StaffPage):
    """What staff do with one delivery: try it again, or send it once more, perhaps elsewhere."""

    ability = Ability.SET_WEBHOOKS
    section = "deliveries"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, delivery_id: UUID) -> HttpResponse:
        """Do it, and show the delivery it concerns."""
        tenant = self.workplace.organization.pk
        try:
            if request.POST.get("do") == "retry":
                shown = write.retry(tenant, delivery_id)
                messages.success(request, _("It is tried again now."))
            else:
                shown = write.replay(tenant, delivery_id, request.POST.get("url") or None)
                messages.success(request, _("It is sent again, as a new delivery."))
        except NotFound as gone:
            raise Http404 from gone
        except NotAllowed as refusal:
            messages.error(request, sentence("delivery", refusal.code))
            return _to("delivery", delivery_id)
        except ValueError:
            words = _("“%(url)s” can't be called from here. Use a public https address.")
            messages.error(request, words % {"url": request.POST.get("url", "")[:200]})
            return _to("delivery", delivery_id)
        return _to("delivery", shown.pk)


class EndpointActionPage(StaffPage):
    """What staff do with an endpoint: pause it, resume it, test it, send a span once more."""

    ability = Ability.SET_WEBHOOKS
    section = "deliveries"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        """Do it, and go back to the list."""
        actions = {
            "pause": self._pause,
            "resume": self._resume,
            "test": self._test,
            "replay": self._replay,
        }
        act = actions.get(request.POST.get("do", ""))
        if act is None:
            raise Tampered("do")
        try:
            act(endpoint_id)
        except NotFound as gone:
            raise Http404 from gone
        return _to("deliveries")

    def _pause(self, endpoint_id: UUID) -> None:
        write.pause_endpoint(self.workplace.organization.pk, endpoint_id, self.workplace.actor())
        messages.success(self.request, _("Paused. What happens meanwhile is kept and sent later."))

    def _resume(self, endpoint_id: UUID) -> None:
        write.resume_endpoint(self.workplace.organization.pk, endpoint_id, self.workplace.actor())
        messages.success(self.request, _("Resumed. What waited is being sent."))

    def _test(self, endpoint_id: UUID) -> None:
        write.send_test(self.workplace.organization.pk, endpoint_id)
        messages.success(self.request, _("A test event is on its way; it is the newest below."))

    def _replay(self, endpoint_id: UUID) -> None:
        now = timezone.now()
        span = _SPANS.get(self.request.POST.get("span", ""), _SPANS["day"])
        everything = self.request.POST.get("which") == "all"
        chosen = Range(endpoint_id, now - span, now, only_failed=not everything)
        count = write.replay_range(self.workplace.organization.pk, chosen)
        words = ngettext(
            "%(count)d event is sent again.", "%(count)d events are sent again.", count
        )
        messages.success(self.request, words % {"count": count})


def _endpoints(organization_id: UUID) -> list[WebhookEndpoint]:
    """Return the endpoints with what waits for them and what failed in the last day."""
    found = list(
        WebhookEndpoint.objects.filter(organization_id=organization_id).order_by(
            "-created_at", "id"
        )
    )
    lately = timezone.now() - timedelta(days=1)
    every = Delivery.objects.filter(organization_id=organization_id, endpoint__in=found)
    waiting = _count(every.filter(status__in=_WAITING))
    # A delivery lives for about four days: older ones can't have failed lately.
    young = every.filter(created_at__gte=lately - timedelta(days=4))
    failed = _count(young.filter(status=Delivery.Status.FAILED, finished_at__gte=lately))
    for endpoint in found:
        endpoint.waiting = waiting.get(endpoint.pk, 0)  # type: ignore[attr-defined]  # for the page
        endpoint.failed = failed.get(endpoint.pk, 0)  # type: ignore[attr-defined]  # for the page
    return found


def _count(deliveries: QuerySet[Delivery]) -> dict[UUID, int]:
    counted = deliveries.order_by().values("endpoint").annotate(number=Count("pk"))
    return {row["endpoint"]: row["number"] for row in counted}


def _deliveries(
    organization_id: UUID, endpoint: UUID | None, status: str | None, before: UUID | None
) -> QuerySet[Delivery]:
    found = Delivery.objects.filter(organization_id=organization_id)
    if endpoint:
        found = found.filter(endpoint_id=endpoint)
    if status:
        found = found.filter(status=status)
    last = found.filter(pk=before).values_list("created_at", "pk").first() if before else None
    if last:
        found = found.filter(Q(created_at__lt=last[0]) | Q(created_at=last[0], pk__gt=last[1]))
    return found.select_related("event", "endpoint").order_by("-created_at", "pk")


def _body(delivery: Delivery) -> str | None:
    """Return the body as it is sent; None once it is no longer kept."""
    event = delivery.event
    if event.snapshot is None:
        return None
    record = ChangeRecord.objects.filter(pk=event.record_id or 0).first()
    happened = Happened(
        event.event_type,
        event.object_type,
        event.organization_id,
        event.snapshot,
        record.changes if record else None,
        {"door": record.door, "id": record.actor_id, "name": record.actor_name} if record else None,
    )
    return happened.body(with_changes=delivery.endpoint.with_changes).decode()


def _to(name: str, *values: Any) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse(f"admin:{name}", args=values))


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _status(text: str | None) -> str | None:
    return text if text in Delivery.Status.values else None
