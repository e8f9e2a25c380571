"""Where a signed-in person works now: one organization at a time, in one role."""

from dataclasses import dataclass
from functools import cached_property

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest

from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.organizations.models import Membership, Organization
from billing.staff.roles import ABILITIES, Ability, Role, may_give

Person = AbstractBaseUser | AnonymousUser

_CHOSEN = "organization"


class NoWorkplace(PermissionDenied):
    """The person works for no organization."""


@dataclass(frozen=True)
class Workplace:
    """A person in an organization; `role` is None for a superuser, who may everything.

    :param mine: all organizations of the person by name, where they were read already.
    """

    person: Person
    organization: Organization
    role: Membership.Role | None
    mine: tuple[Organization, ...] = ()

    def may(self, ability: Ability) -> bool:
        """Return whether the person may do this here."""
        return self.role is None or ability in ABILITIES[self.role]

    def require(self, ability: Ability) -> None:
        """Go on only if the person may do this here.

        :raises PermissionDenied: if not.
        """
        if not self.may(ability):
            raise PermissionDenied

    def may_set(self, member: Membership) -> bool:
        """Return whether the person may change or remove this person of the staff."""
        if not self.may(Ability.SET_STAFF) or member.user_id == self.person.pk:
            return False
        return may_give(self.role, Role(member.role))

    def actor(self, reason: str | None = None) -> Actor:
        """Return the person as the one behind a change."""
        return staff_actor(self.person, reason)

    @cached_property
    def others(self) -> list[Organization]:
        """The person's other organizations, by name."""
        mine = self.mine or organizations_of(self.person).order_by("name", "pk")
        return [one for one in mine if one.pk != self.organization.pk]


def workplace(request: HttpRequest) -> Workplace:
    """Return where the person works now: the organization chosen last, else the first by name.

    :raises NoWorkplace: if the person has no organization.
    """
    found: Workplace | None = getattr(request, "_tarn_workplace", None)
    if found is None:
        found = _workplace_in(request, *_chosen(request))
        request._tarn_workplace = found  # type: ignore[attr-defined]  # lives as long as a request
    return found


def has_workplace(request: HttpRequest) -> bool:
    """Return whether the person has an organization to work in."""
    try:
        workplace(request)
    except PermissionDenied:
        return False
    return True


def switch(request: HttpRequest, organization: Organization) -> Workplace:
    """Have the person work in this organization from now on.

    :raises PermissionDenied: if it is not one of theirs.
    """
    if not organizations_of(request.user).filter(pk=organization.pk).exists():
        raise PermissionDenied
    request.session[_CHOSEN] = str(organization.pk)
    found = _workplace_in(request, organization)
    request._tarn_workplace = found  # type: ignore[attr-defined]  # see workplace()
    return found


def is_superuser(person: Person) -> bool:
    """Return whether the person may do everything in every organization."""
    return bool(getattr(person, "is_superuser", False))


def organizations_of(person: Person) -> QuerySet[Organization]:
    """Return the organizations the person works for."""
    if is_superuser(person):
        return Organization.objects.all()
    return Organization.objects.filter(memberships__user=person.pk or 0)


def staff_actor(person: Person, reason: str | None = None) -> Actor:
    """Return the person as the one behind a change."""
    name = str(getattr(person, "get_full_name", str)() or person.get_username())
    return Actor(ChangeRecord.Door.STAFF, name, str(person.pk), reason or None)


def _chosen(request: HttpRequest) -> tuple[Organization | None, tuple[Organization, ...]]:
    """Return the organization chosen last, else the first, and all of them by name."""
    mine = organizations_of(request.user)
    if not is_superuser(request.user):
        mine = mine.annotate(role=F("memberships__role"))  # saves `_workplace_in` a question
    yours = tuple(mine.order_by("name", "pk"))
    chosen = str(request.session.get(_CHOSEN))
    first = yours[0] if yours else None
    organization = next((one for one in yours if str(one.pk) == chosen), first)
    return organization, yours


def _workplace_in(
    request: HttpRequest, organization: Organization | None, mine: tuple[Organization, ...] = ()
) -> Workplace:
    if organization is None:
        raise NoWorkplace
    if is_superuser(request.user):
        return Workplace(request.user, organization, None, mine)
    role = getattr(organization, "role", None) or Membership.objects.values_list(
        "role", flat=True
    ).get(organization=organization, user=request.user.pk or 0)
    return Workplace(request.user, organization, Role(role), mine)
