"""Who may sign in at all: active people who work in the back office."""

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.base_user import AbstractBaseUser


class StaffBackend(AuthenticationBackend):
    """Knows a person by name and password, and again by session, while they are staff."""

    def user_can_authenticate(self, user: AbstractBaseUser | None) -> bool:
        """Return whether the person may be signed in; Django asks again at every request."""
        return super().user_can_authenticate(user) and bool(getattr(user, "is_staff", False))
