"""A customer beside its mirror in another system: compare, send ours, take over theirs, detach."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from billing.errors import Invalid, NotAllowed, Refusal
from billing.staff.roles import Ability
from billing.staff.sentences import sentence
from billing.staff.tampering import Tampered
from customers.admin.mirrors import seen_words
from customers.admin.reading import CustomerPage
from customers.mirrors import Comparison
from customers.providers import compare
from customers.providers.adapter import Link
from customers.providers.compare import Sides
from customers.providers.failures import Failure
from customers.words import brand, label, shown

_REASON_LENGTH = 1_000


class SidesPage(CustomerPage):
    """One link of a customer: what both sides have, as the other one said when it was asked last.

    Nothing is asked while the page loads; a button does it.
    """

    template_name = "admin/customers/sides.html"
    tab = "connections"

    link_there: Link
    name: str

    def get(self, request: HttpRequest, customer_id: UUID, connection_id: UUID) -> HttpResponse:
        """Show both sides."""
        self._take_up(customer_id, connection_id)
        sides = compare.sides_at(self.link_there)
        seen = compare.known(sides) if sides and sides.can_compare else None
        rows = self._rows(sides, seen)
        return self.show(
            name=self.name,
            connection=self.link_there.connection,
            connections=self.link("admin:customer_connections"),
            remote_id=sides.subject.remote_id if sides else None,
            sides=sides,
            seen=seen,
            seen_words=seen_words(self.name, seen, type(sides.adapter)) if sides else "",
            rows=rows,
            differs=any(row["differs"] for row in rows),
        )

    def post(self, request: HttpRequest, customer_id: UUID, connection_id: UUID) -> HttpResponse:
        """Do what was asked for, and say what came of it."""
        actions = {
            "compare": (Ability.SYNC, self._compare),
            "push": (Ability.SYNC, self._push),
            "retry": (Ability.SYNC, self._retry),
            "take": (Ability.EDIT_CUSTOMERS, self._take),
            "detach": (Ability.EDIT_CUSTOMERS, self._detach),
        }
        ability, act = actions.get(request.POST.get("do", ""), (self.ability, None))
        if act is None:
            raise Tampered("do")
        self.workplace.require(ability)
        self._take_up(customer_id, connection_id)
        try:
            return HttpResponseRedirect(act())
        except Refusal as refusal:
            messages.error(request, self._refused(refusal))
        return HttpResponseRedirect(self._here())

    def _take_up(self, customer_id: UUID, connection_id: UUID) -> None:
        self.find(customer_id)
        found = None if self.now.is_deleted else compare.link_at(self.customer, connection_id)
        if found is None:
            raise Http404
        self.link_there = found
        self.name = brand(found.connection.type)

    def _sides(self) -> Sides:
        found = compare.sides_at(self.link_there)
        if found is None:
            raise NotAllowed("nothing_to_do")
        return found

    def _here(self) -> str:
        return self.link("admin:customer_sides", self.link_there.connection_id)

    # --- Actions: each returns where to go next ---

    def _compare(self) -> str:
        sides = self._sides()
        if not sides.can_compare:
            raise NotAllowed("nothing_to_do")
        try:
            compare.compare(sides)
        except Failure:
            seen = compare.known(sides)
            if seen is not None:
                messages.error(self.request, seen_words(self.name, seen, type(sides.adapter)))
        return self._here()

    def _push(self) -> str:
        compare.push(self._sides())
        words = _("What we have is being sent to %(name)s.") % {"name": self.name}
        messages.success(self.request, words)
        return self.link("admin:customer_connections")

    def _retry(self) -> str:
        compare.try_again(self._sides())
        messages.success(self.request, _("It is tried again now."))
        return self.link("admin:customer_connections")

    def _take(self) -> str:
        names = self.request.POST.getlist("take")
        if not names:
            messages.error(self.request, _("Choose at least one field to take over."))
            return self._here()
        default = _("Taken over from %(name)s") % {"name": self.name}
        actor = self.workplace.actor(self._reason() or default)
        compare.take_over(self._sides(), names, actor)
        messages.success(
            self.request, _("Saved, with the values of %(name)s.") % {"name": self.name}
        )
        return self._here()

    def _detach(self) -> str:
        actor = self.workplace.actor(self._reason())
        compare.detach(self.link_there, actor)
        words = _("No longer linked to %(name)s. Nothing was deleted there.") % {"name": self.name}
        messages.success(self.request, words)
        return self.link("admin:customer_connections")

    def _reason(self) -> str | None:
        text = self.request.POST.get("reason", "").replace("\0", "").strip()
        return text[:_REASON_LENGTH] or None

    def _refused(self, refusal: Refusal) -> str:
        if isinstance(refusal, NotAllowed):
            return sentence("mirror", refusal.code)
        if isinstance(refusal, Invalid):
            country = self.now.values["country"]
            return " ".join(
                f"{label(name, country)}: {sentence(name, codes[0])}"
                for name, codes in refusal.problems.items()
            )
        return sentence("mirror", "not_compared")

    def _rows(self, sides: Sides | None, seen: Comparison | None) -> list[dict[str, Any]]:
        """Return the fields in words, those that differ first."""
        if sides is None or seen is None or seen.theirs is None:
            return []
        country = self.now.values["country"]
        found = [
            {
                "name": row.name,
                "label": label(row.path, country),
                "ours": shown(row.path, row.ours or None),
                "theirs": shown(row.path, row.theirs or None),
                "differs": row.differs,
                "is_drift": row.name in seen.differing,
                "can_take": row.differs and row.wish is not None,
            }
            for row in compare.rows(sides, seen.theirs)
        ]
        return sorted(found, key=lambda row: not row["differs"])
