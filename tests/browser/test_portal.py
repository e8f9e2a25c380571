"""The customer's own page, and what becomes of what it proposes there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from billing.events.actor import SYSTEM
from billing.models import BillingEntity, Organization
from customers.change import CustomerChange
from customers.models import Customer, Proposal
from customers.portal.links import make_token
from customers.write import write_customer
from tests.browser.conftest import PHONE, WIDE
from tests.browser.looks import assert_accessible, shot
from tests.customers.portal.proposing import make_canal, make_proposal
from tests.customers.portal.test_judge import decide

LOOKS = [("light", {}), ("dark", {"dark": True}), ("phone", {"phone": True})]


@pytest.fixture
def canal(organization: Organization) -> Customer:
    BillingEntity.objects.update(name="Acme France", email="billing@acme.test")
    return make_canal(organization, name="Brasserie du Canal", shipping_address={"country": "FR"})


@pytest.fixture
def portal_page(browser: Browser, live_server: Any) -> Iterator[Callable[..., Page]]:
    """Open a customer's page in a browser that has no script, as one of the strictest readers."""
    contexts: list[BrowserContext] = []

    def make(
        customer: Customer, *, dark: bool = False, phone: bool = False, locale: str = "en-GB"
    ) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport=PHONE if phone else WIDE,  # type: ignore[arg-type]  # two numbers by name
            color_scheme="dark" if dark else "light",
            locale=locale,
            java_script_enabled=False,
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"/customer-portal/{make_token(customer.organization_id, customer.pk)}")
        return page

    yield make
    for context in contexts:
        context.close()


@pytest.mark.django_db(transaction=True)
class TestPortal:
    @pytest.mark.parametrize("name, look", LOOKS)
    def test_takes_a_correction(
        self, canal: Customer, portal_page: Callable[..., Page], name: str, look: dict[str, bool]
    ) -> None:
        page = portal_page(canal, **look)
        shot(page, f"portal-{name}")
        page.get_by_text("Correct something").click()
        page.get_by_label("E-mail").fill("nobody")
        page.get_by_label("City").first.fill("Lyon")
        shot(page, f"portal-form-{name}")
        page.get_by_role("button", name="Send the corrections").click()
        expect(page.get_by_role("alert")).to_contain_text("E-mail")
        shot(page, f"portal-wrong-{name}")
        page.get_by_label("E-mail").fill("neu@canal.test")
        page.get_by_role("button", name="Send the corrections").click()

        expect(page.get_by_text("Thank you, your corrections are with us")).to_be_visible()
        shot(page, f"portal-sent-{name}")
        assert Proposal.objects.get().changes.keys() == {"email", "city"}

    def test_says_in_german_what_became_of_it(
        self, canal: Customer, portal_page: Callable[..., Page]
    ) -> None:
        proposal = make_proposal(canal, city="Lyon", email="neu@canal.test")
        decide(proposal, "city", answer="An diese Adresse kommt nichts an.")

        page = portal_page(canal, locale="de-DE")

        heading = "Wir haben einen Teil Ihrer Korrekturen übernommen"
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        shot(page, "portal-german")
        page.get_by_role("link", name="Français").click()
        expect(page.get_by_role("heading", name="Vos coordonnées")).to_be_visible()

    @pytest.mark.parametrize("name, look", LOOKS)
    def test_can_be_used_by_everybody(
        self,
        canal: Customer,
        browser: Browser,
        live_server: Any,
        name: str,
        look: dict[str, bool],
    ) -> None:
        """With scripts, for axe needs one; the page itself brings none."""
        make_proposal(canal, city="Lyon")
        context = browser.new_context(
            base_url=live_server.url,
            viewport=PHONE if look.get("phone") else WIDE,  # type: ignore[arg-type]  # see above
            color_scheme="dark" if look.get("dark") else "light",
            bypass_csp=True,
        )
        page = context.new_page()
        page.goto(f"/customer-portal/{make_token(canal.organization_id, canal.pk)}")
        page.get_by_text("Change your corrections").click()
        assert_accessible(page)
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0
        page.goto("/customer-portal/none")
        shot(page, f"portal-closed-{name}")
        assert_accessible(page)
        context.close()


class TestStaff:
    @pytest.mark.parametrize("name, look", LOOKS)
    def test_judge_it(
        self, canal: Customer, staff_page: Callable[..., Page], name: str, look: dict[str, bool]
    ) -> None:
        make_proposal(canal, "We moved.", city="Lyon", tax_identification_number="FR123")
        change = CustomerChange.read({"external_id": "canal", "city": "Nice"})
        write_customer(canal.organization_id, change, SYSTEM)
        page = staff_page(**look)
        page.goto("/admin/")
        page.get_by_role("link", name="Proposed by customers").click()
        shot(page, f"proposals-{name}")
        assert_accessible(page)
        page.get_by_role("link", name="Canal SAS").click()
        page.get_by_role("group", name="City").get_by_label("No").check()
        page.get_by_role("button", name="Save the decision").click()
        expect(page.get_by_text("Say why you refuse something.")).to_be_visible()
        shot(page, f"proposal-{name}")
        assert_accessible(page)
        page.get_by_label("Answer to the customer").fill("Lyon is the branch.")
        page.get_by_role("button", name="Save the decision").click()

        expect(page.get_by_text("Taken over for Canal SAS")).to_be_visible()
        page.goto(f"/admin/customers/customer/{canal.pk}/timeline/")
        expect(page.get_by_text("See what the customer proposed")).to_be_visible()
        shot(page, f"proposal-timeline-{name}")
