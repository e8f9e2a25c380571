"""Passkeys with Chromium's own virtual authenticator, and recovery codes, as a person uses them."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from billing.models import Membership, Organization
from tests.browser.looks import assert_accessible, shot
from tests.browser.test_people import PASSWORD, code_for

LOGIN = "/admin/login/"


@pytest.fixture
def ada(organization: Organization) -> User:
    """A clerk of an organization that asks for a second factor."""
    Organization.objects.filter(pk=organization.pk).update(requires_second_factor=True)
    user = User.objects.create_user("ada@acme.test", "ada@acme.test", PASSWORD, is_staff=True)
    Membership.objects.create(organization=organization, user=user, role="finance")
    return user


@pytest.fixture
def page(staff_page: Callable[..., Page]) -> Page:
    """A browser in which nobody has signed in."""
    opened = staff_page()
    opened.context.clear_cookies()
    return opened


def give_authenticator(page: Page) -> tuple[Any, str]:
    """Put a device for passkeys into the browser; return how to speak to it, and its id."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    added = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devtools, added["authenticatorId"]


def enter_password(page: Page) -> None:
    """Do the first step."""
    page.goto(LOGIN)
    page.fill("#id_login", "ada@acme.test")
    page.fill("#id_password", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    """Leave."""
    page.goto("/admin/account/sessions/")
    page.get_by_role("button", name="Sign out here").click()
    page.wait_for_url("**/login/**")


@pytest.mark.django_db(transaction=True)
class TestPasskeys:
    def test_open_the_door_without_a_password(self, ada: User, page: Page) -> None:
        devtools, authenticator = give_authenticator(page)
        enter_password(page)
        page.wait_for_url("**/account/factors/**")
        page.goto("/admin/account/factors/webauthn/add/")
        shot(page, "passkey-add")
        assert_accessible(page)
        page.fill("#id_name", "My laptop")
        page.check("#id_passwordless")
        page.locator("#mfa_webauthn_add").click()
        page.wait_for_url("**/recovery-codes/**")
        kept = devtools.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})
        assert len(kept["credentials"]) == 1
        assert Authenticator.objects.filter(user=ada, type="webauthn").count() == 1
        page.goto("/admin/account/factors/webauthn/")
        expect(page.get_by_text("My laptop").first).to_be_visible()
        shot(page, "passkeys")
        assert_accessible(page)
        sign_out(page)

        page.get_by_role("button", name="Sign in with a passkey").click()

        page.wait_for_url("**/admin/")
        expect(page.get_by_role("heading", name="Home")).to_be_visible()

    def test_are_a_second_step_too(self, ada: User, page: Page) -> None:
        give_authenticator(page)
        enter_password(page)
        page.goto("/admin/account/factors/webauthn/add/")
        page.locator("#mfa_webauthn_add").click()
        page.wait_for_url("**/recovery-codes/**")
        sign_out(page)

        enter_password(page)
        page.wait_for_url("**/authenticate/**")
        page.get_by_role("button", name="Use a passkey or security key").click()

        page.wait_for_url("**/admin/")

    def test_of_somebody_else_open_nothing(self, ada: User, page: Page) -> None:
        """The device has a passkey; the account it was made for has not any more."""
        give_authenticator(page)
        enter_password(page)
        page.goto("/admin/account/factors/webauthn/add/")
        page.check("#id_passwordless")
        page.locator("#mfa_webauthn_add").click()
        page.wait_for_url("**/recovery-codes/**")
        sign_out(page)
        Authenticator.objects.all().delete()

        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_timeout(1_500)

        page.goto("/admin/")
        assert LOGIN in page.url


@pytest.mark.django_db(transaction=True)
class TestRecoveryCodes:
    def test_open_the_door_once_each(self, ada: User, page: Page) -> None:
        enter_password(page)
        page.get_by_role("link", name="Activate").click()
        page.fill("#id_code", code_for(page.input_value("#authenticator_secret")))
        page.get_by_role("button", name="Activate").click()
        page.wait_for_url("**/recovery-codes/**")
        kept = Authenticator.objects.get(user=ada, type="recovery_codes")
        code = RecoveryCodes(kept).get_unused_codes()[0]
        assert code in page.content()
        sign_out(page)

        enter_password(page)
        page.wait_for_url("**/authenticate/**")
        page.fill("#id_code", code)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url("**/admin/")
        sign_out(page)

        enter_password(page)
        page.wait_for_url("**/authenticate/**")
        page.fill("#id_code", code)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_text("Incorrect code")).to_be_visible()
