"""What a copied customer keeps of the system it comes from."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID


class Identity(NamedTuple):
    """What a customer from another system keeps, so that programs and documents still know it.

    Only newcomers take it over. `parts` are the ids of metadata and integration links, with the
    times the entries were made at, as texts of the wire.
    """

    id: UUID
    sequential_id: int
    slug: str
    created_at: datetime
    parts: Mapping[str, str | None]

    @classmethod
    def load(cls, row: Mapping[str, Any]) -> "Identity":
        """Return what `row` gave."""
        made_at = datetime.fromisoformat(row["created_at"])
        return cls(UUID(row["id"]), row["sequential_id"], row["slug"], made_at, row["parts"])

    def row(self) -> dict[str, Any]:
        """Return it as the writer takes it."""
        return {
            "id": str(self.id),
            "sequential_id": self.sequential_id,
            "slug": self.slug,
            "created_at": self.created_at.isoformat(),
            "parts": dict(self.parts),
        }
