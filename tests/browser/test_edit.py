"""Editing a customer, in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from billing.events.actor import SYSTEM
from billing.models import ChangeRecord
from customers.change import CustomerChange
from customers.models import Customer
from customers.write import write_customers
from tests.billing.builders import make_payment_provider, make_tax
from tests.browser.looks import assert_accessible, shot
from tests.customers.builders import make_customer
from tests.customers.pages import ADD, LIST, form_of

StaffPage = Callable[..., Page]


@pytest.fixture
def hooli(organization: Any) -> Customer:
    """A customer with something in every group of the form."""
    make_tax(organization, code="vat", name="French VAT", rate="20")
    make_payment_provider(organization, code="stripe-1")
    return make_customer(
        organization,
        external_id="hooli-1",
        legal_name="Hooli SARL",
        country="FR",
        address_line1="1 rue de la République",
        zipcode="69001",
        city="Lyon",
        net_payment_term=30,
        tax_codes=["vat"],
        metadata=[{"key": "po", "value": "1234"}],
    )


def review(page: Page) -> None:
    page.get_by_role("button", name="Review & save").click()
    expect(page.get_by_role("heading", name="Review", exact=True)).to_be_visible()


class TestEdit:
    def test_goes_from_the_form_over_the_review_to_the_customer(
        self, staff_page: StaffPage, hooli: Customer
    ) -> None:
        page = staff_page("finance")
        page.goto(form_of(hooli))
        shot(page, "edit-form")
        assert_accessible(page)

        page.get_by_label("Days to pay").fill("45")
        page.get_by_role("checkbox", name="French VAT").uncheck()
        expect(page.locator("[data-count]")).to_have_text("2 changes")
        review(page)
        assert_accessible(page)
        shot(page, "edit-review")
        page.get_by_role("button", name="Back to the form").click()
        expect(page.get_by_label("Days to pay")).to_have_value("45")
        expect(page.locator("[data-count]")).to_have_text("2 changes")
        review(page)
        page.get_by_label("Reason").fill("Moved abroad")
        page.get_by_role("button", name="Save", exact=True).click()

        expect(page.get_by_text("Saved: 2 changes to Hooli SARL.")).to_be_visible()
        assert ChangeRecord.objects.latest("id").reason == "Moved abroad"
        page.goto(form_of(hooli))
        expect(page.get_by_text("You had unsaved changes")).to_have_count(0)

    def test_speaks_of_the_country_as_it_is_chosen(
        self, staff_page: StaffPage, hooli: Customer
    ) -> None:
        page = staff_page("finance")
        page.goto(form_of(hooli))

        page.get_by_role("combobox", name="Country").first.fill("germ")
        page.keyboard.press("Enter")

        page.get_by_label("USt-IdNr.").fill("DE12345678")
        expect(page.get_by_text("“DE12345678” has 8 digits")).to_be_visible()
        names = page.locator("[data-group=address] input").evaluate_all(
            "found => found.map((one) => one.name)"
        )
        assert names.index("zipcode") < names.index("city")

    def test_needs_no_mouse(self, staff_page: StaffPage, hooli: Customer) -> None:
        page = staff_page("finance")
        page.goto(form_of(hooli))

        page.get_by_label("Phone").focus()
        page.keyboard.type("+33 1 42 68 53 00")
        page.keyboard.press("Enter")  # sends nothing
        page.keyboard.press("Tab")
        page.keyboard.type("hooli.test")
        page.keyboard.press("Control+Enter")  # without a next one, as Ctrl+S
        expect(page.get_by_role("heading", name="Review", exact=True)).to_be_visible()
        page.keyboard.press("Control+s")

        expect(page.get_by_text("Saved: 2 changes to Hooli SARL.")).to_be_visible()
        hooli.refresh_from_db()
        assert (hooli.phone, hooli.url) == ("+33 1 42 68 53 00", "hooli.test")

    def test_leads_to_the_first_mistake(self, staff_page: StaffPage, hooli: Customer) -> None:
        page = staff_page("finance", dark=True)
        page.goto(form_of(hooli))
        page.get_by_label("Days to pay").fill("soon")
        page.get_by_label("E-mail").fill("a@b")

        page.get_by_role("button", name="Review & save").click()

        expect(page.get_by_role("alert").first).to_contain_text("Nothing was saved yet")
        expect(page.get_by_label("E-mail")).to_be_focused()
        expect(page.get_by_label("Days to pay")).to_have_value("soon")
        assert_accessible(page)
        shot(page, "edit-errors-dark")


class TestConflict:
    def test_is_settled_field_by_field(
        self, staff_page: StaffPage, organization: Any, hooli: Customer
    ) -> None:
        page = staff_page("finance")
        page.goto(form_of(hooli))
        page.get_by_label("Days to pay").fill("45")
        page.get_by_label("Phone").fill("1")
        theirs = {"external_id": "hooli-1", "net_payment_term": 60, "city": "Paris"}
        write_customers(organization.pk, [CustomerChange.read(theirs)], SYSTEM)

        page.get_by_role("button", name="Review & save").click()
        expect(page.get_by_role("heading", name="Somebody else was faster")).to_be_visible()
        page.get_by_role("radio", name="60").check()
        expect(page.locator("[data-result]")).to_have_text("60")
        assert_accessible(page)
        shot(page, "edit-conflict")
        page.get_by_role("button", name="Review & save").click()
        page.get_by_role("button", name="Save", exact=True).click()

        expect(page.get_by_text("Saved: 1 change to Hooli SARL.")).to_be_visible()
        hooli.refresh_from_db()
        assert (hooli.net_payment_term, hooli.city, hooli.phone) == (60, "Paris", "1")


class TestDraft:
    def test_outlives_the_end_of_a_session(self, staff_page: StaffPage, hooli: Customer) -> None:
        """Seen to fail with the draft left out: the form comes back as it was stored."""
        page = staff_page("finance")
        page.goto(form_of(hooli))
        kept, cookies = list(Session.objects.all()), page.context.cookies()
        page.get_by_label("Phone").fill("12345")
        Session.objects.all().delete()
        page.get_by_role("button", name="Review & save").click()
        expect(page.get_by_text("You were signed out meanwhile.")).to_be_visible()
        expect(page.get_by_label("Phone")).to_have_value("12345")
        shot(page, "edit-signed-out")

        for session in kept:
            session.save(force_insert=True)
        page.context.add_cookies(cookies)
        page.once("dialog", lambda dialog: dialog.accept())
        page.goto(form_of(hooli))
        expect(page.get_by_text("You had unsaved changes here from")).to_be_visible()
        shot(page, "edit-draft")
        page.get_by_role("button", name="Take them up").click()

        expect(page.get_by_label("Phone")).to_have_value("12345")
        expect(page.locator("[data-count]")).to_have_text("1 change")

    def test_is_kept_of_a_reason(self, staff_page: StaffPage, hooli: Customer) -> None:
        """Seen to fail with the question before sending left out, and with the watch left out."""
        page = staff_page("finance_lead")
        page.goto(f"{LIST}{hooli.pk}/delete/")
        kept, cookies = list(Session.objects.all()), page.context.cookies()
        page.get_by_label("Reason").fill("Closed in May")
        Session.objects.all().delete()
        page.get_by_role("button", name="Delete the customer").click()
        expect(page.get_by_text("You were signed out meanwhile.")).to_be_visible()
        assert_accessible(page)
        shot(page, "delete-signed-out")

        for session in kept:
            session.save(force_insert=True)
        # Whoever signs in anew has another token.
        others = [one for one in cookies if one["name"] != settings.CSRF_COOKIE_NAME]
        page.context.clear_cookies()
        page.context.add_cookies(others)
        page.reload()
        page.get_by_role("button", name="Take them up").click()
        page.context.clear_cookies(name=settings.CSRF_COOKIE_NAME)
        page.get_by_role("button", name="Delete the customer").click()

        expect(page.get_by_text("Hooli SARL was deleted.")).to_be_visible()
        assert ChangeRecord.objects.latest("id").reason == "Closed in May"
        page.goto(f"{LIST}{hooli.pk}/restore/")
        expect(page.get_by_label("Reason")).to_be_visible()
        assert page.evaluate("sessionStorage.length") == 0

    def test_is_nobody_else_s(self, staff_page: StaffPage, hooli: Customer) -> None:
        page = staff_page("finance")
        page.goto(form_of(hooli))
        page.evaluate("sessionStorage.setItem('tarn-draft:999:x', '{}')")

        page.reload()

        assert page.evaluate("sessionStorage.getItem('tarn-draft:999:x')") is None


class TestNewCustomer:
    def test_shows_who_is_there_already(self, staff_page: StaffPage, hooli: Customer) -> None:
        page = staff_page("finance", phone=True)
        page.goto(ADD)
        shot(page, "add-phone")

        page.get_by_label("External id").fill("hooli-2")
        page.get_by_label("Legal name").fill("hooli s.a.r.l.")
        expect(page.get_by_role("link", name="Hooli SARL")).to_be_visible()
        page.get_by_role("button", name="Create customer").click()
        expect(page.get_by_role("heading", name="Review the new customer")).to_be_visible()
        shot(page, "add-review-phone")
        page.get_by_role("button", name="Create customer").click()

        expect(page.get_by_text("hooli s.a.r.l. was created.")).to_be_visible()
