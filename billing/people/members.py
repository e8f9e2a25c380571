"""The people of the back office: who they are, and their role in an organization."""

from uuid import UUID, uuid5

from django.contrib.auth.models import User
from django.db import transaction

from billing.errors import Invalid, NotAllowed, NotFound
from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.events.records import Changes, record_change
from billing.organizations.locks import lock_organization
from billing.organizations.models import Membership
from billing.staff.roles import ABILITIES, Ability, may_give

# Who may set up staff; an organization is never left without one of them.
KEEPERS = tuple(role for role, abilities in ABILITIES.items() if Ability.SET_STAFF in abilities)


def member_id(organization_id: UUID, user_id: int) -> UUID:
    """Return what change records call a person in an organization."""
    return uuid5(organization_id, f"person {user_id}")


@transaction.atomic
def set_member(
    organization_id: UUID, email: str, role: Membership.Role, password: str | None, actor: Actor
) -> bool | None:
    """Give a person this role, and this password unless it is None.

    Return None if the person is new here, else whether anything changed. A person who is new on
    the server can't sign in with a password before one is set.
    """
    lock_organization(organization_id)
    user, changed = _person(email)
    if password is not None and not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
        changed = True
    membership = Membership.objects.filter(organization_id=organization_id, user=user).first()
    if membership is None:
        _add(organization_id, user, role, actor)
        return None
    return _change_role(membership, role, actor) or changed


@transaction.atomic
def add_member(organization_id: UUID, email: str, role: Membership.Role, actor: Actor) -> User:
    """Add a person by e-mail address, who may be new on the server.

    :raises Invalid: if the person works here already.
    :raises NotAllowed: if it is more than who adds them may give.
    """
    lock_organization(organization_id)
    _check_giver(organization_id, actor, role)
    user, _new = _person(email)
    if Membership.objects.filter(organization_id=organization_id, user=user).exists():
        raise Invalid({"email": ["value_already_exist"]})
    _add(organization_id, user, role, actor)
    return user


@transaction.atomic
def change_member_role(
    organization_id: UUID, user_id: int, role: Membership.Role, actor: Actor
) -> bool:
    """Give a person another role; return whether it was another.

    :raises NotFound: if the person does not work here.
    :raises NotAllowed: if nobody would be left who may set up staff, or it is more than who
        changes it may give.
    """
    lock_organization(organization_id)
    membership = _get(organization_id, user_id)
    _check_giver(organization_id, actor, role, membership)
    if role not in KEEPERS:
        _check_a_keeper_stays(membership)
    return _change_role(membership, role, actor)


@transaction.atomic
def remove_member(organization_id: UUID, user_id: int, actor: Actor) -> None:
    """Take a person out of the organization; others they work for are not touched.

    :raises NotFound: if the person does not work here.
    :raises NotAllowed: if nobody would be left who may set up staff, or the person has a role
        that who removes them may not give.
    """
    lock_organization(organization_id)
    membership = _get(organization_id, user_id)
    _check_giver(organization_id, actor, Membership.Role(membership.role), membership)
    _check_a_keeper_stays(membership)
    _record(membership, ChangeRecord.Action.DELETED, {"role": [membership.role, None]}, actor)
    membership.delete()


def _person(email: str) -> tuple[User, bool]:
    """Return the person with this address, and whether they had to be made or let in."""
    user = User.objects.filter(username__iexact=email).first()
    if user is None:
        user = User(username=email, email=email, is_staff=True)
        user.set_unusable_password()
        user.save()
        return user, True
    if user.is_staff:
        return user, False
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    return user, True


def _add(organization_id: UUID, user: User, role: Membership.Role, actor: Actor) -> None:
    membership = Membership(organization_id=organization_id, user=user, role=role)
    membership.save(force_insert=True)
    changes: Changes = {"email": [None, user.get_username()], "role": [None, role]}
    _record(membership, ChangeRecord.Action.CREATED, changes, actor)


def _change_role(membership: Membership, role: Membership.Role, actor: Actor) -> bool:
    if membership.role == role:
        return False
    changes = {"role": [membership.role, role]}
    membership.role = role
    membership.save(update_fields=["role"])
    _record(membership, ChangeRecord.Action.UPDATED, changes, actor)
    return True


def _check_giver(
    organization_id: UUID, actor: Actor, role: Membership.Role, member: Membership | None = None
) -> None:
    """See that staff hand out no more than they have, and don't touch their own role.

    Other doors are those of whoever runs the server.
    """
    if actor.door != ChangeRecord.Door.STAFF:
        return
    giver = User.objects.get(pk=int(actor.id or 0))
    if member is not None and member.user_id == giver.pk:
        raise NotAllowed("own_role")
    if giver.is_superuser:
        return
    own = Membership.objects.filter(organization_id=organization_id, user=giver).first()
    touched = [role] if member is None else [role, Membership.Role(member.role)]
    if own is None or not all(may_give(Membership.Role(own.role), one) for one in touched):
        raise NotAllowed("role_above_own")


def _check_a_keeper_stays(membership: Membership) -> None:
    others = Membership.objects.filter(
        organization_id=membership.organization_id, role__in=KEEPERS, user__is_active=True
    ).exclude(pk=membership.pk)
    if membership.role in KEEPERS and not others.exists():
        raise NotAllowed("last_keeper_of_staff")


def _get(organization_id: UUID, user_id: int) -> Membership:
    found = Membership.objects.filter(organization_id=organization_id, user_id=user_id).first()
    if found is None:
        raise NotFound("member")
    return found


def _record(
    membership: Membership, action: ChangeRecord.Action, changes: Changes, actor: Actor
) -> None:
    name = membership.user.get_username()
    identifier = member_id(membership.organization_id, membership.user_id)
    # Who it is about stands in every record: an address can be gone when it is read.
    told = {"email": [name, name]} | dict(changes)
    record_change(membership.organization_id, "member", identifier, action, told, actor)
