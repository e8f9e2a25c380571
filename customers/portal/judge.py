"""How staff judge what a customer proposes: whole or field by field, through the writer."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.errors import Invalid, NotAllowed, NotFound
from billing.events.actor import Actor
from customers.change import CustomerChange
from customers.history import PATHS, CustomerThen, Entry, body_of, is_same, timeline
from customers.models import Proposal
from customers.portal.details import at_paths
from customers.write import Outcome, Precondition, write_customer

State = Proposal.State


class Verdict(NamedTuple):
    """What staff decided.

    :param accepted: the paths to take over; the rest is refused.
    :param answer: what the customer is told, needed if anything is refused.
    :param tag: the version of the customer that was looked at.
    """

    accepted: Collection[str]
    answer: str
    tag: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One field of a proposal beside what is stored.

    :param since: the latest change of it, if it is not what the customer saw any more.
    """

    path: str
    seen: Any
    now: Any
    proposed: Any
    since: Entry | None

    @property
    def is_so_already(self) -> bool:
        """Whether there is nothing left to take over."""
        return is_same(self.now, self.proposed)


def waiting_of(organization_id: UUID, customer_id: UUID) -> Proposal | None:
    """Return what the customer proposed and nobody has judged yet."""
    return waiting_proposals(organization_id).filter(customer_id=customer_id).first()


def judged_proposals(organization_id: UUID) -> QuerySet[Proposal]:
    """Return what was judged, newest first."""
    return Proposal.objects.filter(
        organization_id=organization_id, judged_at__isnull=False
    ).order_by("-judged_at", "pk")


def waiting_proposals(organization_id: UUID) -> QuerySet[Proposal]:
    """Return what waits for somebody to judge it, oldest first."""
    return Proposal.objects.filter(
        organization_id=organization_id, state=State.WAITING, customer__deleted_at=None
    ).order_by("created_at", "pk")


def compared(proposal: Proposal, now: CustomerThen) -> list[Compared]:
    """Return each field as the customer saw it, as it is now, and as it is proposed."""
    return [
        Compared(path, seen, now.values[path], proposed, _since(proposal, path, seen, now))
        for path, (seen, proposed) in sorted(
            proposal.changes.items(), key=lambda one: PATHS.index(one[0])
        )
    ]


def judge(
    organization_id: UUID, proposal_id: UUID, verdict: Verdict, actor: Actor
) -> Outcome | None:
    """Write what is accepted, by the person as its actor, and settle the proposal.

    :returns: what became of the customer; None if all was refused.
    :raises NotFound: if there is no such proposal.
    :raises NotAllowed: if it is settled already, or its customer was deleted.
    :raises Invalid: if a refusal gives no reason, or a value breaks a rule of the API.
    :raises Stale: if the customer is not what was looked at any more.
    """
    with transaction.atomic():
        proposal = _hold(organization_id, proposal_id)
        accepted = [path for path in PATHS if path in proposal.changes and path in verdict.accepted]
        if len(accepted) < len(proposal.changes) and not verdict.answer:
            raise Invalid({"answer": ["reason_is_missing"]})
        outcome = _take_over(proposal, accepted, verdict, actor) if accepted else None
        _settle(proposal, accepted, verdict.answer, actor)
    return outcome


def proposals_among(organization_id: UUID, batch_ids: Sequence[UUID | None]) -> dict[UUID, str]:
    """Return the references of the proposals that change records came of, by their `batch_id`."""
    ids = {one for one in batch_ids if one is not None}
    if not ids:
        return {}
    found = Proposal.objects.filter(organization_id=organization_id, pk__in=ids)
    return {one.pk: one.reference for one in found.only("pk")}


def _hold(organization_id: UUID, proposal_id: UUID) -> Proposal:
    """Return the proposal, held against everybody else who judges or replaces it."""
    mine = Proposal.objects.filter(organization_id=organization_id, pk=proposal_id)
    proposal = mine.select_for_update(no_key=True).first()
    if proposal is None:
        raise NotFound("proposal")
    if not proposal.is_waiting:
        raise NotAllowed("proposal_is_settled")
    if proposal.customer.deleted_at is not None:
        raise NotAllowed("customer_not_found")
    return proposal


def _take_over(proposal: Proposal, accepted: list[str], verdict: Verdict, actor: Actor) -> Outcome:
    wanted = {path: proposal.changes[path][1] for path in accepted}
    change = CustomerChange.read(body_of(proposal.customer.external_id, wanted))
    told = actor.because(_reason(proposal, verdict)).within(proposal.pk)
    try:
        return write_customer(proposal.organization_id, change, told, Precondition((verdict.tag,)))
    except Invalid as refusal:
        raise at_paths(refusal) from None


def _reason(proposal: Proposal, verdict: Verdict) -> str:
    what = _("Proposed by the customer (%(reference)s)") % {"reference": proposal.reference}
    return f"{what}: {verdict.answer}" if verdict.answer else what


def _settle(proposal: Proposal, accepted: list[str], answer: str, actor: Actor) -> None:
    if not accepted:
        proposal.state = State.REFUSED
    elif len(accepted) < len(proposal.changes):
        proposal.state = State.PARTLY
    else:
        proposal.state = State.ACCEPTED
    proposal.accepted, proposal.answer = accepted, answer
    proposal.judged_at, proposal.judged_by = timezone.now(), actor.name
    proposal.save()


def _since(proposal: Proposal, path: str, seen: Any, now: CustomerThen) -> Entry | None:
    if is_same(seen, now.values[path] or None):
        return None
    entries = timeline(proposal.organization_id, proposal.customer_id, limit=1, path=path)
    return entries[0] if entries else None
