"""Bulk work in a real browser: choose, preview, confirm, result, undo."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from customers.batches import Batch
from customers.models import Customer
from tests.billing.builders import make_billing_entity, make_tax
from tests.browser.looks import assert_accessible, shot
from tests.customers.builders import make_customers
from tests.customers.bulk.work import confirm, preview, write

pytestmark = pytest.mark.django_db(transaction=True)


def choose(page: Page, customers: list[Any]) -> None:
    """Tick customers in the list, and ask to change them."""
    page.goto("/admin/customers/customer/")
    for one in customers:
        page.get_by_role("checkbox", name=f"Select {one}").check()
    page.get_by_role("button", name="Change…").click()
    expect(page.get_by_role("heading", name="What is to change?")).to_be_visible()


@pytest.fixture
def three(organization: Any) -> list[Any]:
    """Three customers, payable in 10, 20 and 30 days."""
    make_tax(organization, code="vat_fr_20", name="TVA France", rate="20")
    make_tax(organization, code="vat_fr_55", name="TVA réduite", rate="5.5")
    make_billing_entity(organization, code="fr", name="Acme France")
    names = ("Brasserie du Canal SARL", "Fjord Logistics AS", "Müller & Söhne GmbH")
    return make_customers(
        organization,
        [
            {"legal_name": name, "net_payment_term": days, "currency": "EUR"}
            for name, days in zip(names, (10, 20, 30), strict=True)
        ],
    )


class TestBulk:
    def test_changes_three_and_takes_it_back(
        self, staff_page: Callable[..., Page], three: list[Any]
    ) -> None:
        page = staff_page("finance_lead")
        choose(page, three)
        shot(page, "bulk-choose")
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("alert")).to_have_text("Choose at least one thing to change.")
        shot(page, "bulk-choose-error")
        assert_accessible(page)

        page.get_by_label("Payment term: what to do").select_option("set")
        page.get_by_label("Days to pay").fill("30")
        page.get_by_label("Taxes: what to do").select_option("add")
        page.get_by_label("TVA France 20 % (vat_fr_20)").check()
        shot(page, "bulk-choose-filled")
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("button", name="Change 3 customers")).to_be_visible()
        shot(page, "bulk-preview")
        assert_accessible(page)

        page.get_by_role("button", name="Change 3 customers").click()
        expect(page.get_by_text("Say why")).to_be_visible()
        page.get_by_label("Reason").fill("Month end")
        page.get_by_role("button", name="Change 3 customers").click()
        expect(page.get_by_role("status")).to_contain_text("3 done")
        shot(page, "bulk-result")
        assert_accessible(page)

        page.get_by_role("button", name="Undo…").click()
        expect(page.get_by_role("button", name="Put 3 customers back")).to_be_visible()
        shot(page, "bulk-undo-preview")
        page.get_by_role("button", name="Put 3 customers back").click()
        expect(page.get_by_role("status")).to_contain_text("3 done")
        terms = sorted(Customer.objects.values_list("net_payment_term", flat=True))
        assert terms == [10, 20, 30]

    @pytest.mark.parametrize("look", [{"dark": True}, {"phone": True}])
    def test_shows_who_was_left_out(
        self,
        staff_page: Callable[..., Page],
        organization: Any,
        three: list[Any],
        look: dict[str, bool],
    ) -> None:
        batch = preview(organization, three, net_payment_term={"to": 30})
        waiting = preview(organization, three[:2], Batch.Kind.DELETE)
        write(organization, three[0], net_payment_term=14)
        confirm(batch)
        page = staff_page("finance_lead", **look)
        name = "-".join(look)

        choose(page, three)
        for label in ("Payment term", "Taxes", "Metadata"):
            page.get_by_label(f"{label}: what to do").select_option("set")
        shot(page, f"bulk-choose-{name}")
        assert_accessible(page)
        for path, title in (
            ("", "list"),
            (f"{batch.pk}/", "result"),
            (f"{waiting.pk}/", "delete"),
        ):
            page.goto(f"/admin/customers/bulk/{path}")
            shot(page, f"bulk-{title}-{name}")
            assert_accessible(page)
        width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, "the page scrolls sideways"
