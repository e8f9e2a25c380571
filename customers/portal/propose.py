"""What a customer proposes: checked as the API checks it, and kept for staff to judge."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from billing.errors import NotAllowed, NotFound, Refusal
from billing.events.actor import SYSTEM
from customers.change import CustomerChange
from customers.history import body_of
from customers.models import Customer, Proposal
from customers.portal.details import OFFERED, at_paths
from customers.write import foresee_customers

# In a day; each takes the place of the one before it, so staff never have more than one to judge.
PROPOSALS = 20

_DAY = timedelta(days=1)
# Two tabs of one customer may send at the same moment.
_PROPOSAL_LOCK = 8405


class Draft(NamedTuple):
    """What a customer sends off.

    :param token: of the form; sent twice, a form does one thing.
    :param seen: what the form showed, by path.
    :param typed: what the customer left in its fields, by path.
    """

    token: UUID
    seen: Mapping[str, str | None]
    typed: Mapping[str, str]
    note: str = ""


def waiting_proposal(customer: Customer) -> Proposal | None:
    """Return what the customer proposed and nobody has judged yet."""
    return _waiting(customer).first()


def last_judged(customer: Customer) -> Proposal | None:
    """Return the customer's proposal that was judged last."""
    judged = _proposals(customer).filter(judged_at__isnull=False)
    return judged.order_by("-judged_at").first()


def propose(customer: Customer, draft: Draft) -> Proposal:
    """Keep what the customer proposes, in place of what it proposed before.

    :raises Invalid: with codes by path.
    :raises NotFound: if the customer was deleted meanwhile.
    :raises NotAllowed: if nothing would change, or these are too many for a day.
    """
    with transaction.atomic():
        _wait_for_others(customer)
        sent = _proposals(customer).filter(token=draft.token).first()
        if sent is not None:
            return sent
        changes = _changes(customer, draft)
        if not changes:
            raise NotAllowed("nothing_proposed")
        lately = _proposals(customer).filter(created_at__gt=timezone.now() - _DAY)
        if lately.count() >= PROPOSALS:
            raise NotAllowed("too_many_proposals")
        # Waits for whoever judges the earlier one now; then that is not replaced any more.
        _waiting(customer).update(state=Proposal.State.REPLACED)
        return Proposal.objects.create(
            organization_id=customer.organization_id,
            customer=customer,
            token=draft.token,
            changes=changes,
            note=draft.note,
        )


def withdraw(customer: Customer) -> None:
    """Take back what the customer proposed, if nobody has judged it yet."""
    _waiting(customer).update(state=Proposal.State.WITHDRAWN)


def forget_proposals(before: datetime) -> None:
    """Delete the proposals that were judged, replaced or withdrawn before a moment."""
    dropped = Q(judged_at=None, created_at__lt=before)
    ended = Proposal.objects.exclude(state=Proposal.State.WAITING)
    ended.filter(Q(judged_at__lt=before) | dropped).delete()


def _wait_for_others(customer: Customer) -> None:
    """Hold off other forms of the same customer until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_PROPOSAL_LOCK, str(customer.pk)]
        )


def _changes(customer: Customer, draft: Draft) -> dict[str, list[Any]]:
    """Return what would change, as the writer foresees it: `[seen, proposed]` by path."""
    edited = {
        path: draft.typed[path].strip() or None
        for path in OFFERED
        if path in draft.typed and _differs(draft.typed[path], draft.seen.get(path))
    }
    if not edited:
        return {}
    change = CustomerChange.read(body_of(customer.external_id, edited))
    [foreseen] = foresee_customers(customer.organization_id, [change], SYSTEM)
    if isinstance(foreseen, Refusal):
        raise at_paths(foreseen)
    if foreseen.kind == "created":
        raise NotFound("customer")
    return {
        path: [draft.seen.get(path), foreseen.diff[path][1]]
        for path in edited
        if path in foreseen.diff
    }


def _differs(typed: str, seen: str | None) -> bool:
    """Return whether a field was edited; browsers take line breaks out."""
    return " ".join(typed.split()) != " ".join((seen or "").split())


def _proposals(customer: Customer) -> Any:
    return Proposal.objects.filter(organization_id=customer.organization_id, customer=customer)


def _waiting(customer: Customer) -> Any:
    return _proposals(customer).filter(state=Proposal.State.WAITING)
