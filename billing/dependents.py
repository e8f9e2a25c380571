"""Who must follow when something of the ground floor goes: the floors above register here.

`billing` knows nothing of what stands on it, so its rules call these in their own transaction.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from enum import Enum
from typing import Protocol
from uuid import UUID

from billing.events.actor import Actor


class Column(Enum):
    """What a customer can point to."""

    TAX = "tax"
    SECTION = "section"
    BILLING_ENTITY = "billing_entity"
    PAYMENT_PROVIDER = "payment_provider"
    INTEGRATION = "integration"


class Dependents(Protocol):
    """What a floor above does when the ground under it changes."""

    def organization_created(self, organization_id: UUID) -> None:
        """Make what every organization needs from its first moment."""

    def unlink_tax(self, organization_id: UUID, tax_id: UUID, actor: Actor) -> None:
        """Take the tax off everything that carries it; the tax is deleted next."""

    def unlink_section(self, organization_id: UUID, section_id: UUID, actor: Actor) -> None:
        """Take the section out of every selection; the section is deleted next."""

    def count_customers(
        self, column: Column, ids: Collection[UUID], *, deleted_too: bool
    ) -> Mapping[UUID, int]:
        """Return how many customers point to each of these rows."""

    def count_waiting(self, column: Column, connection_id: UUID) -> int:
        """Return how many customers wait to be sent through a connection."""

    def credentials_replaced(self, column: Column, connection_id: UUID) -> None:
        """Try again what was refused for the credentials that the connection had."""


_registered: list[Dependents] = []


def register(dependents: Dependents) -> None:
    """Add a floor; call it once, from the `ready` of its app."""
    _registered.append(dependents)


def dependents() -> tuple[Dependents, ...]:
    """Return the registered floors, in the order they came."""
    return tuple(_registered)


def count_customers(
    column: Column, ids: Collection[UUID], *, deleted_too: bool = False
) -> Mapping[UUID, int]:
    """Return how many customers point to each of these rows; a row without any has no key."""
    found: Counter[UUID] = Counter()
    for dependent in _registered:
        found.update(dependent.count_customers(column, ids, deleted_too=deleted_too))
    return found
