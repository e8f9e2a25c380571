"""Single sign-on: opens what is there by a verified address, and makes nothing."""

import runpy
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.messages.storage.fallback import FallbackStorage
from django.test import Client, RequestFactory
from django.urls import include, path

from billing.people import urls as people_urls
from billing.people.adapters import SingleSignOnAdapter
from config import urls
from tests.contract.server import ROOT


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


APP = "allauth.socialaccount.providers.openid_connect"
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


def settings_of(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    """Return the settings that such an environment makes."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(f"{ROOT}/config/settings.py")


class TestSettings:
    @pytest.mark.parametrize(("issuer", "installed"), [("", False), (ISSUER, True)])
    def test_load_the_client_where_an_issuer_is_named(
        self, monkeypatch: pytest.MonkeyPatch, issuer: str, installed: bool
    ) -> None:
        found = settings_of(monkeypatch, TARN_OIDC_ISSUER=issuer)

        assert (APP in found["INSTALLED_APPS"]) is installed
        assert bool(found["SOCIALACCOUNT_PROVIDERS"]["openid_connect"]["APPS"]) is installed


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Have an issuer named, as an installation has it from its start."""
    from allauth.socialaccount.providers import registry
    from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider

    monkeypatch.setitem(registry.provider_map, "openid_connect", OpenIDConnectProvider)
    monkeypatch.setattr(SingleSignOnAdapter, "get_requests_session", lambda _self: Provider())
    settings.TARN_OIDC_ISSUER = ISSUER
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [PROVIDER]}}
    addresses = ModuleType("addresses")
    people = runpy.run_path(people_urls.__file__)["urlpatterns"]
    addresses.urlpatterns = [path("admin/", include(people)), *urls.urlpatterns]  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = addresses


class TestWholeWay:
    @pytest.mark.usefixtures("configured")
    def test_is_offered_at_the_door(self, db: None) -> None:
        page = Client().get("/admin/login/").content.decode()

        assert "Okta" in page
        assert "/admin/account/sso/oidc/login/" in page

    def test_is_not_there_where_no_issuer_is_named(self, db: None) -> None:
        """Seen to fail with the addresses there whatever is configured."""
        away = Client().get("/admin/account/sso/oidc/login/")["Location"]

        assert away.startswith("/admin/login/?next=")
        assert "/account/sso/" not in Client().get("/admin/login/").content.decode()

    @pytest.mark.usefixtures("configured")
    def test_leads_through_the_provider_and_back(self, ada: User) -> None:
        client = Client()
        start = "/admin/account/sso/oidc/login/"

        away = client.get(f"{start}?process=login&next=/admin/billing/tax/")["Location"]
        state = parse_qs(urlparse(away).query)["state"][0]
        back = client.get(f"{start}callback/", {"code": "x", "state": state})

        assert away.startswith(f"{ISSUER}/auth?")
        assert back["Location"] == "/admin/billing/tax/"
        assert client.session["_auth_user_id"] == str(ada.pk)
