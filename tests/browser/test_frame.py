"""The frame around every page, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.billing.builders import make_organization
from tests.browser.looks import assert_accessible, shot


class TestFrame:
    def test_lights_one_place_of_the_sidebar(self, staff_page: Callable[..., Page]) -> None:
        page = staff_page("operator")

        page.goto("/admin/billing/tax/")
        shot(page, "taxes")

        lit = page.locator("#nav-sidebar [aria-current=page]")

        expect(lit).to_have_count(1)
        expect(lit).to_contain_text("Taxes")
        assert_accessible(page)

    def test_switches_between_organizations(
        self, staff_page: Callable[..., Page], organization
    ) -> None:
        page = staff_page("finance", organizations=(organization, make_organization(name="Hooli")))
        page.goto("/admin/")

        page.locator(".t-place summary").click()
        shot(page, "home")
        page.get_by_role("button", name="Hooli").click()

        expect(page.get_by_text("You now work in Hooli.")).to_be_visible()
