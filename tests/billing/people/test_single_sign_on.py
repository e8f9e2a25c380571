"""Single sign-on: opens what is there by a verified address, and makes nothing."""

from types import SimpleNamespace
from typing import Any

import pytest
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.messages.storage.fallback import FallbackStorage
from django.test import RequestFactory

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
