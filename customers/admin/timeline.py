"""Every change of a customer, and the way to take one back."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.errors import Invalid, NotAllowed, NotFound, Refusal, Stale
from billing.staff.numbers import ID_MAX, whole_number
from billing.staff.roles import Ability
from billing.staff.sentences import sentence
from customers.admin.entries import fields_of_customers, told
from customers.admin.reading import CustomerPage
from customers.batches import batches_among
from customers.history import (
    PATHS,
    ChangedSince,
    Entry,
    PutBack,
    actors_of,
    entry_of,
    preview_revert,
    revert_change,
    timeline,
)
from customers.portal.judge import proposals_among
from customers.trail import DOORS
from customers.words import difference, label, read_names

_PAGE = 50
_REASON_LENGTH = 1_000


class Timeline(CustomerPage):
    """All changes of a customer, newest first, through whichever door they came."""

    ability = Ability.HISTORY
    tab = "timeline"
    template_name = "admin/customers/timeline.html"

    def get(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Show a page of it."""
        self.find(customer_id)
        organization_id, country = self.customer.organization_id, self.now.values["country"]
        kept = {name: request.GET.get(name, "") for name in ("who", "door", "field")}
        entries = self._entries(**kept)
        shown = entries[:_PAGE]
        older = shown[-1].id if len(entries) > _PAGE else None
        return self.show(
            entries=told(organization_id, shown, country),
            proposals=proposals_among(organization_id, [one.batch_id for one in shown]),
            batches=batches_among(organization_id, [one.batch_id for one in shown]),
            actors=actors_of(organization_id, customer_id),
            doors=DOORS,
            fields=fields_of_customers(country),
            chosen=kept,
            is_narrowed=any(kept.values()),
            is_first="before" not in request.GET,
            newest=self.link("admin:customer_timeline", **kept),
            older=self.link("admin:customer_timeline", before=older, **kept) if older else None,
        )

    def _entries(self, who: str, door: str, field: str) -> list[Entry]:
        """Return what the page shows, and one more if there is more."""
        return timeline(
            self.customer.organization_id,
            self.customer.pk,
            before=whole_number(self.request.GET.get("before", "")),
            limit=_PAGE + 1,
            actor=_plain(who),
            door=_plain(door),
            path=_plain(field),
        )


class Revert(CustomerPage):
    """Putting back what one change replaced, after a look at what that would do."""

    ability = Ability.REVERT
    tab = "timeline"
    template_name = "admin/customers/revert.html"

    def get(self, request: HttpRequest, customer_id: UUID, record_id: int) -> HttpResponse:
        """Show what would be put back."""
        self._find_entry(customer_id, record_id)
        return self._preview(_paths(request.GET.getlist("field")))

    def post(self, request: HttpRequest, customer_id: UUID, record_id: int) -> HttpResponse:
        """Put it back, and return to the timeline."""
        self._find_entry(customer_id, record_id)
        paths = _paths(request.POST.getlist("field"))
        reason = request.POST.get("reason", "").replace("\0", "").strip()[:_REASON_LENGTH]
        force = [path for path in request.POST.getlist("force") if path in PATHS]
        actor = self.workplace.actor(reason or None)
        try:
            outcome = revert_change(
                self.customer.organization_id, record_id, actor, paths, force=force
            )
        except Refusal as refusal:
            return self._preview(paths, refusal, reason)
        country = self.now.values["country"]
        names = [label(path, country) for path in PATHS if path in outcome.diff]
        if names:
            messages.success(request, _("Put back: %(fields)s.") % {"fields": ", ".join(names)})
        else:
            messages.info(request, _("Everything was as before already. Nothing was changed."))
        return HttpResponseRedirect(self.link("admin:customer_timeline"))

    def _find_entry(self, customer_id: UUID, record_id: int) -> None:
        self.find(customer_id)
        if record_id > ID_MAX:
            raise Http404
        try:
            self.entry = entry_of(self.customer.organization_id, customer_id, record_id)
        except NotFound as error:
            raise Http404 from error

    def _preview(
        self, paths: Collection[str] | None, refusal: Refusal | None = None, reason: str = ""
    ) -> HttpResponse:
        organization_id, country = self.customer.organization_id, self.now.values["country"]
        found: list[PutBack] = []
        status = 200 if refusal is None else 422
        try:
            found = preview_revert(organization_id, self.entry.id, paths)
        except Refusal as error:
            refusal = refusal or error
        problems, agree = _problems(refusal, country)
        return self.show(
            status=status,
            entry=told(organization_id, [self.entry], country)[0],
            rows=self._rows(found, country),
            paths=paths or [],
            problems=problems,
            agree=[(path, label(path, country)) for path in agree],
            reason=reason,
            can_be_done=bool(found) or bool(agree),
        )

    def _rows(self, found: list[PutBack], country: str | None) -> list[dict[str, Any]]:
        values = [(one.path, value) for one in found for value in (one.now, one.old)]
        names = read_names(self.customer.organization_id, values)
        return [
            {
                "difference": difference(one.path, one.now, one.old, names, country),
                "since": one.since,
                "door": DOORS.get(one.since.door, "") if one.since else "",
            }
            for one in found
        ]


def _plain(text: str) -> str | None:
    """Return what a filter asks for; None if nothing. PostgreSQL knows no NUL in texts."""
    return text.replace("\0", "\ufffd") or None


def _paths(sent: list[str]) -> list[str] | None:
    """Return the paths that were chosen; None means all of them."""
    return list(dict.fromkeys(sent)) or None


_STALE = gettext_lazy("Others keep changing this customer. Nothing was put back; try again.")


def _problems(
    refusal: Refusal | None, country: str | None
) -> tuple[list[str | Promise], list[str]]:
    """Return why it was not done, and the paths that may change too if the reader agrees."""
    match refusal:
        case Invalid():
            codes = [(path, code) for path, all_ in refusal.problems.items() for code in all_]
            words = [sentence(path, code, label(path, country)) for path, code in codes]
            return list(words), [path for path, code in codes if code == "would_change_too"]
        case ChangedSince():
            names = ", ".join(label(path, country) for path in refusal.latest)
            again = sentence("customer", "changed_since", names)
            return [again], []
        case NotAllowed():
            return [sentence("customer", refusal.code)], []
        case NotFound():
            return [sentence("customer", f"{refusal.resource}_not_found")], []
        case Stale():
            return [_STALE], []
        case _:
            return [], []
