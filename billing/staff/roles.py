"""What people of the back office may do, by their role in an organization."""

from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.organizations.models import Membership, Organization

Role = Membership.Role
Person = AbstractBaseUser | AnonymousUser

EVERY_ROLE = frozenset(Role)
EDITS_CUSTOMERS = frozenset({Role.FINANCE, Role.FINANCE_LEAD})
SETS_TAXES = frozenset({Role.FINANCE_LEAD, Role.OPERATOR})
OPERATES = frozenset({Role.OPERATOR})


def is_superuser(person: Person) -> bool:
    """Return whether the person may do everything in every organization."""
    return bool(getattr(person, "is_superuser", False))


def organizations_of(
    person: Person, roles: frozenset[Membership.Role] = EVERY_ROLE
) -> QuerySet[Organization]:
    """Return the organizations in which the person has one of the roles."""
    if is_superuser(person):
        return Organization.objects.all()
    having = [tenant for tenant, role in _memberships(person).items() if role in roles]
    return Organization.objects.filter(pk__in=having)


def has_role(
    person: Person,
    roles: frozenset[Membership.Role] = EVERY_ROLE,
    organization_id: UUID | None = None,
) -> bool:
    """Return whether the person has one of the roles there; in any organization if None."""
    if is_superuser(person):
        return True
    found = _memberships(person)
    if organization_id is None:
        return any(role in roles for role in found.values())
    return found.get(organization_id) in roles


def staff_actor(person: Person, reason: str | None = None) -> Actor:
    """Return the person as the one behind a change."""
    name = str(getattr(person, "get_full_name", str)() or person.get_username())
    return Actor(ChangeRecord.Door.STAFF, name, str(person.pk), reason or None)


def _memberships(person: Person) -> dict[UUID, str]:
    """Return role by organization, read once for the person of a request."""
    found: dict[UUID, str] | None = getattr(person, "_tarn_memberships", None)
    if found is None:
        rows = Membership.objects.filter(user__pk=person.pk or 0)
        found = dict(rows.values_list("organization_id", "role"))
        person._tarn_memberships = found  # type: ignore[union-attr]  # lives as long as a request
    return found
