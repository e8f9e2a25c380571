"""Signing in: the password, the second step, the lock, and what stands before every page."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.test import Client

from billing.models import Membership, Organization
from tests.staff import sign_in, text_of

LOGIN = "/admin/login/"
ADA, PASSWORD = "ada@acme.test", "correct horse battery"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def ada(organization: Organization) -> User:
    """A clerk of the organization, with a password."""
    user = User.objects.create_user("ada@acme.test", "ada@acme.test", PASSWORD, is_staff=True)
    Membership.objects.create(organization=organization, user=user, role="finance")
    return user


def enter(
    client: Client,
    password: str = PASSWORD,
    login: str = "ada@acme.test",
    *,
    follow: bool = False,
    **more: str,
) -> Any:
    """Send the form of the first step."""
    return client.post(LOGIN, {"login": login, "password": password} | more, follow=follow)


def give_factor(user: User) -> None:
    """Have the person use an authenticator app, with recovery codes."""
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)


def code_now() -> str:
    """Return what the authenticator app shows."""
    counter = next(iter(yield_hotp_counters_from_time()))
    return format_hotp_value(hotp_value(SECRET, counter))


def is_in(client: Client) -> bool:
    """Return whether the browser gets to the list of customers."""
    return bool(client.get("/admin/customers/customer/").status_code == 200)


class TestPassword:
    def test_opens_the_back_office(self, ada: User) -> None:
        client = Client()

        response = enter(client)

        assert (response.status_code, response["Location"]) == (302, "/admin/")
        assert is_in(client)

    def test_is_asked_for_whatever_the_case_of_the_address(self, ada: User) -> None:
        assert enter(Client(), login="ADA@acme.test").status_code == 302

    def test_leads_back_to_where_one_came_from(self, ada: User) -> None:
        response = enter(Client(), next="/admin/billing/tax/")

        assert response["Location"] == "/admin/billing/tax/"

    @pytest.mark.parametrize(
        "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]
    )
    def test_never_leads_to_another_host(self, ada: User, elsewhere: str) -> None:
        """Seen to fail without AccountAdapter.is_safe_url's comparison."""
        assert enter(Client(), next=elsewhere)["Location"] == "/admin/"

    @pytest.mark.parametrize("login", ["ada@acme.test", "nobody@acme.test"])
    def test_is_refused_alike_for_the_known_and_the_unknown(self, ada: User, login: str) -> None:
        client = Client()

        page = enter(client, password="wrong", login=login)

        assert page.status_code == 200
        assert "do not belong together" in text_of(page)
        assert not is_in(client)

    def test_is_not_enough_for_who_is_no_staff(self, ada: User) -> None:
        """Seen to fail without AccountAdapter.pre_login: the person goes round in circles."""
        User.objects.filter(pk=ada.pk).update(is_staff=False)
        client = Client()

        page = enter(client, follow=True)

        assert SESSION_KEY not in client.session
        assert "Nobody works here as ada@acme.test." in text_of(page)

    def test_opens_nothing_once_one_is_no_staff_any_more(self, ada: User) -> None:
        """Seen to fail without StaffBackend.user_can_authenticate."""
        client = Client()
        enter(client)
        before = client.get("/admin/account/time/").status_code

        User.objects.filter(pk=ada.pk).update(is_staff=False)

        assert (before, client.get("/admin/account/time/").status_code) == (200, 302)

    def test_ends_at_once_when_a_person_is_no_longer_staff(self, ada: User) -> None:
        client = Client()
        enter(client)
        User.objects.filter(pk=ada.pk).update(is_staff=False)

        response = client.get("/admin/customers/customer/")

        assert response["Location"].startswith(LOGIN)
        assert client.get(response["Location"]).status_code == 200

    def test_cannot_be_had_by_signing_up(self, ada: User) -> None:
        paths = ("/admin/signup/", "/admin/account/signup/", "/accounts/signup/")

        assert all(Client().get(path).status_code in (302, 404) for path in paths)

    def test_can_be_changed(self, ada: User) -> None:
        client = Client()
        enter(client)
        new = "another long one"
        sent = {"oldpassword": PASSWORD, "password1": new, "password2": new}

        response = client.post("/admin/account/password/", sent)

        assert response.status_code == 302, text_of(response)
        assert enter(Client(), password=new).status_code == 302
        assert is_in(client)


class TestSecondStep:
    def test_stands_between_the_password_and_the_back_office(self, ada: User) -> None:
        give_factor(ada)
        client = Client()

        response = enter(client)

        assert response["Location"].startswith("/admin/account/factors/authenticate/")
        assert not is_in(client)

    def test_takes_the_code_of_the_app(self, ada: User) -> None:
        give_factor(ada)
        client = Client()
        page = client.get(enter(client, next="/admin/billing/tax/")["Location"])

        response = client.post("/admin/account/factors/authenticate/", {"code": code_now()})

        assert page.status_code == 200
        assert response["Location"] == "/admin/billing/tax/"
        assert is_in(client)

    def test_takes_a_recovery_code_once(self, ada: User) -> None:
        give_factor(ada)
        codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
        tries = []
        for _ in range(2):
            client = Client()
            enter(client)
            client.post("/admin/account/factors/authenticate/", {"code": codes[0]})
            tries.append(is_in(client))

        assert tries == [True, False]

    def test_cannot_be_gone_around_by_the_form_of_django(self, ada: User) -> None:
        """Seen to fail with the admin's own login view at /admin/login/."""
        give_factor(ada)
        client = Client()

        client.post(LOGIN, {"username": "ada@acme.test", "password": PASSWORD, "next": "/admin/"})

        assert not is_in(client)

    def test_keeps_its_secret_encrypted(self, ada: User) -> None:
        give_factor(ada)

        stored = Authenticator.objects.get(type="totp").data

        assert SECRET not in str(stored)


class TestLock:
    def test_comes_after_five_wrong_passwords_and_says_until_when(self, ada: User) -> None:
        """Seen to fail without AxesStandaloneBackend."""
        client = Client()
        for _ in range(5):
            page = enter(client, password="wrong")

        assert page.status_code == 429
        assert "Try again at" in text_of(page)
        assert enter(client).status_code == 429
        assert not is_in(client)

    def test_counts_a_name_once_whatever_its_case(self, ada: User) -> None:
        """Seen to fail without client_name's `lower`."""
        client = Client()
        for login in (
            "ada@acme.test",
            "Ada@acme.test",
            "aDa@acme.test",
            "adA@acme.test",
            "ADA@acme.test",
        ):
            page = enter(client, password="wrong", login=login)

        assert page.status_code == 429

    def test_counts_wrong_codes_and_wrong_passwords_together(self, ada: User) -> None:
        """Seen to fail without note_failure."""
        give_factor(ada)
        client = Client()
        for _ in range(2):
            enter(client, password="wrong")
        enter(client)
        for _ in range(3):
            page = client.post("/admin/account/factors/authenticate/", {"code": "000000"})

        right = client.post("/admin/account/factors/authenticate/", {"code": code_now()})

        assert (page.status_code, right.status_code) == (429, 429)
        assert not is_in(client)

    def test_leaves_people_at_other_addresses_alone(self, ada: User) -> None:
        for _ in range(5):
            enter(Client(), password="wrong")

        assert enter(Client(REMOTE_ADDR="192.0.2.7")).status_code == 302

    def test_forgets_after_signing_in(self, ada: User) -> None:
        client = Client()
        for _ in range(2):
            for _ in range(4):
                enter(Client(), password="wrong")
            assert enter(client).status_code == 302
            client.post("/admin/logout/")


class TestGate:
    def test_leads_to_the_second_factor_where_it_is_asked_for(
        self, organization: Organization
    ) -> None:
        """Seen to fail without lacks_factor."""
        Organization.objects.filter(pk=organization.pk).update(requires_second_factor=True)
        client = sign_in(organization)

        response = client.get("/admin/customers/customer/?q=x")
        page = client.get(response["Location"])

        assert response["Location"].startswith("/admin/account/factors/?next=")
        assert page.status_code == 200
        assert "asks for a second factor" in text_of(page)

    def test_asks_superusers_too(self, organization: Organization) -> None:
        Organization.objects.filter(pk=organization.pk).update(requires_second_factor=True)

        assert not is_in(sign_in(is_superuser=True))

    def test_lets_in_who_has_one(self, organization: Organization, ada: User) -> None:
        Organization.objects.filter(pk=organization.pk).update(requires_second_factor=True)
        give_factor(ada)
        client = Client()
        client.force_login(ada)

        assert is_in(client)

    def test_takes_a_passage_only_for_a_factor_of_ones_own(
        self, organization: Organization, ada: User
    ) -> None:
        Organization.objects.filter(pk=organization.pk).update(requires_second_factor=True)
        give_factor(ada)

        assert not is_in(sign_in(organization))

    def test_counts_recovery_codes_alone_for_nothing(
        self, organization: Organization, ada: User
    ) -> None:
        Organization.objects.filter(pk=organization.pk).update(requires_second_factor=True)
        RecoveryCodes.activate(ada)
        client = Client()
        client.force_login(ada)

        assert not is_in(client)

    def test_tells_a_script_that_the_session_is_over(self, organization: Organization) -> None:
        headers = {"X-Requested-With": "XMLHttpRequest"}

        response = Client().post("/admin/customers/customer/add/", headers=headers)

        assert response.status_code == 401
        assert response.json()["error"] == "signed_out"
        assert response.json()["login"] == LOGIN

    def test_tells_a_script_that_a_factor_is_missing(self, organization: Organization) -> None:
        Organization.objects.filter(pk=organization.pk).update(requires_second_factor=True)
        headers = {"Accept": "application/json"}

        response = sign_in(organization).get("/admin/customers/customer/", headers=headers)

        assert (response.status_code, response.json()["error"]) == (403, "second_factor_needed")

    def test_leaves_people_to_the_sign_in_page(self, organization: Organization) -> None:
        response = Client().get("/admin/customers/customer/?q=x")

        assert response["Location"] == "/admin/login/?next=/admin/customers/customer/%3Fq%3Dx"


class TestAccount:
    PAGES = (
        "/admin/account/factors/",
        "/admin/account/password/",
        "/admin/account/sessions/",
        "/admin/account/factors/totp/activate/",
        "/admin/account/factors/webauthn/",
        "/admin/account/factors/webauthn/add/",
    )

    @pytest.mark.parametrize("path", PAGES)
    def test_opens_in_the_frame(self, ada: User, path: str) -> None:
        client = Client()
        enter(client)

        page = client.get(path, follow=True)

        assert page.status_code == 200
        assert "Your account" in text_of(page)

    def test_sets_up_an_authenticator_app(self, ada: User) -> None:
        client = Client()
        enter(client)
        page = client.get("/admin/account/factors/totp/activate/")
        secret = page.context["form"].secret
        counter = next(iter(yield_hotp_counters_from_time()))
        code = format_hotp_value(hotp_value(secret, counter))

        response = client.post("/admin/account/factors/totp/activate/", {"code": code})

        assert response.status_code == 302
        assert set(Authenticator.objects.values_list("type", flat=True)) == {
            "totp",
            "recovery_codes",
        }

    def test_keeps_the_last_factor_where_it_is_asked_for(
        self, organization: Organization, ada: User
    ) -> None:
        """Seen to fail without FactorAdapter.can_delete_authenticator."""
        Organization.objects.filter(pk=organization.pk).update(requires_second_factor=True)
        give_factor(ada)
        client = Client()
        enter(client)
        client.post("/admin/account/factors/authenticate/", {"code": code_now()})

        client.post("/admin/account/factors/totp/deactivate/")

        assert Authenticator.objects.filter(type="totp").exists()

    def test_ends_other_sessions(self, ada: User) -> None:
        here, there = Client(), Client()
        enter(here)
        enter(there)

        here.post("/admin/account/sessions/")

        assert (is_in(here), is_in(there)) == (True, False)

    def test_signs_out(self, ada: User) -> None:
        client = Client()
        enter(client)

        response = client.post("/admin/logout/")

        assert response["Location"] == LOGIN
        assert not is_in(client)
