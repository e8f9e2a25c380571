"""The screens of the ground floor: scoped, without secrets, written by the writers of the API."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.events.actor import SYSTEM
from billing.models import ChangeRecord, Organization
from customers.delete import delete_customers
from tests.billing.builders import (
    make_api_key,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.builders import make_customer
from tests.customers.pages import LIST
from tests.staff import sign_in, text_of


@pytest.fixture
def clerk(organization: Organization) -> Client:
    """The browser of a finance clerk of the organization."""
    return sign_in(organization)


class TestScreens:
    """Those about other organizations were seen to fail without Screen.get_queryset's filter."""

    SCREENS = (
        "billingentity",
        "membership",
        "tax",
        "invoicecustomsection",
        "paymentprovider",
        "integration",
        "webhookendpoint",
        "apikey",
    )

    def test_open_the_one_organization_there_is(self, organization: Organization) -> None:
        page = sign_in(organization, role="operator").get("/admin/billing/organization/")

        assert page.headers["Location"].endswith(f"/{organization.pk}/change/")

    @pytest.mark.parametrize("screen", SCREENS)
    def test_open_for_an_operator(self, organization: Organization, screen: str) -> None:
        make_api_key(organization)
        make_tax(organization)
        make_section(organization)
        make_payment_provider(organization)
        make_customer(organization)
        client = sign_in(organization, role="operator")

        page = client.get(f"/admin/billing/{screen}/")
        rows = re.findall(rf'href="(/admin/billing/{screen}/[^"?]+/change/)', page.content.decode())

        assert page.status_code == 200
        assert all(client.get(row).status_code == 200 for row in rows)
        assert rows or screen in ("integration", "webhookendpoint")

    @pytest.mark.parametrize("screen", SCREENS)
    def test_show_nothing_of_another_organization(
        self, organization: Organization, screen: str
    ) -> None:
        other = make_organization(name="Hooli")
        sign_in(other, role="viewer")
        for make in (make_api_key, make_tax, make_section, make_payment_provider, make_customer):
            make(other)
        client = sign_in(organization, role="operator")

        page = text_of(client.get(f"/admin/billing/{screen}/"))

        assert "Hooli" not in page

    def test_let_a_superuser_see_people(self, organization: Organization) -> None:
        sign_in(organization)
        person = get_user_model().objects.get()
        client = sign_in(is_superuser=True)

        assert client.get("/admin/auth/user/").status_code == 200
        assert client.get(f"/admin/auth/user/{person.pk}/change/").status_code == 200

    def test_keep_people_from_everybody_else(self, organization: Organization) -> None:
        assert sign_in(organization, role="operator").get("/admin/auth/user/").status_code == 403

    def test_never_show_a_secret(self, organization: Organization) -> None:
        provider = make_payment_provider(
            organization, secrets={"secret_key": "sk_live_canary_0123456789"}
        )
        client = sign_in(organization, role="operator")

        page = text_of(client.get(f"/admin/billing/paymentprovider/{provider.pk}/change/"))

        assert "Set (...6789)" in page
        assert "canary" not in page

    def test_change_a_tax_by_its_writer(self, organization: Organization) -> None:
        tax = make_tax(organization, code="vat", name="VAT", rate="20")
        client = sign_in(organization, role="finance_lead")
        address = f"/admin/billing/tax/{tax.pk}/change/"
        seen = client.get(address).context["adminform"].form["seen"].value()
        sent = {"name": "VAT", "code": "vat", "rate": "5.5", "seen": seen}

        make_customer(organization, tax_codes=["vat"])

        asked = client.post(address, sent)
        previewed = asked.context["adminform"].form["previewed"].value()
        tax.refresh_from_db()
        rate_when_asked = tax.rate
        response = client.post(address, sent | {"previewed": previewed})

        words = "VAT: 20 % becomes 5.5 %. 1 customer and 0 billing entities use it."
        assert words in text_of(asked)
        assert rate_when_asked == 20
        assert response.status_code == 302, text_of(response)
        tax.refresh_from_db()
        assert str(tax.rate) == "5.50000000"
        assert ChangeRecord.objects.latest("id").changes == {"rate": ["20", "5.5"]}

    def test_count_the_kept_customers_of_all_rows_at_once(
        self, organization: Organization, clerk: Client
    ) -> None:
        """About one question for all rows, and about kept customers alone."""
        for code in ("a", "b", "c"):
            make_tax(organization, code=code)
        make_customer(organization, tax_codes=["a"])
        gone = make_customer(organization, tax_codes=["a", "b"])
        delete_customers(organization.id, [gone.external_id], SYSTEM)

        with CaptureQueriesContext(connection) as queries:
            page = clerk.get("/admin/billing/tax/")

        counted = [one for one in queries if "customers_appliedtax" in one["sql"]]
        assert len(counted) == 1
        assert text_of(page).count("1 customer") == 1
        assert text_of(page).count("0 customers") == 2

    def test_show_a_refusal_of_a_tax_at_its_field(self, organization: Organization) -> None:
        client = sign_in(organization, role="finance_lead")
        sent = {"organization": organization.pk, "name": "VAT", "code": "vat", "rate": "1200"}

        response = client.post("/admin/billing/tax/add/", sent)

        assert "“1200” is outside of 0 to 1000 per cent." in text_of(response)
        assert not organization.taxes.exists()

    def test_show_the_history_of_a_customer(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann")

        page = clerk.get(f"{LIST}{customer.pk}/history/", follow=True)

        assert page.status_code == 200
        assert "created" in text_of(page)
