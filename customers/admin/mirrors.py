"""How far a customer is in other systems, in words, and what staff can do about it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.admin.portrait import Link
from customers.mirrors import Comparison, Mirror, PaymentMethod
from customers.models import IntegrationLink, ProviderLink
from customers.providers.adapter import Adapter, adapter_class

_State = Mirror.State
# State of a mirror: the mark, its icon.
_MARKS: dict[str, tuple[str, str]] = {
    _State.OK: ("ok", "check_circle"),
    _State.QUEUED: ("info", "schedule"),
    _State.CREATING: ("info", "sync"),
    _State.UNKNOWN: ("warn", "help"),
    _State.AWAITING: ("info", "hourglass_top"),
    _State.FAILED: ("bad", "sync_problem"),
}
_ICONS = {"ok": "link", "info": "schedule", "warn": "link_off"}


class Panel(NamedTuple):
    """One link of a customer, with what became of it there.

    :param connection_id: None where the customer's history alone knows of the link.
    :param sentence: what happened last, and what happens next.
    """

    link: Link
    connection_id: UUID | None
    mark: str
    icon: str
    words: str
    sentence: str
    mirror: Mirror | None
    seen: Comparison | None
    seen_words: str
    methods: list[PaymentMethod]
    can_retry: bool
    can_compare: bool


def panels(organization_id: UUID, customer_id: UUID, links: Iterable[Link]) -> list[Panel]:
    """Return the links as they are today, each with its mirror."""
    mine = Q(organization=organization_id, customer=customer_id)
    mirrors = Mirror.objects.select_related("payment_provider", "integration", "comparison")
    found = {(one.connection.type, one.connection.code): one for one in mirrors.filter(mine)}
    methods = list(PaymentMethod.objects.filter(mine).order_by("-is_default", "created_at"))
    ids = _connections(mine)
    return [_panel(link, ids.get(link.key), found.get(link.key), methods) for link in links]


def _connections(mine: Q) -> dict[tuple[str, str], UUID]:
    """Return the ids of the connections a customer is linked to, by type and code."""
    key = ("connection__type", "connection__code", "connection")
    providers = ProviderLink.objects.filter(mine).values_list(*key)
    integrations = IntegrationLink.objects.filter(mine).values_list(*key)
    return {(type_, code): pk for type_, code, pk in [*providers, *integrations]}


def _panel(
    link: Link, connection_id: UUID | None, mirror: Mirror | None, methods: list[PaymentMethod]
) -> Panel:
    adapter = adapter_class(link.key[0])
    remote_id = link.remote_id
    seen = getattr(mirror, "comparison", None)
    seen = seen if seen is not None and seen.remote_id == remote_id else None
    return Panel(
        link,
        connection_id,
        *_badge(link, adapter, mirror),
        _sentence(link.title, adapter, mirror, is_linked=bool(remote_id)),
        mirror,
        seen,
        seen_words(link.title, seen, adapter),
        [one for one in methods if one.connection_id == connection_id],
        can_retry=adapter is not None and mirror is not None and _may_try(mirror),
        can_compare=adapter is not None and adapter.reads and bool(remote_id),
    )


def _badge(
    link: Link, adapter: type[Adapter] | None, mirror: Mirror | None
) -> tuple[str, str, str]:
    """Return how far a link is: the mark, its icon, and the words."""
    own = (link.state, _ICONS[link.state], link.words)
    if adapter is None or mirror is None or mirror.state not in _MARKS:
        return own
    if _has_ended(mirror) and not link.remote_id:
        return "warn", "hourglass_disabled", _("The page has ended")
    if mirror.state == _State.AWAITING and link.remote_id:
        return own
    is_sent = adapter.updates and link.remote_id
    if mirror.state == _State.OK and not is_sent:
        # An id that was taken away is not made anew before the customer is saved again.
        is_cleared = adapter.creates and not link.remote_id
        missing = _("No customer id at %(name)s yet") % {"name": link.title}
        return ("warn", _ICONS["warn"], missing) if is_cleared else own
    return *_MARKS[mirror.state], str(mirror.get_state_display())


def _has_ended(mirror: Mirror) -> bool:
    """Say whether the page that the customer got can't be used any more."""
    until = mirror.awaiting_until
    return mirror.state == _State.AWAITING and until is not None and until < timezone.now()


def seen_words(name: str, seen: Comparison | None, adapter: type[Adapter] | None) -> str:
    """Return what came of the last comparison."""
    if seen is None:
        return ""
    if seen.theirs is None:
        words = _("%(name)s could not be asked: %(error)s")
        return words % {"name": name, "error": reason_of(seen)}
    is_sent = adapter is not None and adapter.updates
    if not seen.differing:
        words = (
            _("The same on both sides.")
            if is_sent
            else _("Nothing that Tarn has sent was changed at %(name)s.")
        )
        return words % {"name": name}
    number = len(seen.differing)
    words = ngettext(
        "%(number)d field is not the same at %(name)s.",
        "%(number)d fields are not the same at %(name)s.",
        number,
    )
    return words % {"number": number, "name": name}


def reason_of(failed: Mirror | Comparison) -> str:
    """Return the other side's reason, with the id by which its support finds the call."""
    if not failed.error_request_id:
        return str(failed.error_message)
    words = _("%(error)s (request %(request)s)")
    return words % {"error": failed.error_message, "request": failed.error_request_id}


def _may_try(mirror: Mirror) -> bool:
    is_claimed = mirror.claimed_until is not None and mirror.claimed_until > timezone.now()
    waits = bool(mirror.todo) and bool(mirror.error_message)
    return not is_claimed and (mirror.state == _State.FAILED or waits or _has_ended(mirror))


def _sentence(
    name: str, adapter: type[Adapter] | None, mirror: Mirror | None, *, is_linked: bool
) -> str:
    """Return what happened last, and what happens next."""
    if adapter is None:
        return _("Stored only: Tarn does not call %(name)s.") % {"name": name}
    is_settled = mirror is None or mirror.state in (_State.IDLE, _State.OK)
    if mirror is None or (is_settled and not is_linked):
        return "" if is_linked else _nothing_yet(name, adapter)
    if mirror.state == _State.IDLE:
        return ""
    about: dict[str, Any] = {
        "name": name,
        "error": reason_of(mirror) if mirror.error_message else "",
        "moment": _moment(mirror.next_try_at),
    }
    if mirror.state == _State.AWAITING:
        about["moment"] = _moment(mirror.awaiting_until)
    if is_linked and mirror.state in (_State.OK, _State.AWAITING):
        return _linked(adapter) % about
    return _words(mirror) % about


def _linked(adapter: type[Adapter]) -> str:
    if adapter.updates:
        return _("%(name)s has what we have sent.")
    return _("%(name)s knows the customer; later changes here are not sent there.")


def _words(mirror: Mirror) -> str:
    if _has_ended(mirror):
        return _(
            "The customer got a page to set up how to pay, and did not use it until it ended at"
            " %(moment)s. Try again to make another."
        )
    if mirror.state == _State.FAILED:
        return _(
            "Saved here. %(name)s did not take it: %(error)s Nothing more is tried by itself: mend"
            " the customer or the connection, then try again."
        )
    if mirror.state == _State.AWAITING:
        return _("The customer got a page to set up how to pay; it is open until %(moment)s.")
    if mirror.error_message:
        return _(
            "Saved here. %(name)s did not take it yet: %(error)s The next try is at %(moment)s;"
            " nothing to re-enter."
        )
    return _("Saved here. It is sent to %(name)s in a moment.")


def _nothing_yet(name: str, adapter: type[Adapter]) -> str:
    if not adapter.creates:
        words = _(
            "%(name)s knows the customer once it has left a way to pay there. The page for it is"
            " sent to webhook endpoints that want customer.checkout_url_generated; the API makes"
            " one when it is asked for the checkout URL."
        )
        return words % {"name": name}
    return ""


def _moment(at: datetime | None) -> str:
    if at is None:
        return ""
    local = timezone.localtime(at)
    is_today = local.date() == timezone.localdate()
    return date_format(local, "TIME_FORMAT" if is_today else "SHORT_DATETIME_FORMAT")
