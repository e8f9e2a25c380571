"""The only writer of connections to payment providers and integrations."""

from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from billing.connections.change import ConnectionChange
from billing.connections.models import Integration, PaymentProvider
from billing.connections.refusal import ACCEPTED
from billing.dependents import Column, count_customers, dependents
from billing.errors import NotAllowed, NotFound
from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.events.records import change_row, differences, record_change
from billing.organizations.locks import freeze_configuration, lock_organization

# What a change record shows of a secret.
HIDDEN = "(secret)"

Connection = PaymentProvider | Integration


@transaction.atomic
def create_connection(
    kind: type[Connection],
    organization_id: UUID,
    type_name: str,
    wish: ConnectionChange,
    actor: Actor,
) -> Connection:
    """Make a connection of this type. What it needs to be used may still be missing.

    :raises Invalid: with every problem of the wish.
    """
    lock_organization(organization_id)
    problems = wish.problems("code", "name")
    if wish.code is not None and _find(kind, organization_id, wish.code):
        problems.add("code", "value_already_exist")
    problems.raise_if_any()
    connection = kind(organization_id=organization_id, type=type_name)
    sent = _sorted(wish)
    settings, secrets = _merged({}, sent.settings), _merged({}, sent.secrets)
    for name, value in (sent.values | {"settings": settings, "secrets": secrets}).items():
        setattr(connection, name, value)
    connection.save(force_insert=True)
    changes = differences({}, {"type": type_name} | sent.values | settings)
    changes |= _hidden_differences({}, secrets)
    created = ChangeRecord.Action.CREATED
    record_change(organization_id, _resource(kind), connection.id, created, changes, actor)
    return connection


@transaction.atomic
def change_connection(
    kind: type[Connection], organization_id: UUID, code: str, wish: ConnectionChange, actor: Actor
) -> bool:
    """Change the connection with this code; return whether that changed anything.

    Settings and secrets that are not sent stay. The code and the type are fixed.

    :raises Invalid: with every problem of the wish.
    :raises NotFound: if there is no such connection.
    """
    lock_organization(organization_id)
    wish.problems().raise_if_any()
    connection = _find(kind, organization_id, code)
    if connection is None:
        raise NotFound(_resource(kind))
    sent, present = _sorted(wish), _reveal(connection)
    settings, secrets = _merged(connection.settings, sent.settings), _merged(present, sent.secrets)
    changes = differences(connection.settings, settings) | _hidden_differences(present, secrets)
    if changes:
        connection.settings = settings
        connection.secrets = secrets
        _begin_anew(connection)
    values = {name: value for name, value in sent.values.items() if name != "code"}
    return change_row(connection, _resource(kind), values, actor, changes)


@transaction.atomic
def delete_connection(
    kind: type[Connection], organization_id: UUID, code: str, actor: Actor
) -> None:
    """Delete a connection that no customer is linked to.

    Customers are never detached on the way: what a provider calls them by would be lost for good.
    Deleted customers count, because restoring one brings its link back.

    :raises NotFound: if there is no such connection.
    :raises NotAllowed: if a customer is linked to it.
    """
    freeze_configuration(organization_id)
    lock_organization(organization_id)
    connection = _find(kind, organization_id, code)
    if connection is None:
        raise NotFound(_resource(kind))
    if linked_customers(connection):
        raise NotAllowed("connection_has_customers")
    changes = {"code": [code, None]}
    record_change(
        organization_id,
        _resource(kind),
        connection.id,
        ChangeRecord.Action.DELETED,
        changes,
        actor,
    )
    connection.delete()


def linked_customers(connection: Connection) -> int:
    """Return how many customers are linked to a connection, deleted ones included."""
    column = _column(type(connection))
    return count_customers(column, [connection.id], deleted_too=True).get(connection.id, 0)


def waiting_customers(connection: Connection) -> int:
    """Return how many customers wait to be sent through a connection."""
    found = (one.count_waiting(_column(type(connection)), connection.pk) for one in dependents())
    return sum(found)


class _Sorted(NamedTuple):
    """What a wish says, by where it is stored."""

    values: dict[str, Any]
    settings: dict[str, Any]
    secrets: dict[str, Any]


def _sorted(wish: ConnectionChange) -> _Sorted:
    found = _Sorted({}, {}, {})
    for name, value in wish.values().items():
        if name in ConnectionChange.model_fields:
            found.values[name] = value
        else:
            (found.secrets if name in wish.secrets else found.settings)[name] = value
    return found


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the old values with the new ones in their place; None takes a value away."""
    return {name: value for name, value in (old | new).items() if value is not None}


def _hidden_differences(old: dict[str, Any], new: dict[str, Any]) -> dict[str, list[Any]]:
    """Return which secrets differ, without a letter of them."""
    return {
        name: [HIDDEN if name in old else None, HIDDEN if name in new else None]
        for name in differences(old, new)
    }


def _begin_anew(connection: Connection) -> None:
    """Store new settings and secrets; what the old ones were refused for is tried with them."""
    was_refused = connection.refused_since is not None
    for name, value in ACCEPTED.items():
        setattr(connection, name, value)
    connection.save(update_fields=["settings", "secrets", *ACCEPTED])
    if was_refused:
        for one in dependents():
            one.credentials_replaced(_column(type(connection)), connection.pk)


def _reveal(connection: Connection) -> dict[str, str]:
    """Return the stored secrets; none if their key was lost, so that new ones can replace them."""
    try:
        found: dict[str, str] = connection.secrets.reveal()
    except ValueError:
        return {}
    return found


def _find(kind: type[Connection], organization_id: UUID, code: str) -> Connection | None:
    return kind._default_manager.filter(organization_id=organization_id, code=code).first()


def _column(kind: type[Connection]) -> Column:
    return Column(_resource(kind))


def _resource(kind: type[Connection]) -> str:
    return "payment_provider" if kind is PaymentProvider else "integration"
