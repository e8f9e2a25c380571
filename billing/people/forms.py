"""The forms of signing in, with their failures counted."""

from typing import Any

from allauth.account.forms import LoginForm
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from billing.people.lockout import is_locked, note_failure


class SignInForm(LoginForm):
    """Asks for the first step."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["login"].label = _("E-mail address")
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
        self.fields["login"].widget.attrs["autofocus"] = True


class _Counted:
    """Counts wrong codes together with wrong passwords."""

    user: Any

    def clean_code(self) -> str:
        """Return the code if it is right.

        :raises ValidationError: if it is not, or after too many that were not.
        """
        request = context.request
        if is_locked(request, self.user):
            raise ValidationError(_("Too many wrong codes."))
        try:
            return str(super().clean_code())  # type: ignore[misc]  # stands before allauth's form
        except ValidationError:
            note_failure(request, self.user)
            raise


class CodeForm(_Counted, AuthenticateForm):
    """Asks for the second step."""


class CodeAgainForm(_Counted, ReauthenticateForm):
    """Asks for a code before something that needs one who has just signed in."""
