"""Who may come in: API keys and the people of the back office."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic_core import PydanticCustomError

from billing.api.keys import change_api_key, create_api_key, hash_key
from billing.api.models import ApiKey
from billing.errors import Invalid, Problems
from billing.events.actor import SETUP
from billing.models import Organization
from billing.organizations.models import Membership
from billing.people.members import set_member
from billing.setup.document import Node
from billing.values import email, fail, one_of, required_text, text


def apply_api_key(organization: Organization, node: Node) -> bool | None:
    """Make or change the key in the file; return None for a new one, else whether it changed.

    :raises Invalid: if a value can't be used, or the key is taken on this server.
    """
    values = _read(node, {"name": _name, "expires_at": point_in_time, "permissions": lambda v: v})
    key = str(node.get("key"))
    present = ApiKey.objects.filter(organization=organization, key_hash=hash_key(key)).first()
    if present is not None:
        return change_api_key(present, SETUP, **values)
    create_api_key(organization, key=key, actor=SETUP, **values)
    return None


def apply_member(organization_id: UUID, node: Node) -> bool | None:
    """Give a person a role; return None for somebody new, else whether anything changed.

    :raises Invalid: if a value can't be used.
    """
    readers = {
        "email": lambda value: email(required_text()(value)),
        "role": one_of(tuple(Membership.Role.values)),
        "password": text(),
    }
    values = _read(node, readers)
    if values.get("role") is None:
        raise Invalid({"role": ["value_is_mandatory"]})
    return set_member(
        organization_id,
        values["email"],
        Membership.Role(values["role"]),
        values.get("password") or None,
        SETUP,
    )


def point_in_time(value: Any) -> datetime | None:
    """Return the time that an ISO 8601 text means, in UTC if it names no offset."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise fail("value_is_invalid") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _name(value: Any) -> str:
    return text()(value) or ""


def _read(node: Node, readers: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """Return the values that are there.

    :raises Invalid: with every value that can't be used.
    """
    values: dict[str, Any] = {}
    problems = Problems()
    for name, read in readers.items():
        if name not in node.value:
            continue
        try:
            values[name] = read(node.get(name))
        except PydanticCustomError as error:
            problems.add(name, error.type)
    problems.raise_if_any()
    return values
