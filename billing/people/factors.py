"""Second factors: who needs one, and how their secrets are kept."""

from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, QuerySet

from billing.connections.secrets import decrypt, encrypt
from billing.organizations.models import Organization

# Recovery codes are the way back in, no factor of their own.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
# Secrets are bound to what they are for: one of a connection can't be put in their place.
_SEALED_FOR = "second factor"

Person = AbstractBaseUser | AnonymousUser


def factors_of(user: Any) -> QuerySet[Any]:
    """Return the second factors of a person, by id or by an expression that gives one."""
    found: QuerySet[Any] = Authenticator.objects.filter(user_id=user, type__in=FACTORS)
    return found


def must_have_factor(person: Person) -> bool:
    """Return whether one of the person's organizations asks for a second factor."""
    return _asking(person).exists()


def _asking(person: Person) -> QuerySet[Organization]:
    asking = Organization.objects.filter(requires_second_factor=True)
    if getattr(person, "is_superuser", False):
        return asking
    return asking.filter(memberships__user=person.pk or 0)


def lacks_factor(person: Person) -> bool:
    """Return whether the person must set up a second factor before anything else."""
    return _asking(person).filter(~Exists(factors_of(person.pk or 0))).exists()


class FactorAdapter(DefaultMFAAdapter):
    """Keeps the secrets of factors encrypted, and the last factor where one is asked for."""

    def encrypt(self, text: str) -> str:
        """Return the secret as it is stored."""
        return encrypt(text, _SEALED_FOR).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret as it was."""
        return decrypt(encrypted_text.encode(), _SEALED_FOR)

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        """Refuse the last factor of a person who must have one."""
        others = factors_of(authenticator.user_id).exclude(pk=authenticator.pk)
        return others.exists() or not must_have_factor(authenticator.user)
