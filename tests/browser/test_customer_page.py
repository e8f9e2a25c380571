"""Reading a customer in a real browser: its tabs, its timeline, taking back, restoring."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.events.actor import Actor
from billing.models import ChangeRecord
from customers.change import CustomerChange
from customers.delete import delete_customers
from customers.models import Customer
from customers.write import write_customer
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.browser.looks import assert_accessible, shot
from tests.customers.builders import make_customer

TABS = ("change", "terms", "addresses", "connections", "timeline", "api", "portal")
SHOP = Actor(ChangeRecord.Door.API, "Shop key", "key-1")
ANN = Actor(ChangeRecord.Door.STAFF, "Ann Lee", "7", "The customer wrote that they moved.")


@pytest.fixture
def hooli(organization: Any) -> Customer:
    """A customer with a past."""
    make_billing_entity(
        organization,
        code="acme_fr",
        name="Acme France",
        net_payment_term=30,
        default_currency="EUR",
        taxes=[make_tax(organization, code="vat_fr", name="French VAT", rate="20")],
        sections=[make_section(organization, code="footer", name="Bank details", details="IBAN")],
    )
    make_payment_provider(organization, code="stripe_eu", name="Stripe Europe")
    make_integration(organization, code="ns", name="NetSuite books")
    customer = make_customer(
        organization,
        external_id="5eb02857-a71e-4ea2-bcf9-57d3a41bc6ba",
        billing_entity_code="acme_fr",
        legal_name="Hooli SARL",
        name="Hooli",
        customer_type="company",
        country="DE",
        address_line1="Torstraße 1",
        city="Berlin",
        email="billing@hooli.com",
        phone="+49 30 123456",
        metadata=[{"key": "po", "value": "4711", "display_in_invoice": True}],
        billing_configuration={
            "payment_provider": "stripe",
            "payment_provider_code": "stripe_eu",
            "provider_customer_id": "cus_Jx8fk2",
        },
        integration_customers=[
            {"integration_type": "netsuite", "integration_code": "ns", "sync_with_provider": True}
        ],
    )
    for actor, values in (
        (SHOP, {"net_payment_term": 45, "email": "ap@hooli.com"}),
        (ANN, {"address_line1": "Unter den Linden 5", "tax_codes": ["vat_fr"]}),
        (SHOP, {"metadata": [{"key": "po", "value": "4712"}], "city": "Potsdam"}),
    ):
        wish = CustomerChange.read({"external_id": customer.external_id, **values})
        write_customer(organization.pk, wish, actor)
    return customer


class TestCustomerPage:
    @pytest.mark.parametrize("look", ["light", "dark", "phone"])
    def test_can_be_read_by_everybody(
        self, staff_page: Callable[..., Page], hooli: Customer, look: str
    ) -> None:
        page = staff_page("finance_lead", dark=look == "dark", phone=look == "phone")

        for tab in TABS:
            page.goto(f"/admin/customers/customer/{hooli.pk}/{tab}/")
            shot(page, f"customer-{tab}-{look}")
            assert_accessible(page)
            width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert width <= 0, f"{tab} is wider than the window"

    def test_shows_another_day(self, staff_page: Callable[..., Page], hooli: Customer) -> None:
        page = staff_page("finance")
        first = ChangeRecord.objects.filter(object_id=hooli.pk).earliest("id")
        moment = first.at.isoformat().replace("+00:00", "Z")

        page.goto(f"/admin/customers/customer/{hooli.pk}/change/?at={moment}")
        shot(page, "customer-then")

        expect(page.get_by_text("Different today:")).to_be_visible()
        expect(page.locator(".c-today").first).to_be_visible()
        assert_accessible(page)
        page.get_by_role("link", name="Back to today").click()
        expect(page.get_by_text("Different today:")).to_have_count(0)

    def test_takes_a_change_back_and_restores(
        self, staff_page: Callable[..., Page], hooli: Customer
    ) -> None:
        page = staff_page("finance_lead")
        page.goto("/admin/customers/customer/")
        page.get_by_role("link", name="Hooli SARL").first.click()
        page.get_by_role("link", name="Timeline").click()
        page.locator("li", has_text="Ann Lee").get_by_text("Take this change back").click()
        expect(page.get_by_text("Torstraße 1")).to_be_visible()
        shot(page, "customer-revert")
        assert_accessible(page)
        page.get_by_label("Reason").fill("They did not move")
        page.get_by_role("button", name="Put back").click()
        expect(page.get_by_text("Put back: Street, Taxes.")).to_be_visible()
        shot(page, "customer-reverted")
        hooli.refresh_from_db()
        assert hooli.address_line1 == "Torstraße 1"

        page.get_by_role("link", name="Delete", exact=True).click()
        shot(page, "customer-delete")
        assert_accessible(page)
        page.get_by_role("button", name="Delete the customer").click()
        expect(page.get_by_text("can be restored at any time")).to_be_visible()
        shot(page, "customer-deleted")
        assert_accessible(page)
        page.get_by_role("link", name="Restore").click()
        shot(page, "customer-restore")
        assert_accessible(page)
        page.get_by_role("button", name="Restore the customer").click()
        expect(page.get_by_text("Hooli SARL was restored.")).to_be_visible()

    def test_asks_about_later_changes(
        self, staff_page: Callable[..., Page], hooli: Customer
    ) -> None:
        page = staff_page("finance", dark=True)
        wish = {"external_id": hooli.external_id, "address_line1": "Elsewhere 9"}
        write_customer(hooli.organization_id, CustomerChange.read(wish), SHOP)
        record = ChangeRecord.objects.filter(object_id=hooli.pk, actor_name="Ann Lee").get()

        page.goto(f"/admin/customers/customer/{hooli.pk}/timeline/{record.pk}/revert/")
        page.get_by_role("button", name="Put back").click()

        expect(page.get_by_role("alert")).to_contain_text("Street was changed again")
        shot(page, "customer-revert-refused")
        assert_accessible(page)
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Put back").click()
        expect(page.get_by_text("Put back:")).to_be_visible()

    def test_says_who_is_in_the_way(self, staff_page: Callable[..., Page], hooli: Customer) -> None:
        page = staff_page("finance", phone=True)
        delete_customers(hooli.organization_id, [hooli.external_id], ANN)
        make_customer(hooli.organization, external_id=hooli.external_id, name="Newcomer")

        page.goto(f"/admin/customers/customer/{hooli.pk}/restore/")
        shot(page, "customer-taken")

        expect(page.get_by_text("belongs to Newcomer now")).to_be_visible()
        assert_accessible(page)

    def test_copies_the_external_id_by_keyboard(
        self, staff_page: Callable[..., Page], hooli: Customer
    ) -> None:
        page = staff_page("finance")
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(f"/admin/customers/customer/{hooli.pk}/change/")

        page.get_by_role("button", name="Copy the external id").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".c-copy .material-symbols-outlined")).to_have_text("check")

        assert page.evaluate("navigator.clipboard.readText()") == hooli.external_id
        page.keyboard.press("e")
        page.wait_for_url("**/edit/**")
