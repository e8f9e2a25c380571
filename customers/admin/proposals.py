"""What customers propose on their own page, for staff to accept or refuse."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.errors import Invalid, NotAllowed, NotFound, Stale
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.sentences import sentence
from billing.staff.tampering import Tampered
from customers import queues
from customers.admin.reading import CustomerPage
from customers.advice import advice_for
from customers.listing import Amount
from customers.models import PROPOSAL_NOTE_LENGTH, Proposal
from customers.portal.judge import (
    Compared,
    Verdict,
    compared,
    judge,
    judged_proposals,
    waiting_proposals,
)
from customers.words import label, shown

_QUEUE = "admin:customers_proposals"
_PAGE = 100


def _look(organization_id: UUID) -> queues.Waiting:
    waiting = waiting_proposals(organization_id)
    oldest = waiting.first()
    return queues.Waiting(Amount(waiting.count()), oldest.created_at if oldest else None)


queues.register(
    queues.Queue("proposals", gettext_lazy("Proposed by customers"), "rate_review", _look, _QUEUE)
)


class ProposalsPage(StaffPage):
    """What waits to be judged, oldest first, or what was judged lately."""

    ability = Ability.READ
    title = gettext_lazy("Proposed by customers")
    template_name = "admin/proposals/list.html"
    section = "customers"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the queue."""
        place = self.workplace.organization.pk
        judged = "judged" in request.GET
        found = judged_proposals(place) if judged else waiting_proposals(place)
        proposals = list(found.select_related("customer")[: _PAGE + 1])
        return self.render(
            proposals=[_in_list(one) for one in proposals[:_PAGE]],
            has_more=len(proposals) > _PAGE,
            judged=judged,
        )


class ProposalPage(CustomerPage):
    """One proposal beside what is stored and what changed since."""

    ability = Ability.READ
    tab = ""
    template_name = "admin/proposals/one.html"

    proposal: Proposal

    def get(self, request: HttpRequest, proposal_id: UUID) -> HttpResponse:
        """Show it."""
        self._take_up(proposal_id)
        return self._show()

    def post(self, request: HttpRequest, proposal_id: UUID) -> HttpResponse:
        """Take over what was accepted, and tell the customer of the rest."""
        self.workplace.require(Ability.JUDGE_PROPOSALS)
        self._take_up(proposal_id)
        self.workplace.require(Ability.JUDGE_PROPOSALS)  # it may have led elsewhere
        verdict = self._verdict()
        try:
            judge(self.customer.organization_id, proposal_id, verdict, self.workplace.actor())
        except Invalid as refusal:
            return self._show(422, refusal.problems)
        except Stale:
            return self._show(409, is_stale=True)
        except NotAllowed as refusal:
            messages.error(request, sentence("proposal", refusal.code))
            return HttpResponseRedirect(request.get_full_path())
        self._say(verdict)
        return HttpResponseRedirect(reverse(_QUEUE))

    def _take_up(self, proposal_id: UUID) -> None:
        mine = [self.workplace.organization, *self.workplace.others]
        found = Proposal.objects.filter(organization__in=mine, pk=proposal_id).first()
        if found is None:
            raise Http404
        self.proposal = found
        try:
            self.find(found.customer_id)
        except NotFound as error:
            raise Http404 from error

    def _verdict(self) -> Verdict:
        do, sent = self.request.POST.get("do", ""), self.request.POST
        if do not in ("judge", "refuse"):
            raise Tampered("do")
        accepted = [path for path in self.proposal.changes if sent.get(path) == "accept"]
        answer = sent.get("answer", "").replace("\0", "").strip()[:PROPOSAL_NOTE_LENGTH]
        return Verdict(accepted if do == "judge" else [], answer, sent.get("tag", ""))

    def _say(self, verdict: Verdict) -> None:
        country = self.now.values["country"]
        names = ", ".join(label(path, country) for path in verdict.accepted)
        if names:
            words = _("Taken over for %(customer)s: %(fields)s.")
            messages.success(self.request, words % {"customer": self.customer, "fields": names})
        else:
            words = _("Refused. %(customer)s reads your answer on its own page.")
            messages.success(self.request, words % {"customer": self.customer})

    def _show(
        self, status: int = 200, problems: dict[str, list[str]] | None = None, **context: Any
    ) -> HttpResponse:
        problems = problems or {}
        return self.show(
            status,
            one=self.proposal,
            rows=self._rows(problems),
            may_judge=self.proposal.is_waiting
            and self.customer.deleted_at is None
            and self.workplace.may(Ability.JUDGE_PROPOSALS),
            answer=self.request.POST.get("answer", self.proposal.answer),
            answer_error=_sentence(problems, "answer", ""),
            shows_proposal=True,
            queue=reverse(_QUEUE),
            **context,
        )

    def _rows(self, problems: dict[str, list[str]]) -> list[dict[str, Any]]:
        proposed = {path: new for path, (_seen, new) in self.proposal.changes.items()}
        advice = {one.field: one.sentence for one in advice_for(self.now.values | proposed)}
        country = proposed.get("country", self.now.values["country"])
        return [
            _row(one, country, self.request.POST.get(one.path, "accept"))
            | {
                "advice": advice.get(one.path, ""),
                "error": _sentence(problems, one.path, one.proposed),
                "taken": one.path in self.proposal.accepted,
            }
            for one in compared(self.proposal, self.now)
        ]


def _row(one: Compared, country: str | None, choice: str) -> dict[str, Any]:
    return {
        "path": one.path,
        "label": label(one.path, country),
        "seen": shown(one.path, one.seen),
        "now": shown(one.path, one.now),
        "proposed": shown(one.path, one.proposed),
        "since": one.since,
        "is_so_already": one.is_so_already,
        "choice": choice,
    }


def _in_list(proposal: Proposal) -> dict[str, Any]:
    country = proposal.customer.country
    names = [label(path, country) for path in proposal.changes]
    return {
        "proposal": proposal,
        "fields": ", ".join(names),
        "link": reverse("admin:customers_proposal", args=[proposal.pk]),
    }


def _sentence(problems: dict[str, list[str]], path: str, value: Any) -> str:
    codes = problems.get(path)
    return sentence(path.rpartition(".")[2], codes[0], value) if codes else ""


PAGES = (
    ("proposals/", ProposalsPage, "customers_proposals"),
    ("proposals/<uuid:proposal_id>/", ProposalPage, "customers_proposal"),
)
