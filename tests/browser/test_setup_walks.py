"""What an organization is set up with, walked as a person does: nothing done twice or unseen."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from billing.api.models import ApiKey
from billing.models import BillingEntity, ChangeRecord, Membership, Organization, PaymentProvider
from tests.billing.builders import make_billing_entity, make_payment_provider, make_tax
from tests.browser.looks import assert_accessible, shot
from tests.customers.builders import make_customer

StaffPage = Callable[..., Page]
pytestmark = pytest.mark.django_db(transaction=True)


def press(page: Page, name: str) -> None:
    """Press the button that is called exactly this."""
    page.get_by_role("button", name=name, exact=True).click()


def save(page: Page) -> None:
    """Save, and wait for what comes of it."""
    with page.expect_navigation():
        press(page, "Save")


class TestKeys:
    def test_is_seen_once_rotated_with_overlap_and_revoked(
        self, staff_page: StaffPage, organization: Organization
    ) -> None:
        page = staff_page("operator")
        page.goto("/admin/billing/apikey/")
        expect(page.get_by_text("No API keys yet.")).to_be_visible()
        assert_accessible(page)
        page.goto("/admin/billing/apikey/add/")
        page.get_by_label("Name").fill("Shop")
        page.get_by_label("May do everything").check()
        press(page, "Save")
        expect(page.get_by_text("Copy the key now")).to_be_visible()
        made = page.get_by_label("Shop").input_value()
        shot(page, "key-made")
        assert_accessible(page)
        page.get_by_role("link", name="To the keys").click()
        assert made not in page.content()
        first = ApiKey.objects.get(organization=organization)

        page.goto(f"/admin/billing/apikey/{first.pk}/change/")
        page.get_by_role("link", name="Rotate").click()
        assert_accessible(page)
        press(page, "Rotate the key")
        expect(page.get_by_text("works until")).to_be_visible()
        assert page.get_by_label("Shop").input_value() != made
        shot(page, "key-rotated")
        first.refresh_from_db()
        assert first.expires_at is not None
        assert ApiKey.objects.filter(organization=organization).count() == 2

        page.goto(f"/admin/billing/apikey/{first.pk}/change/")
        page.get_by_role("link", name="Revoke").click()
        expect(page.get_by_text("The next request with this key is refused.")).to_be_visible()
        assert_accessible(page)
        press(page, "Revoke the key")
        page.goto("/admin/billing/apikey/")
        expect(page.get_by_text("Works")).to_have_count(1)
        shot(page, "keys")
        assert_accessible(page)


class TestConnection:
    def test_keeps_shows_the_end_of_and_forgets_a_secret(
        self, staff_page: StaffPage, organization: Organization
    ) -> None:
        stripe = make_payment_provider(organization, name="Stripe EU", code="eu")
        page = staff_page("operator")
        address = f"/admin/billing/paymentprovider/{stripe.pk}/change/"
        page.goto(address)
        page.get_by_label("Secret key").fill("sk_test_4242aaaa")
        save(page)
        page.goto(address)
        expect(page.get_by_text("Set (...aaaa).")).to_be_visible()
        assert page.get_by_label("Secret key").input_value() == ""
        page.get_by_label("Secret key").fill("sk_test_4242bbbb")
        save(page)
        page.goto(address)
        expect(page.get_by_text("Set (...bbbb).")).to_be_visible()
        assert "sk_test_4242" not in page.content()
        shot(page, "connection-secret")
        assert_accessible(page)

        page.get_by_text("Forget it").first.click()
        save(page)
        page.goto("/admin/billing/paymentprovider/")
        expect(page.get_by_text("Missing: Secret key")).to_be_visible()
        assert_accessible(page)
        assert PaymentProvider.objects.get().secrets.reveal() == {}


class TestEntity:
    def test_becomes_the_default_after_a_look(
        self, staff_page: StaffPage, organization: Organization
    ) -> None:
        entity = make_billing_entity(organization, name="Acme France", code="fr")
        page = staff_page("finance_lead")
        page.goto(f"/admin/billing/billingentity/{entity.pk}/change/")
        shot(page, "entity")
        page.get_by_role("link", name="Make it the default").click()
        expect(page.get_by_text("New customers are billed by Acme France")).to_be_visible()
        assert_accessible(page)
        press(page, "Make it the default")

        expect(page.get_by_text("Acme France is the default now.")).to_be_visible()
        assert BillingEntity.objects.get(organization=organization, is_default=True) == entity


class TestStaff:
    def test_are_added_with_a_role_and_leave_again(
        self, staff_page: StaffPage, organization: Organization
    ) -> None:
        page = staff_page("finance_lead")
        page.goto("/admin/billing/membership/add/")
        page.get_by_label("E-mail address").fill("new@acme.test")
        page.get_by_label("Role").select_option("finance")
        assert_accessible(page)
        press(page, "Save")
        expect(page.get_by_text("new@acme.test was added.")).to_be_visible()
        page.get_by_text("What each role may do").click()
        shot(page, "staff")
        assert_accessible(page)

        page.get_by_role("link", name="new@acme.test").click()
        page.get_by_role("link", name="Delete member").click()
        expect(page.get_by_text("The person no longer gets in here.")).to_be_visible()
        shot(page, "staff-delete")
        assert_accessible(page)
        press(page, "Delete")
        expect(page.get_by_text("successfully")).to_be_visible()
        assert not Membership.objects.filter(user__username="new@acme.test").exists()


class TestHistory:
    def test_narrows_by_person_door_and_field(
        self, staff_page: StaffPage, organization: Organization
    ) -> None:
        make_customer(organization, name="Ann", phone="030 1")
        make_customer(organization, external_id="b", name="Bob")
        make_tax(organization, name="VAT", code="vat")
        page = staff_page("auditor")
        page.goto("/admin/history/")
        page.get_by_label("Field").select_option("phone")
        press(page, "Show")
        expect(page.get_by_text("created Ann")).to_be_visible()
        expect(page.get_by_text("created Bob")).to_have_count(0)
        shot(page, "history-narrowed")
        assert_accessible(page)
        page.get_by_label("Through").select_option("import")
        press(page, "Show")
        expect(page.get_by_text("No change matches.")).to_be_visible()
        page.get_by_role("link", name="Clear filters").first.click()
        page.get_by_label("Who").select_option(label="Tarn")
        press(page, "Show")

        expect(page.get_by_text("created Bob")).to_be_visible()


class TestTwice:
    def test_pressing_create_twice_makes_one_tax(
        self, staff_page: StaffPage, organization: Organization
    ) -> None:
        """Seen to fail without once.js: the second stops the answer to the first."""
        page = staff_page("finance_lead")
        page.goto("/admin/billing/tax/add/")
        page.get_by_label("Name").fill("VAT")
        page.get_by_label("Code").fill("vat")
        page.get_by_label("Rate in per cent").fill("20")
        sent: list[str] = []

        def answer_late(asked: Route) -> None:
            sent.append(asked.request.method)
            time.sleep(0.5)
            asked.continue_()

        page.route("**/tax/add/", answer_late)
        save = page.get_by_role("button", name="Save", exact=True)
        save.evaluate("button => { button.click(); setTimeout(() => button.click(), 200); }")
        page.wait_for_url("**/change/")

        assert sent == ["POST"]
        assert organization.taxes.filter(code="vat").count() == 1
        assert ChangeRecord.objects.filter(resource="tax", action="created").count() == 1
