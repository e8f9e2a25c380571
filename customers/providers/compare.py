"""A customer on both sides: what we have, what the other side has, and how to make them one."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing.errors import NotAllowed
from billing.events.actor import Actor
from customers.change import CustomerChange
from customers.mirrors import CODE_LENGTH, WORDS_LENGTH, Comparison, Mirror
from customers.models import Customer, IntegrationLink, ProviderLink
from customers.providers.adapter import Adapter, Body, Link, Subject, adapter_of
from customers.providers.claims import locked
from customers.providers.failures import Failure
from customers.providers.mirror import ask_for
from customers.providers.sides import mirror_at, side_of
from customers.providers.steps import Change, steps_after
from customers.providers.turn import asked, digests
from customers.write import Outcome, write_customer

# Somebody waits for the answer.
TIMEOUT = 8.0


class Row(NamedTuple):
    """One field on both sides; `wish` takes theirs over, None where nothing of ours stands for it.

    :param path: the field of the customer, as the API calls it.
    """

    name: str
    path: str
    ours: str
    theirs: str
    wish: Body | None

    @property
    def differs(self) -> bool:
        """Return whether the two are not the same."""
        return self.ours != self.theirs


class Sides(NamedTuple):
    """A customer and its mirror, with the adapter that speaks with the other side."""

    mirror: Mirror
    subject: Subject
    adapter: Adapter

    @property
    def can_compare(self) -> bool:
        """Return whether there is somebody to ask about."""
        return self.adapter.reads and self.subject.remote_id is not None


def sides_at(link: Link, timeout: float = TIMEOUT) -> Sides | None:
    """Return both sides of a link; None where links are stored and nothing else."""
    adapter = adapter_of(link.connection, timeout)
    if adapter is None:
        return None
    kind = "payment_provider_id" if isinstance(link, ProviderLink) else "integration_id"
    mirror = mirror_at(link.organization_id, link.customer_id, **{kind: link.connection_id})
    subject = side_of(mirror).subject(mirror)
    return Sides(mirror, subject, adapter) if subject else None


def compare(sides: Sides) -> Comparison:
    """Ask the other side what it has, and keep the answer; call it outside of transactions."""
    found: dict[str, Any] = {"asked_at": timezone.now(), "remote_id": sides.subject.remote_id}
    try:
        with sides.adapter.discreet():
            theirs = asked(sides.adapter, lambda: sides.adapter.read(str(sides.subject.remote_id)))
        found |= {"theirs": theirs, "differing": _differing(sides, theirs)}
        return _keep(sides.mirror, found)
    except Failure as failure:
        _keep(sides.mirror, found | _told(failure))
        raise


def known(sides: Sides) -> Comparison | None:
    """Return what the other side said when it was asked last, if it was about the same id."""
    found = Comparison.objects.filter(mirror=sides.mirror, remote_id=sides.subject.remote_id)
    return found.first()


def rows(sides: Sides, theirs: Body) -> list[Row]:
    """Return every field that one of the sides has, as we have it now."""
    ours = sides.adapter.body(sides.subject)
    return [
        Row(
            name,
            sides.adapter.paths.get(name, name),
            _text(ours.get(name)),
            _text(theirs.get(name)),
            sides.adapter.wish(sides.subject, name, _text(theirs.get(name)) or None),
        )
        for name in dict.fromkeys([*ours, *theirs])
    ]


def take_over(sides: Sides, names: Collection[str], actor: Actor) -> Outcome:
    """Write these fields as the other side has them, as every change of a customer is written.

    :raises NotAllowed: if it was never asked, or a field can't be taken over.
    :raises Refusal: as the writer does.
    """
    found = known(sides)
    theirs = found.theirs if found else None
    if theirs is None:
        raise NotAllowed("not_compared")
    wishes = [row.wish for row in rows(sides, theirs) if row.name in names and row.wish]
    if len(wishes) != len(names):
        raise NotAllowed("not_compared")
    customer = sides.subject.customer
    with transaction.atomic():
        change = CustomerChange.read({"external_id": customer.external_id, **_merged(wishes)})
        outcome = write_customer(customer.organization_id, change, actor)
        _judge_anew(sides, theirs)
    return outcome


def push(sides: Sides) -> None:
    """Have the other side get all that we have, even what we believe it has.

    :raises NotAllowed: if changes are not sent there, or somebody is at it right now.
    """
    found = known(sides)
    if not sides.adapter.updates or found is None or found.theirs is None:
        raise NotAllowed("not_compared")
    with transaction.atomic():
        mirror = locked(sides.mirror.pk)
        if mirror.claimed_until and mirror.claimed_until > timezone.now():
            raise NotAllowed("mirror_is_busy")
        # No digest is empty: nothing counts as sent, and what only they have is emptied.
        fields = dict.fromkeys(found.theirs, "")
        mirror.pushed = {"to": sides.subject.remote_id, "fields": fields}
        mirror.save(update_fields=["pushed"])
        ask_for(mirror.pk, [Mirror.Step.UPDATE])


def try_again(sides: Sides) -> None:
    """Have what waits or failed done now.

    :raises NotAllowed: if there is nothing to do.
    """
    mirror = sides.mirror
    steps = [Mirror.Step(step) for step in mirror.todo]
    if not steps and mirror.failed_step:
        steps = [Mirror.Step(mirror.failed_step)]
    if not steps:
        steps = steps_after(
            Change(), sides.adapter, sides.subject, is_under_way=False, has_method=True
        )
    if not steps:
        raise NotAllowed("nothing_to_do")
    ask_for(mirror.pk, steps)


def detach(link: Link, actor: Actor) -> Outcome:
    """Take a link off its customer; the other side keeps what it has.

    :raises Refusal: as the writer does.
    """
    wish: Body = {"external_id": link.customer.external_id}
    if isinstance(link, ProviderLink):
        wish["billing_configuration"] = {"payment_provider": None}
    else:
        wish["integration_customers"] = _other_links(link)
    return write_customer(link.organization_id, CustomerChange.read(wish), actor)


def link_at(customer: Customer, connection_id: UUID) -> Link | None:
    """Return the customer's link to a connection of either kind."""
    mine: dict[str, Any] = {
        "organization": customer.organization_id,
        "customer": customer,
        "connection": connection_id,
    }
    provider = ProviderLink.objects.select_related("connection", "customer").filter(**mine).first()
    if provider is not None:
        return provider
    return IntegrationLink.objects.select_related("connection", "customer").filter(**mine).first()


def _other_links(link: IntegrationLink) -> list[Body]:
    others = IntegrationLink.objects.select_related("connection").filter(
        organization=link.organization_id, customer=link.customer_id
    )
    return [
        {
            "id": str(other.pk),
            "integration_type": other.type,
            "integration_code": other.connection.code,
            "sync_with_provider": other.sync_with_provider,
            "subsidiary_id": other.subsidiary_id,
            "targeted_object": other.targeted_object,
        }
        for other in others.exclude(pk=link.pk)
    ]


def _judge_anew(sides: Sides, theirs: Body) -> None:
    """Note which fields still differ after a write."""
    subject = side_of(sides.mirror).subject(sides.mirror)
    if subject is not None:
        differing = _differing(sides._replace(subject=subject), theirs)
        Comparison.objects.filter(mirror=sides.mirror).update(differing=differing)


def _differing(sides: Sides, theirs: Body) -> list[str]:
    """Return the fields that somebody should look at.

    Where changes are not sent on, those are not: what is left is what was changed there since.
    """
    found = [row.name for row in rows(sides, theirs) if row.differs]
    if sides.adapter.updates:
        return found
    pushed = sides.mirror.pushed
    sent = pushed.get("fields", {}) if pushed.get("to") == sides.subject.remote_id else {}
    have = digests(theirs)
    return [name for name in found if name in sent and have.get(name) != sent[name]]


def _keep(mirror: Mirror, values: dict[str, Any]) -> Comparison:
    empty = dict.fromkeys(("theirs", "error_message", "error_code", "error_request_id"))
    kept, _ = Comparison.objects.update_or_create(
        mirror=mirror,
        defaults={
            "organization_id": mirror.organization_id,
            "differing": [],
            **empty,
            **values,
        },
    )
    return kept


def _told(failure: Failure) -> dict[str, str | None]:
    return {
        "error_message": failure.message[:WORDS_LENGTH],
        "error_code": failure.code and failure.code[:CODE_LENGTH],
        "error_request_id": failure.request_id and failure.request_id[:CODE_LENGTH],
    }


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _merged(wishes: Iterable[Body]) -> Body:
    """Return wishes as one; those for parts of the same structure stand in it together."""
    found: Body = {}
    for wish in wishes:
        for key, value in wish.items():
            found[key] = {**found.get(key, {}), **value} if isinstance(value, dict) else value
    return found
