"""The people of the back office: who they are, and their role in an organization."""

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from billing.organizations.locks import lock_organization
from billing.organizations.models import Membership


@transaction.atomic
def set_member(
    organization_id: UUID, email: str, role: Membership.Role, password: str | None
) -> bool | None:
    """Give a person this role, and this password unless it is None.

    Return None if the person is new here, else whether anything changed. A person who is new on
    the server can't sign in without a password.
    """
    lock_organization(organization_id)
    user = User.objects.filter(username__iexact=email).first()
    changed = user is None
    if user is None:
        user = User(username=email, email=email, is_staff=True)
        user.set_unusable_password()
        user.save()
    if password is not None and not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
        changed = True
    membership, new = Membership.objects.get_or_create(
        organization_id=organization_id, user=user, defaults={"role": role}
    )
    if membership.role != role:
        membership.role = role
        membership.save(update_fields=["role"])
        changed = True
    return None if new else changed
