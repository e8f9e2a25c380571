"""The history of everything, as staff read it."""

import pytest
from django.test import Client

from billing.events.actor import SYSTEM
from billing.models import Organization
from billing.taxes.change import TaxChange
from billing.taxes.write import change_tax
from tests.billing.builders import make_api_key, make_organization, make_tax
from tests.customers.builders import make_customer
from tests.staff import sign_in, text_of

PAGE = "/admin/history/"


@pytest.fixture
def auditor(organization: Organization) -> Client:
    """The browser of an auditor."""
    return sign_in(organization, role="auditor")


class TestHistory:
    def test_tells_changes_in_words_with_a_link_to_the_object(
        self, auditor: Client, organization: Organization
    ) -> None:
        tax = make_tax(organization, name="VAT", code="vat", rate=20)
        change_tax(organization.pk, "vat", TaxChange.examine({"rate": "5.5"}), SYSTEM)
        customer = make_customer(organization, name="Ann", net_payment_term=30)

        page = auditor.get(PAGE)

        words = " ".join(text_of(page).split())
        assert "Tarn changed VAT (vat) : Rate" in words
        assert "Payment term empty → 30 days" in words
        assert f"/admin/billing/tax/{tax.pk}/change/" in page.content.decode()
        assert f"/admin/customers/customer/{customer.pk}/change/" in page.content.decode()

    def test_shows_nothing_of_another_organization(self, auditor: Client) -> None:
        """About the organization in find_changes, and in whom one can ask for."""
        hooli = make_organization()
        make_customer(hooli, name="Hooli")
        make_api_key(hooli, name="Hooli's shop")
        sign_in(hooli, first_name="Gavin", last_name="of Hooli")

        assert "Hooli" not in text_of(auditor.get(PAGE))
        assert "No changes yet." in text_of(auditor.get(PAGE))

    def test_narrows_to_one_object(self, auditor: Client, organization: Organization) -> None:
        ann, _bob = (make_customer(organization, name=name) for name in ("Ann", "Bob"))

        page = text_of(auditor.get(PAGE, {"object_id": ann.pk, "resource": "customer"}))

        assert "Ann" in page
        assert "Bob" not in page

    def test_narrows_to_one_field_and_those_below_it(
        self, auditor: Client, organization: Organization
    ) -> None:
        """Red without the paths in find_changes: Ann is there, too."""
        ann = make_customer(organization, external_id="a", name="Ann")
        make_customer(organization, external_id="b", name="Bob", shipping_address={"city": "Ulm"})

        page = text_of(auditor.get(PAGE, {"field": "shipping_address"}))

        assert "Bob" in page
        assert str(ann) not in page

    @pytest.mark.parametrize(
        "query",
        [
            "object_id=abc",
            "batch=%00",
            "since=2026-02-31",
            "since=9999-12-31&until=9999-12-31",
            "until=0001-01-01",
            "before=99999999999999999999",
            "before=9223372036854775807",
            "before=" + "9" * 5_000,
            "who=%00&door=x&resource=x",
        ],
    )
    def test_survives_whatever_the_address_says(
        self, auditor: Client, organization: Organization, query: str
    ) -> None:
        make_customer(organization)

        assert auditor.get(f"{PAGE}?{query}").status_code == 200

    def test_asks_the_same_of_the_database_however_long_it_is(
        self, auditor: Client, organization: Organization, django_assert_max_num_queries: object
    ) -> None:
        """About names being read once for all lines."""
        for number in range(30):
            make_customer(organization, name=f"Ann {number}", currency="EUR")
        make_tax(organization)

        with django_assert_max_num_queries(20):  # type: ignore[operator]  # a fixture
            auditor.get(PAGE)
