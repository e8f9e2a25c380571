"""Taxes and billing entities, as a person works with them."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from billing.models import BillingEntity, Organization
from tests.billing.builders import (
    make_billing_entity,
    make_tax,
)
from tests.browser.looks import assert_accessible, shot
from tests.customers.builders import make_customer


class TestHouse:
    def test_changes_a_rate_after_a_look_at_what_that_does(
        self, staff_page: Callable[..., Page], organization: Organization
    ) -> None:
        tax = make_tax(organization, name="VAT", code="vat", rate=20)
        make_customer(organization, tax_codes=["vat"])
        page = staff_page("finance_lead")
        page.goto(f"/admin/billing/tax/{tax.pk}/change/")

        page.get_by_label("Rate in per cent").fill("5.5")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("status").get_by_text("Nothing is saved yet.")).to_be_visible()
        expect(page.locator(".errornote")).to_have_count(0)
        shot(page, "tax-preview")
        assert_accessible(page)
        page.get_by_role("button", name="Save", exact=True).click()

        expect(page.get_by_text("Saved: rate in per cent.")).to_be_visible()
        tax.refresh_from_db()
        assert tax.rate == 5.5

    def test_archives_a_billing_entity(
        self, staff_page: Callable[..., Page], organization: Organization
    ) -> None:
        entity = make_billing_entity(organization, name="Acme France", code="fr")
        page = staff_page("finance_lead")
        page.goto(f"/admin/billing/billingentity/{entity.pk}/change/")

        page.get_by_role("link", name="Archive").click()
        expect(page.get_by_text("0 customers are billed by Acme France.")).to_be_visible()
        shot(page, "entity-archive")
        assert_accessible(page)
        page.get_by_role("button", name="Archive").click()

        expect(page.get_by_text("Acme France is archived.")).to_be_visible()
        assert_accessible(page)
        assert BillingEntity.objects.get(pk=entity.pk).archived_at is not None
