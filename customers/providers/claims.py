"""Who is at a mirror, and when its next turn is.

A process holds a mirror by a claim that ends by itself; whoever finds it ended goes on where the
row says.
"""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from billing.waking import wake
from customers.mirrors import Mirror

# Longer than all calls of a step can take.
CLAIM = timedelta(seconds=90)
# The clock of the database, which starts jobs, and ours may differ by so much.
_EARLY = timedelta(seconds=2)


def claim(mirror_id: UUID) -> bool:
    """Take a mirror for a while; return whether it was free and there is something to do."""
    now = timezone.now()
    with transaction.atomic():
        mirror = Mirror.objects.select_for_update().filter(pk=mirror_id).first()
        if mirror is None or not mirror.todo:
            return False
        # Claimed by another process, or waiting for its next try.
        if mirror.next_try_at is not None and mirror.next_try_at > now + _EARLY:
            return False
        mirror.claimed_until = mirror.next_try_at = now + CLAIM
        mirror.save(update_fields=["claimed_until", "next_try_at"])
    return True


def locked(mirror_id: UUID) -> Mirror:
    """Return a mirror, held until the end of the transaction."""
    return Mirror.objects.select_for_update().get(pk=mirror_id)


def enqueue(mirror: Mirror) -> None:
    """Have a worker go on with a mirror when its next try is due; call it in a transaction."""
    app.configure_task(
        "customers.continue_mirror", queue="providers", schedule_at=mirror.next_try_at
    ).defer(mirror_id=str(mirror.pk))


def wake_mirrors() -> None:
    """Have a worker see to the changes that wait, once this transaction is committed."""
    wake("providers", "customers.mirror_changes")
