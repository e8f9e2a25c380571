"""What we decide where allauth asks: nobody signs up, and single sign-on opens what is there."""

import time
from typing import Any, NoReturn

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from axes.helpers import get_client_ip_address
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

REAUTHENTICATION_TIMEOUT = 300  # seconds


class AccountAdapter(DefaultAccountAdapter):
    """People are added by those who set up staff, and go back only to our own pages."""

    # People sign in with an e-mail address; allauth would speak of a username.
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": lazy(
            "This address and password do not belong together. Type both again."
        )
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: there is no public sign-up."""
        return False

    def pre_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse | None:
        """Turn away who is no staff any more, whatever they showed of themselves."""
        answer: HttpResponse | None = super().pre_login(request, user, **options)
        if answer is not None or user.is_staff:
            return answer
        return _turned_away(request, _not_here(user.get_username()))

    def is_safe_url(self, url: str | None) -> bool:
        """Return whether an address to go on to is on the host that was asked."""
        host = {self.request.get_host()}
        return url_has_allowed_host_and_scheme(url, host, require_https=self.request.is_secure())

    def is_reauthentication_required(self, *, app: str) -> bool:
        """Return whether one's password is asked for again; not right after it was entered."""
        return super().is_reauthentication_required(app=app) and not _has_just_signed_in(
            self.request
        )

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that failures are counted under, too; a local one for a socket."""
        return get_client_ip_address(request) or "127.0.0.1"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send nothing where there is no mail server: a notice is no reason to fail."""
        if settings.TARN_SENDS_MAIL:
            super().send_mail(template_prefix, email, context)


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    """Signs in existing staff by the e-mail address that the provider has verified."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Let in whoever has this verified e-mail address here; nothing is stored or linked.

        Looked up anew every time: a link made once would outlive the address.
        """
        verified = {one.email.lower() for one in sociallogin.email_addresses if one.verified}
        if sociallogin.state.get("process") != "login" or not verified:
            _refuse(request, _("Your provider does not confirm an e-mail address for you."))
        people = User.objects.filter(is_active=True, is_staff=True).alias(address=Lower("email"))
        found = list(people.filter(address__in=verified)[:2])
        if len(found) != 1:
            _refuse(request, _not_here(", ".join(sorted(verified))))
        sociallogin.user = found[0]

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Return False: being known to the provider gives no access here."""
        return False

    def on_authentication_error(self, request: HttpRequest, *_args: Any, **_options: Any) -> None:
        """Lead back to the sign-in page, and say what happened."""
        _refuse(request, _("Single sign-on did not work. Try again, or sign in with a password."))


def _has_just_signed_in(request: HttpRequest) -> bool:
    steps = get_authentication_records(request, request.user)
    return bool(steps) and time.time() - steps[-1]["at"] < REAUTHENTICATION_TIMEOUT


def _not_here(email: str) -> str:
    words = _("Nobody works here as {email}. Ask whoever sets up your staff to add this address.")
    return words.format(email=email)


def _refuse(request: HttpRequest, words: str) -> NoReturn:
    raise ImmediateHttpResponse(_turned_away(request, words))


def _turned_away(request: HttpRequest, words: str) -> HttpResponse:
    """Return the way back to the sign-in page, where the words stand."""
    messages.error(request, words)
    return redirect("account_login")
