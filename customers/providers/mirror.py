"""Keeps a customer's mirror at a connection up to date, whatever dies when.

What is to be done stands in the mirror's row before it is done; `customers.providers.turn` does it
step by step.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from customers.mirrors import Mirror, PaymentMethod
from customers.providers.adapter import adapter_of
from customers.providers.claims import claim, enqueue, locked
from customers.providers.sides import mirror_at, side_of
from customers.providers.steps import Change, steps_after
from customers.providers.turn import Turn

_Step = Mirror.Step
_State = Mirror.State


def reflect(
    organization_id: UUID,
    customer_id: UUID,
    connection_id: UUID,
    change: Change,
    timeout: float = 20.0,
    kind: str = "payment_provider",
) -> None:
    """Do at a connection what a change of a customer asks for.

    :param timeout: the seconds that one call may take.
    :param kind: of the connection: `payment_provider` or `integration`.
    """
    mirror = mirror_at(organization_id, customer_id, **{f"{kind}_id": connection_id})
    if ask(mirror, change):
        work(mirror.pk, timeout)


def ask(mirror: Mirror, change: Change) -> bool:
    """Note the steps that a change asks for; return whether there is anything to do."""
    with transaction.atomic():
        mirror = locked(mirror.pk)
        subject = side_of(mirror).subject(mirror)
        adapter = adapter_of(mirror.connection)
        if subject is None or adapter is None:
            return False
        steps = steps_after(
            change,
            adapter,
            subject,
            is_under_way=is_under_way(mirror),
            has_method=PaymentMethod.objects.filter(customer_id=mirror.customer_id).exists(),
        )
        if add(mirror, steps):
            mirror.save()
        return bool(mirror.todo)


def ask_for(mirror_id: UUID, steps: Iterable[Mirror.Step]) -> None:
    """Have these steps done in the background, now, with all attempts before them."""
    with transaction.atomic():
        mirror = locked(mirror_id)
        if add(mirror, steps):
            mirror.save()
        if mirror.claimed_until is None or mirror.claimed_until < timezone.now():
            mirror.attempts = mirror.throttled = 0
            mirror.next_try_at = timezone.now()
            mirror.save(update_fields=["attempts", "throttled", "next_try_at"])
            enqueue(mirror)


def is_under_way(mirror: Mirror) -> bool:
    """Return whether a creation is still going on, or waits for the customer."""
    if mirror.state == _State.AWAITING:
        return mirror.awaiting_until is not None and mirror.awaiting_until > timezone.now()
    return _Step.CREATE in mirror.todo


def work(mirror_id: UUID, timeout: float = 20.0) -> None:
    """Do the steps a mirror has to do, unless another process is at it."""
    if not claim(mirror_id):
        return
    while Turn(mirror_id, timeout).take():
        pass


def add(mirror: Mirror, steps: Iterable[Mirror.Step]) -> bool:
    """Add steps to those that are to be done; return whether any of them is new."""
    new = [step for step in steps if step not in mirror.todo]
    if not new:
        return False
    if not mirror.todo:
        mirror.attempts = mirror.throttled = 0
        mirror.state = _State.QUEUED
        mirror.next_try_at = timezone.now()
    mirror.todo = [*mirror.todo, *(step.value for step in new)]
    return True
