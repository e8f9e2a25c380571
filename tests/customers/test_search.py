"""Which customers a `CustomerQuery` means, and that an address never widens it."""

from typing import Any

import pytest
from django.http import QueryDict

from billing.events.actor import SYSTEM
from billing.models import Tax
from customers.delete import delete_customer
from customers.models import Customer, TaxNumberProblem
from customers.search import CustomerQuery
from tests.billing.builders import make_organization
from tests.customers.builders import make_customer, make_customers


def found(organization: Any, address: str) -> str:
    """Return the external ids an address finds, sorted."""
    query = CustomerQuery.read(organization.pk, QueryDict(address))
    return " ".join(sorted(query.queryset().values_list("external_id", flat=True)))


@pytest.fixture
def people(organization):
    return make_customers(
        organization,
        [
            {
                "external_id": "c1",
                "name": "Zoë Brasserie",
                "city": "Nantes",
                "country": "FR",
                "currency": "EUR",
                "tax_identification_number": "FR 76.123 456-789",
                "phone": "+33 (0)1 42 68 53 00",
                "metadata": [{"key": "po", "value": "A-1234", "display_in_invoice": False}],
            },
            {
                "external_id": "acme:1234",
                "legal_name": "Zola Nkosi & Söhne",
                "email": "info@zola.test",
                "country": "DE",
                "customer_type": "company",
            },
        ],
    )


class TestText:
    @pytest.mark.parametrize(
        "text, expected",
        [
            ("brasserie", "c1"),
            ("zoë NANTES", "c1"),
            ("zoë söhne", ""),
            ("nantes", "c1"),
            ("FR76123456789", "c1"),
            ("fr 76 123 456 789", "c1"),
            ("123.456", "c1"),
            ("42685300", "c1"),
            ("42 68 53", "c1"),
            ("po:1234", "c1"),
            ("PO:a-12", "c1"),
            ("po:9", ""),
            ("acme:12", "acme:1234"),
            ("zo", "acme:1234 c1"),
            ("nk", "acme:1234"),
            ("os", ""),
            ("100%", ""),
            ("_", ""),
            ("zola.test", "acme:1234"),
        ],
    )
    def test_finds_words_numbers_and_metadata(self, organization, people, text, expected):
        assert found(organization, f"q={text.replace('%', '%25')}") == expected

    def test_finds_nothing_by_one_letter(self, organization, people):
        """No index holds it: a million customers would be read."""
        assert found(organization, "q=z") == ""

    def test_never_looks_into_another_organization(self, organization, people):
        other = make_organization()
        metadata = [{"key": "po", "value": "1234", "display_in_invoice": False}]
        make_customer(other, external_id="theirs", name="Brasserie", metadata=metadata)

        assert found(organization, "q=brasserie") == "c1"
        assert found(other, "q=po:1234") == "theirs"


class TestFilters:
    @pytest.mark.parametrize(
        "address, expected",
        [
            ("country=FR", "c1"),
            ("country=FR&country=DE", "acme:1234 c1"),
            ("country=none", ""),
            ("country=XX", ""),
            ("currency=none", "acme:1234"),
            ("country=DE&currency=EUR", ""),
            ("customer_type=company", "acme:1234"),
            ("account_type=customer", "acme:1234 c1"),
            ("account_type=king", ""),
            ("entity=acme_corp", "acme:1234 c1"),
            ("entity=none", ""),
            ("tax=none", "acme:1234 c1"),
            ("tax=nope", ""),
            ("provider=none", "acme:1234 c1"),
            ("integration=none", "acme:1234 c1"),
            ("sync=waiting", ""),
            ("sync=nope", ""),
            ("metadata=po", "c1"),
            ("metadata=PO", ""),
            ("tax_number=present", "c1"),
            ("tax_number=missing", "acme:1234"),
            ("tax_number=suspicious", ""),
            ("tax_number=nope", ""),
            ("readiness=incomplete", "acme:1234 c1"),
            ("readiness=complete", ""),
            ("readiness=nope", ""),
            ("readiness=tax_identification_number", "acme:1234"),
            ("created_from=2020-01-01", "acme:1234 c1"),
            ("created_to=2020-01-01", ""),
            ("created_from=yesterday", ""),
            ("updated_to=9999-12-31", ""),
            ("changed_today=any", "acme:1234 c1"),
            ("changed_today=api", ""),
            ("changed_today=system", "acme:1234 c1"),
            ("changed_today_by=Tarn", "acme:1234 c1"),
            ("changed_today_by=Ann", ""),
            ("deleted=yes", ""),
            ("country=&q=", "acme:1234 c1"),
            ("page=3&list=x", "acme:1234 c1"),
        ],
    )
    def test_combine_and_never_widen(self, organization, people, address, expected):
        assert found(organization, address) == expected

    def test_find_customers_with_a_tax(self, organization):
        Tax.objects.create(organization=organization, code="vat", name="VAT", rate=20)
        make_customer(organization, external_id="c1", tax_codes=["vat"])
        make_customer(organization, external_id="c2")

        assert found(organization, "tax=vat") == "c1"
        assert found(organization, "tax=none") == "c2"

    def test_find_the_deleted_instead_of_the_kept(self, organization, people):
        delete_customer(organization.pk, "c1", SYSTEM)

        assert found(organization, "") == "acme:1234"
        assert found(organization, "deleted=yes") == "c1"

    def test_forget_a_problem_of_a_number_that_was_changed(self, organization, people):
        """A verdict on the number of yesterday says nothing about today's."""
        customer = people[0]
        TaxNumberProblem.objects.create(
            organization=organization,
            customer=customer,
            number=customer.tax_identification_number,
            country="FR",
        )
        assert found(organization, "tax_number=suspicious") == "c1"

        Customer.objects.filter(pk=customer.pk).update(tax_identification_number="FR1")

        assert found(organization, "tax_number=suspicious") == ""


class TestAddress:
    def test_is_read_as_it_was_written(self, organization):
        address = "q=a+%26+b&country=FR&country=none&metadata=po&order=oldest"
        query = CustomerQuery.read(organization.pk, QueryDict(address))

        assert query.querystring() == address

    def test_keeps_to_the_orders_that_an_index_gives(self, organization):
        query = CustomerQuery.read(organization.pk, QueryDict("order=email"))

        assert query.order == "newest"

    def test_survives_whatever_it_holds(self, organization):
        query = CustomerQuery.read(organization.pk, QueryDict("q=%00a%FF%1f&country=%00&order=%00"))

        assert not query.queryset().exists()

    def test_is_described_by_chips_that_can_be_taken_off(self, organization):
        query = CustomerQuery.read(organization.pk, QueryDict("q=acme&country=FR&currency=none"))

        chips = [(chip.label, chip.value, chip.without) for chip in query.describe()]

        assert chips == [
            ("Search", "acme", "country=FR&currency=none"),
            ("Country", "France (FR)", "q=acme&currency=none"),
            ("Currency", "No currency of its own", "q=acme&country=FR"),
        ]
