"""`make screenshots`: a picture of every screen, which axe looks at.

Light, dark, on a phone and on a wide screen; none may be wider than it is.
"""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from billing.events.actor import SYSTEM
from billing.models import Membership, Organization
from customers.admin import sync
from customers.models import Customer
from customers.portal import links
from customers.portal.links import end_links, make_token
from tests.billing.people.test_single_sign_on import configured  # noqa: F401  # a fixture
from tests.browser.looks import assert_accessible, shot
from tests.browser.test_list import CUT
from tests.browser.test_passkeys import give_authenticator
from tests.browser.test_people import PASSWORD, code_for
from tests.customers.portal.proposing import make_canal
from tests.screens import addresses, make_world

pytestmark = [
    pytest.mark.skipif("TARN_SCREENSHOTS" not in os.environ, reason="takes minutes"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("look", ["light", "dark", "phone", "wide"]),
]

Open = Callable[..., Page]
Take = Callable[[Page, str], None]

_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def take(look: str) -> Iterator[Take]:
    """Take a picture, and have axe look at it; what it finds is told when all were taken."""
    found: list[str] = []

    def keep(page: Page, name: str) -> None:
        shot(page, f"{name}-{look}")
        if page.evaluate(_OVERFLOW) > 0:
            found.append(f"{name}: can be scrolled sideways")
        if any(page.locator(".t-cards > tbody > tr:visible").evaluate_all(CUT)):
            found.append(f"{name}: rows are cut off")
        try:
            assert_accessible(page)
        except AssertionError as error:
            found.append(f"{name}: {error}")

    yield keep
    assert not found, "\n".join(found)


@pytest.fixture
def opened(staff_page: Open, look: str) -> Open:
    """Open a page of somebody, in the look of the test."""

    def make(*role: str, **values: Any) -> Page:
        return staff_page(*role, **{look: True} if look != "light" else {}, **values)

    return make


@pytest.fixture
def ada(organization: Organization) -> User:
    """Somebody with a password."""
    user = User.objects.create_user("ada@acme.test", "ada@acme.test", PASSWORD, is_staff=True)
    Membership.objects.create(organization=organization, user=user, role="operator")
    return user


def sign_in(page: Page, password: str = PASSWORD) -> None:
    """Do the first step."""
    page.goto("/admin/login/")
    page.fill("#id_login", "ada@acme.test")
    page.fill("#id_password", password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_house(opened: Open, organization: Organization, take: Take) -> None:
    found = list(addresses(make_world(organization)))
    page = opened(is_superuser=True)

    wanted = os.environ.get("TARN_SCREENS", "")
    for name, path in [("home", "/admin/"), *((one.name, one.path) for one in found)]:
        if wanted and not re.search(wanted, name):
            continue
        head = page.request.get(path)
        if head.status == 200 and "text/html" in head.headers["content-type"]:
            page.goto(path, wait_until="load")
            take(page, name)


def test_signing_in(opened: Open, ada: User, take: Take) -> None:
    page = opened()
    page.context.clear_cookies()
    page.goto("/admin/login/")
    take(page, "sign-in")
    for _attempt in range(4):
        sign_in(page, "wrong")
    take(page, "sign-in-wrong")
    sign_in(page, "wrong")
    take(page, "sign-in-locked")


@pytest.mark.usefixtures("configured")
def test_single_sign_on(opened: Open, take: Take) -> None:
    page = opened()
    page.context.clear_cookies()
    page.goto("/admin/login/")
    take(page, "sign-in-elsewhere")
    for name in ("cancelled", "error"):
        page.goto(f"/admin/account/sso/{name}/")
        take(page, f"sso-{name}")


def test_account(opened: Open, ada: User, take: Take) -> None:
    page = opened()
    page.context.clear_cookies()
    sign_in(page)
    for name in ("factors", "password", "sessions", "time"):
        page.goto(f"/admin/account/{name}/")
        take(page, f"account-{name}")
    page.goto("/admin/account/password/")
    page.fill("#id_oldpassword", "wrong")
    page.fill("#id_password1", "short")
    page.fill("#id_password2", "other")
    page.get_by_role("button", name="Change password").click()
    page.get_by_text("This is not your current password.").wait_for()
    take(page, "account-password-wrong")
    give_authenticator(page)
    page.goto("/admin/account/factors/webauthn/add/")
    take(page, "passkey-add")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/recovery-codes/")  # shown with the first factor
    page.goto("/admin/account/factors/webauthn/")
    take(page, "passkeys")
    page.goto("/admin/account/factors/totp/activate/")
    take(page, "totp")
    page.fill("#id_code", code_for(page.input_value("#authenticator_secret")))
    page.get_by_role("button", name="Activate").click()
    page.wait_for_url("**/account/factors/")
    take(page, "totp-done")
    page.goto("/admin/account/factors/recovery-codes/")
    take(page, "recovery-codes")
    page.goto("/admin/account/factors/recovery-codes/generate/")
    take(page, "recovery-codes-again")
    page.goto("/admin/account/factors/totp/deactivate/")
    take(page, "totp-off")
    page.goto("/admin/account/again/?next=/admin/")
    take(page, "reauthenticate")
    page.goto("/admin/account/sessions/")
    page.get_by_role("button", name="Sign out here").click()
    sign_in(page)
    take(page, "second-step")


def test_refusals(
    opened: Open, take: Take, monkeypatch: pytest.MonkeyPatch, organization: Organization
) -> None:
    page = opened("viewer")
    page.goto("/admin/billing/apikey/")
    take(page, "403")
    page.goto("/admin/nothing/")
    take(page, "404")
    page.goto("/nothing")
    take(page, "404-outside")
    page.goto("/admin/account/time/")
    page.context.clear_cookies(name="csrftoken")
    page.evaluate("document.querySelector('[name=timezone]').form.submit()")  # asks nothing first
    page.wait_for_load_state()
    take(page, "expired-form")
    monkeypatch.setattr(sync, "_connections", None)
    page.goto("/admin/sync/")
    take(page, "500")
    Membership.objects.all().delete()
    page.goto("/admin/")
    take(page, "403-no-organization")


def test_portal(
    opened: Open, take: Take, monkeypatch: pytest.MonkeyPatch, organization: Organization
) -> None:
    canal = make_canal(organization)
    page = opened()
    page.context.clear_cookies()
    link = f"/customer-portal/{_token(canal)}"
    page.goto(link)
    take(page, "portal")
    page.locator("summary").first.click()
    page.get_by_label("E-mail").fill("no address")
    take(page, "portal-propose")
    page.get_by_role("button", name="Send the corrections").click()
    take(page, "portal-wrong")
    page.get_by_label("E-mail").fill("office@canal.example")
    page.get_by_role("button", name="Send the corrections").click()
    take(page, "portal-thanks")
    page.goto("/customer-portal/none")
    take(page, "portal-unknown")
    end_links(canal, SYSTEM)
    page.goto(link)
    take(page, "portal-ended")
    fresh = _token(canal)
    monkeypatch.setattr(links, "LASTS", links.LASTS * 0)
    page.goto(f"/customer-portal/{fresh}")
    take(page, "portal-expired")


def _token(customer: Customer) -> str:
    return make_token(customer.organization_id, customer.pk)
