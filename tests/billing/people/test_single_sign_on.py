"""Single sign-on: opens what is there by a verified address, and makes nothing."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.messages.storage.fallback import FallbackStorage
from django.test import Client, RequestFactory

from billing.people.adapters import SingleSignOnAdapter


def arrive(*addresses: tuple[str, bool], process: str = "login") -> Any:
    """Return somebody who comes back from the provider with these addresses, after our check."""
    request = RequestFactory().get("/admin/account/sso/oidc/login/callback/")
    request.user, request.session = AnonymousUser(), {}  # type: ignore[assignment]
    request._messages = FallbackStorage(request)  # type: ignore[attr-defined]
    found = [SimpleNamespace(email=email, verified=verified) for email, verified in addresses]
    login = SimpleNamespace(email_addresses=found, state={"process": process}, user=None)
    SingleSignOnAdapter().pre_social_login(request, login)
    return login.user


@pytest.fixture
def ada(db: None) -> User:
    """Somebody who works here."""
    return User.objects.create_user("ada@acme.test", "ada@acme.test", is_staff=True)


class TestSingleSignOn:
    def test_lets_in_who_works_here(self, ada: User) -> None:
        assert arrive(("Ada@Acme.test", True)) == ada

    def test_believes_no_address_that_is_not_verified(self, ada: User) -> None:
        """Seen to fail without the look at `verified`."""
        with pytest.raises(ImmediateHttpResponse):
            arrive(("ada@acme.test", False))

    def test_makes_nobody(self, ada: User) -> None:
        with pytest.raises(ImmediateHttpResponse):
            arrive(("eve@acme.test", True))

        assert User.objects.count() == 1

    @pytest.mark.parametrize("values", [{"is_staff": False}, {"is_active": False}])
    def test_keeps_out_who_no_longer_works_here(self, ada: User, values: Any) -> None:
        User.objects.update(**values)

        with pytest.raises(ImmediateHttpResponse):
            arrive(("ada@acme.test", True))

    def test_links_nothing_for_later(self, ada: User) -> None:
        """Seen to fail without the look at `process`."""
        with pytest.raises(ImmediateHttpResponse):
            arrive(("ada@acme.test", True), process="connect")

    def test_guesses_at_no_one_of_two(self, ada: User) -> None:
        User.objects.create_user("ada2", "ada@acme.test", is_staff=True)

        with pytest.raises(ImmediateHttpResponse):
            arrive(("ada@acme.test", True))


ISSUER = "https://idp.test"
PROVIDER = {
    "provider_id": "oidc",
    "name": "Okta",
    "client_id": "tarn",
    "secret": "s",
    "settings": {"server_url": ISSUER},
}
ANSWERS: dict[str, dict[str, Any]] = {
    "openid-configuration": {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/auth",
        "token_endpoint": f"{ISSUER}/token",
        "userinfo_endpoint": f"{ISSUER}/me",
        "jwks_uri": f"{ISSUER}/keys",
    },
    "token": {"access_token": "t", "token_type": "bearer"},
    "me": {"sub": "1", "email": "ada@acme.test", "email_verified": True},
}


class Provider:
    """Answers like an identity provider, at the HTTP boundary."""

    def __enter__(self) -> "Provider":
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def get(self, url: str, **_: Any) -> Any:
        body = ANSWERS[url.rpartition("/")[2]]
        headers = {"content-type": "application/json"}
        return SimpleNamespace(
            status_code=200, headers=headers, json=lambda: body, raise_for_status=lambda: None
        )

    def request(self, _method: str, url: str, **_: Any) -> Any:
        return self.get(url)


class TestWholeWay:
    def test_leads_through_the_provider_and_back(
        self, ada: User, monkeypatch: pytest.MonkeyPatch, settings: Any
    ) -> None:
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [PROVIDER]}}
        monkeypatch.setattr(SingleSignOnAdapter, "get_requests_session", lambda _self: Provider())
        client = Client()
        start = "/admin/account/sso/oidc/login/"

        away = client.get(f"{start}?process=login&next=/admin/billing/tax/")["Location"]
        state = parse_qs(urlparse(away).query)["state"][0]
        back = client.get(f"{start}callback/", {"code": "x", "state": state})

        assert away.startswith(f"{ISSUER}/auth?")
        assert back["Location"] == "/admin/billing/tax/"
        assert client.session["_auth_user_id"] == str(ada.pk)
