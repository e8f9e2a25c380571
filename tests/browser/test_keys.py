"""The keys and the palette, in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.models import StaffPreference
from tests.billing.builders import make_organization
from tests.browser.looks import assert_accessible, shot
from tests.customers.builders import make_customer

TAXES = "/admin/billing/tax/"
CUSTOMERS = "/admin/customers/customer/"


class TestPalette:
    def test_finds_a_customer_by_a_part_of_the_name(
        self, staff_page: Callable[..., Page], organization: Any
    ) -> None:
        customer = make_customer(organization, name="Brasserie du Canal")
        make_customer(organization, name="Somebody else")
        page = staff_page()
        page.goto("/admin/")

        page.keyboard.press("Control+k")
        page.keyboard.type("canal")
        expect(page.get_by_role("option")).to_have_count(1)
        shot(page, "palette")
        assert_accessible(page)
        page.keyboard.press("Enter")

        page.wait_for_url(f"**/{customer.pk}/**")

    def test_goes_to_pages_and_other_organizations(
        self, staff_page: Callable[..., Page], organization: Any
    ) -> None:
        page = staff_page(organizations=(organization, make_organization(name="Hooli")))
        page.goto("/admin/")

        page.keyboard.press("Control+k")
        page.keyboard.type("hool")
        page.keyboard.press("Enter")

        expect(page.get_by_text("You now work in Hooli.")).to_be_visible()

    def test_says_that_nothing_was_found(self, staff_page: Callable[..., Page]) -> None:
        page = staff_page()
        page.goto("/admin/")

        page.get_by_role("button", name="Find or go to").click()
        page.keyboard.type("qqqqqq")

        expect(page.get_by_text("Nothing found.")).to_be_visible()


class TestKeys:
    def test_walk_the_rows_of_a_list(
        self, staff_page: Callable[..., Page], organization: Any
    ) -> None:
        second = make_customer(organization, name="B")
        make_customer(organization, name="A")
        page = staff_page("finance_lead")
        page.goto(CUSTOMERS)

        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("x")
        expect(page.locator("tr[aria-current] [data-row-select]")).to_be_checked()
        page.keyboard.press("Enter")

        page.wait_for_url(f"**{CUSTOMERS}{second.pk}/**")

    def test_go_home_with_two_in_a_row(self, staff_page: Callable[..., Page]) -> None:
        page = staff_page()
        page.goto(TAXES)

        page.keyboard.press("g")
        page.keyboard.press("h")

        page.wait_for_url("**/admin/")

    def test_rest_while_somebody_types(self, staff_page: Callable[..., Page]) -> None:
        """Seen to fail without `typing` in keys.js."""
        page = staff_page()
        page.goto(TAXES)

        page.keyboard.press("/")
        page.keyboard.type("gh?")

        expect(page.locator("#searchbar")).to_have_value("gh?")
        expect(page.locator("#t-keys")).to_be_hidden()

    def test_are_listed(self, staff_page: Callable[..., Page]) -> None:
        page = staff_page()
        page.goto(TAXES)

        page.keyboard.press("?")

        expect(page.get_by_role("dialog", name="Keys of this page")).to_be_visible()
        shot(page, "keys")
        assert_accessible(page)
        page.keyboard.press("Escape")
        expect(page.locator("#t-keys")).to_be_hidden()

    @pytest.mark.parametrize("key", ["?", "g"])
    def test_can_be_switched_off(self, staff_page: Callable[..., Page], key: str) -> None:
        page = staff_page()
        page.goto(TAXES)

        page.locator(".t-person summary").click()
        page.get_by_role("button", name="Switch single keys off").click()
        expect(page.locator("body.t-keys-off")).to_be_visible()
        page.keyboard.press(key)
        page.keyboard.press("h")

        expect(page.locator("#t-keys")).to_be_hidden()
        assert page.url.endswith(TAXES)
        assert StaffPreference.objects.get().keys_off
