"""Addresses of signing in and of one's account; the admin's own stand behind them, unused."""

from allauth.account import views as account
from allauth.socialaccount import views as sso
from allauth.usersessions.views import list_usersessions
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from billing.people.frame import framed
from billing.people.time import TimePage

_PASSWORD_BY_MAIL: list[URLPattern | URLResolver] = [
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/sent/", account.password_reset_done, name="account_reset_password_done"),
    path(
        "password/reset/<uidb36>-<key>/",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
]


def _single_sign_on() -> list[URLPattern | URLResolver]:
    return [
        path("sso/", include("allauth.socialaccount.providers.openid_connect.urls")),
        path("sso/cancelled/", sso.login_cancelled, name="socialaccount_login_cancelled"),
        path("sso/error/", sso.login_error, name="socialaccount_login_error"),
        path("sso/unknown/", sso.signup, name="socialaccount_signup"),
    ]


_ACCOUNT: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="mfa_index"), name="account"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("again/", account.reauthenticate, name="account_reauthenticate"),
    path("password/", account.password_change, name="account_change_password"),
    path("password/first/", account.password_set, name="account_set_password"),
    path("factors/", include("allauth.mfa.urls")),
    path("sessions/", list_usersessions, name="usersessions_list"),
    path("time/", TimePage.as_view(), name="account_time"),
    *(_single_sign_on() if settings.TARN_OIDC_ISSUER else ()),
    *(_PASSWORD_BY_MAIL if settings.TARN_SENDS_MAIL else ()),
]
urlpatterns = framed(
    [
        path("login/", account.login, name="account_login"),
        path("logout/", account.logout, name="account_logout"),
        path("password_change/", RedirectView.as_view(pattern_name="account_change_password")),
        path("account/", include(_ACCOUNT)),
    ]
)
