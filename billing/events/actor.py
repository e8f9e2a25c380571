"""Who is behind a change, and through which door it came."""

from dataclasses import dataclass, replace

from billing.events.models import ChangeRecord


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a program; `reason` is what it gave for this change, if anything."""

    door: ChangeRecord.Door
    name: str
    id: str | None = None
    reason: str | None = None

    def because(self, reason: str | None) -> "Actor":
        """Return the same actor with a reason."""
        return replace(self, reason=reason)

    def values(self) -> dict[str, str | None]:
        """Return what a statement that writes change records asks of the actor."""
        return {
            "door": self.door.value,
            "actor_id": self.id,
            "actor_name": self.name,
            "reason": self.reason,
        }


SYSTEM = Actor(ChangeRecord.Door.SYSTEM, "Tarn")
SETUP = Actor(ChangeRecord.Door.SETUP, "manage.py apply")
