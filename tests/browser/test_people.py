"""Signing in and the settings, as a person does them."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from billing.models import Membership, Organization
from tests.browser.looks import assert_accessible, shot

PASSWORD = "correct horse battery"


def code_for(secret: str) -> str:
    """Return what an authenticator app with this secret shows now."""
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


@pytest.fixture
def ada(organization: Organization) -> User:
    """An operator of an organization that asks for a second factor."""
    Organization.objects.filter(pk=organization.pk).update(requires_second_factor=True)
    user = User.objects.create_user("ada@acme.test", "ada@acme.test", PASSWORD, is_staff=True)
    Membership.objects.create(organization=organization, user=user, role="operator")
    return user


class TestSigningIn:
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("look", [{}, {"dark": True}, {"phone": True}])
    def test_sets_up_a_second_factor_and_asks_for_it_the_next_time(
        self, ada: User, staff_page: Callable[..., Page], look: dict[str, Any]
    ) -> None:
        page = staff_page(**look)
        page.context.clear_cookies()
        page.goto("/admin/billing/tax/")
        name = "-".join(look) or "light"
        shot(page, f"sign-in-{name}")
        assert_accessible(page)
        page.fill("#id_login", "ada@acme.test")
        page.fill("#id_password", "wrong")
        page.get_by_role("button", name="Sign in", exact=True).click()
        shot(page, f"sign-in-wrong-{name}")
        page.fill("#id_password", PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url("**/admin/account/factors/**")
        shot(page, f"factors-{name}")
        assert_accessible(page)
        page.get_by_role("link", name="Activate").click()
        shot(page, f"totp-{name}")
        assert_accessible(page)
        secret = page.input_value("#authenticator_secret")
        page.fill("#id_code", code_for(secret))
        page.get_by_role("button", name="Activate").click()
        page.wait_for_url("**/recovery-codes/**")
        shot(page, f"recovery-{name}")
        page.goto("/admin/account/sessions/")
        shot(page, f"sessions-{name}")
        assert_accessible(page)
        page.get_by_role("button", name="Sign out here").click()
        page.fill("#id_login", "ada@acme.test")
        page.fill("#id_password", PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url("**/authenticate/**")
        shot(page, f"second-step-{name}")
        assert_accessible(page)
        page.fill("#id_code", "000000")
        page.get_by_role("button", name="Sign in", exact=True).click()
        assert page.get_by_text("Incorrect code").is_visible()


@pytest.mark.django_db(transaction=True)
class TestTime:
    def test_is_said_in_the_zone_that_was_chosen(self, staff_page: Callable[..., Page]) -> None:
        page = staff_page("finance")
        page.goto("/admin/account/time/")
        box = page.get_by_role("combobox", name="Time zone")
        box.fill("tokyo")
        page.get_by_role("option", name="Asia/Tokyo").click()
        shot(page, "time-zone")
        page.get_by_role("button", name="Save").click()

        page.wait_for_url("**/account/time/")
        expect(page.get_by_text("(Asia/Tokyo)")).to_be_visible()
        assert_accessible(page)
        shot(page, "time-zone-saved")
