"""Change records of the ground floor's objects; customers write theirs in `put.sql`."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.db.models.functions import Now

from billing.events.actor import Actor
from billing.events.models import ChangeRecord

Changes = Mapping[str, list[Any]]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return `{path: [old, new]}` for every key whose value differs; a missing key is None."""
    return {
        key: [_plain(old.get(key)), _plain(new.get(key))]
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
        batch_id=actor.batch_id,
        changes=changes,
    )


def create_row(row: Model, resource: str, values: Mapping[str, Any], actor: Actor) -> None:
    """Save a new row with these values, and record it."""
    for name, value in values.items():
        setattr(row, name, value)
    row.save(force_insert=True)
    record_change(
        _tenant(row), resource, row.pk, ChangeRecord.Action.CREATED, differences({}, values), actor
    )


def change_row(
    row: Model,
    resource: str,
    values: Mapping[str, Any],
    actor: Actor,
    links: Changes = MappingProxyType({}),
) -> bool:
    """Save the values that differ, and record them together with the links that changed.

    Return whether there was anything to record. `updated_at` moves only then.
    """
    changes = differences({name: getattr(row, name) for name in values}, values)
    if not changes and not links:
        return False
    for name in changes:
        setattr(row, name, values[name])
    _touch(row, *changes)
    record_change(
        _tenant(row), resource, row.pk, ChangeRecord.Action.UPDATED, {**changes, **links}, actor
    )
    return True


def delete_softly(row: Model, resource: str, actor: Actor) -> None:
    """Mark the row as deleted, and record that."""
    row.deleted_at = Now()  # type: ignore[attr-defined]  # such rows have it
    _touch(row, "deleted_at")
    record_change(_tenant(row), resource, row.pk, ChangeRecord.Action.DELETED, {}, actor)


def _touch(row: Model, *fields: str) -> None:
    row.updated_at = Now()  # type: ignore[attr-defined]  # every row that changes has it
    row.save(update_fields=[*fields, "updated_at"])


def _tenant(row: Model) -> UUID:
    """Return the organization of a row; an organization is its own."""
    found: UUID = getattr(row, "organization_id", row.pk)
    return found


def _plain(value: Any) -> Any:
    """Return the value as a change record shows it: decimals and times as text, images by hash."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, bytes | memoryview):
        return f"sha256:{sha256(value).hexdigest()}"
    return value
