"""The timeline of a customer in the back office, and the way back from it."""

import re

import pytest

from billing.models import ChangeRecord
from customers.delete import delete_customers
from tests.customers.builders import make_customer
from tests.customers.reading import ANN, PROGRAM, change, make_rich_customer, page_of
from tests.staff import records, sign_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(organization):
    return sign_in(organization)


@pytest.fixture
def rich(organization):
    return make_rich_customer(organization)


class TestTimeline:
    def test_tells_changes_in_words(self, client, rich):
        change(rich, PROGRAM, net_payment_term=45, metadata=[{"key": "po", "value": "1"}])
        change(rich, ANN.because("she asked"), tax_codes=["vat_fr"])

        words = re.sub(r"\s+", " ", text_of(client.get(page_of(rich, "timeline"))))

        assert "Shop key changed Payment term, Metadata API" in words
        assert "Payment term empty → 45 days" in words
        assert "Metadata po: 4711 (on invoices) → po: 1" in words
        assert "Ann changed Taxes Back office" in words
        assert "Taxes empty → French VAT 20 %" in words
        assert "she asked" in words

    @pytest.mark.parametrize(
        "query, found",
        [
            ({"who": "7"}, ["Ann changed City"]),
            ({"door": "api"}, ["Shop key changed Name"]),
            ({"field": "city"}, ["Ann changed City"]),
            ({"field": "name", "door": "staff"}, []),
            ({"who": "\0"}, []),
        ],
    )
    def test_can_be_narrowed(self, client, organization, query, found):
        customer = make_customer(organization)
        change(customer, PROGRAM, name="A")
        change(customer, ANN, city="Lyon")

        words = re.sub(r"\s+", " ", text_of(client.get(page_of(customer, "timeline"), query)))

        everything = ["Ann changed City", "Shop key changed Name", "created the customer"]
        assert [one for one in everything if one in words] == found
        assert ("No change matches." in words) is not bool(found)

    def test_has_pages(self, client, organization):
        customer = make_customer(organization)
        for number in range(60):
            change(customer, name=f"Name {number}")

        first = client.get(page_of(customer, "timeline"))
        second = client.get(first.context["older"])

        assert len(first.context["entries"]) == 50
        assert len(second.context["entries"]) == 11
        assert second.context["older"] is None

    def test_survives_odd_addresses(self, client, rich):
        for before in ("-1", "x", "9" * 30, "9" * 5_000, "\u0663"):
            assert client.get(page_of(rich, "timeline"), {"before": before}).status_code == 200


class TestRevert:
    def address(self, customer, record, **query):
        return page_of(customer, f"timeline/{record.pk}/revert", **query)

    def test_shows_what_it_would_do_and_does_it(self, client, rich):
        record = change(rich, legal_name="Hooli SAS", city="Paris")
        address = self.address(rich, record)

        words = re.sub(r"\s+", " ", text_of(client.get(address)))
        assert "Legal name Hooli SAS → Hooli SARL" in words
        response = client.post(address, {"reason": "typo"}, follow=True)

        assert "Put back: Legal name, City." in text_of(response)
        rich.refresh_from_db()
        assert (rich.legal_name, rich.city) == ("Hooli SARL", "Vincennes")
        assert "typo" in ChangeRecord.objects.latest("id").reason

    def test_can_put_one_field_back(self, client, rich):
        record = change(rich, legal_name="Hooli SAS", city="Paris")

        client.post(self.address(rich, record), {"field": "city"})

        rich.refresh_from_db()
        assert (rich.legal_name, rich.city) == ("Hooli SAS", "Vincennes")

    def test_asks_before_it_undoes_what_came_later(self, client, rich):
        """Force every path: what the program wrote is gone unseen, red."""
        record = change(rich, city="Paris")
        change(rich, PROGRAM, city="Nice")
        address = self.address(rich, record)

        words = re.sub(r"\s+", " ", text_of(client.get(address)))
        refused = client.post(address)

        assert "Shop key (API) changed City again" in words
        assert refused.status_code == 422
        rich.refresh_from_db()
        assert rich.city == "Nice"

        client.post(address, {"force": "city"})

        rich.refresh_from_db()
        assert rich.city == "Vincennes"

    def test_says_that_there_is_nothing_to_put_back(self, client, rich):
        record = change(rich, city="Paris")
        change(rich, city="Vincennes")

        assert "There is nothing to put back" in text_of(client.get(self.address(rich, record)))

    def test_refuses_a_field_that_was_not_changed(self, client, rich):
        record = change(rich, city="Paris")
        before = records()

        response = client.post(self.address(rich, record), {"field": "name"})

        assert response.status_code == 422
        assert "This change did not touch Name." in text_of(response)
        assert records() == before

    def test_refuses_what_is_no_edit(self, client, rich):
        creation = ChangeRecord.objects.filter(object_id=rich.pk).earliest("id")

        response = client.get(self.address(rich, creation))

        assert "Only edits can be taken back." in text_of(response)

    def test_refuses_while_the_customer_is_deleted(self, client, rich):
        record = change(rich, city="Paris")
        delete_customers(rich.organization_id, [rich.external_id], ANN)

        response = client.post(self.address(rich, record))

        assert response.status_code == 422
        assert "This customer is deleted. Restore it first." in text_of(response)

    def test_finds_no_change_of_another_customer(self, client, rich, organization):
        """Look the change up by its id alone: 200, red."""
        other = change(make_customer(organization), city="Paris")

        assert client.get(self.address(rich, other)).status_code == 404

    @pytest.mark.parametrize("role", ["viewer", "auditor", "operator"])
    def test_is_for_those_who_may_alone(self, organization, rich, role):
        record = change(rich, city="Paris")
        person = sign_in(organization, role=role)

        assert person.post(self.address(rich, record)).status_code == 403
        assert "Take this change back" not in text_of(person.get(page_of(rich, "timeline")))
