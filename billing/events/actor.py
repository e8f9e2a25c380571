"""Who is behind a change, and through which door it came."""

from dataclasses import dataclass, replace
from uuid import UUID

from billing.events.models import ChangeRecord


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a program; `reason` is what it gave for this change, if anything.

    `batch_id` is the piece of bulk work that the change belongs to.
    """

    door: ChangeRecord.Door
    name: str
    id: str | None = None
    reason: str | None = None
    batch_id: UUID | None = None

    def because(self, reason: str | None) -> "Actor":
        """Return the same actor with a reason."""
        return replace(self, reason=reason)

    def within(self, batch_id: UUID) -> "Actor":
        """Return the same actor at work on a batch."""
        return replace(self, batch_id=batch_id)

    def values(self) -> dict[str, str | UUID | None]:
        """Return what a statement that writes change records asks of the actor."""
        return {
            "door": self.door.value,
            "actor_id": self.id,
            "actor_name": self.name,
            "reason": self.reason,
            "batch": self.batch_id,
        }


SYSTEM = Actor(ChangeRecord.Door.SYSTEM, "Tarn")
SETUP = Actor(ChangeRecord.Door.SETUP, "manage.py apply")
