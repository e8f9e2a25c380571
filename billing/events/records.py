"""Change records of the ground floor's objects; customers write theirs in `write.sql`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from billing.events.actor import Actor
from billing.events.models import ChangeRecord

Changes = Mapping[str, list[Any]]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return `{path: [old, new]}` for every key whose value differs; a missing key is None."""
    return {
        key: [old.get(key), new.get(key)]
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    }


def record_change(
    organization_id: UUID,
    resource: str,
    object_id: UUID,
    action: ChangeRecord.Action,
    changes: Changes,
    actor: Actor,
) -> None:
    """Append one change record; call it inside the transaction of the change."""
    ChangeRecord.objects.create(
        organization_id=organization_id,
        resource=resource,
        object_id=object_id,
        action=action,
        door=actor.door,
        actor_id=actor.id,
        actor_name=actor.name,
        reason=actor.reason,
        changes=changes,
    )
