"""The body of a delivery, from the snapshot that was taken when it happened.

The same event gives the same bytes at every attempt (contract: webhooks-and-providers.md 1.1, 1.6).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

# What the form of a customer has beside the base of 1.6, and the events that show it.
_BESIDE_BASE = (
    "metadata",
    "taxes",
    "integration_customers",
    "applicable_invoice_custom_sections",
    "error_details",
)
_SHOWN: Mapping[str, tuple[str, ...]] = {
    "customer.created": ("metadata", "integration_customers"),
    "customer.updated": ("metadata", "integration_customers"),
    "customer.deleted": ("metadata", "integration_customers"),
    "customer.accounting_provider_created": ("integration_customers",),
}


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as it is told.

    :param changes: wire paths with `[old, new]`, for endpoints that want to know what changed.
    """

    event_type: str
    object_type: str
    organization_id: UUID
    snapshot: str
    changes: Mapping[str, tuple[Any, Any]] | None = None
    actor: Mapping[str, Any] | None = None

    def body(self, *, with_changes: bool = False) -> bytes:
        """Return the body; what changed stands before the object, which stays the last key."""
        envelope: dict[str, Any] = {
            "webhook_type": self.event_type,
            "object_type": self.object_type,
            "organization_id": str(self.organization_id),
        }
        if with_changes and self.changes is not None:
            envelope["changed_fields"] = sorted(self.changes)
            envelope["previous_attributes"] = {
                path: old for path, (old, _) in sorted(self.changes.items())
            }
            envelope["actor"] = self.actor
        envelope[self.object_type] = self._payload()
        return orjson.dumps(envelope)

    def _payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = orjson.loads(self.snapshot)
        if self.object_type == "customer":
            shown = _SHOWN.get(self.event_type, ())
            for key in _BESIDE_BASE:
                if key not in shown:
                    payload.pop(key, None)
        return payload
