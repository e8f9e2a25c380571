"""Reading a customer in the back office: its page, its tabs, its past, its end."""

import re
from datetime import timedelta

import pytest

from billing.events.actor import Actor
from billing.models import ChangeRecord
from customers.delete import delete_customers
from customers.models import Customer
from tests.billing.builders import (
    make_organization,
)
from tests.customers.builders import make_customer
from tests.customers.reading import ANN, PROGRAM, change, make_rich_customer, page_of
from tests.staff import records, sign_in, text_of

pytestmark = pytest.mark.django_db

TABS = ("change", "terms", "addresses", "connections", "timeline", "api")


@pytest.fixture
def client(organization):
    return sign_in(organization)


@pytest.fixture
def rich(organization):
    return make_rich_customer(organization)


class TestPage:
    def test_tells_who_it_is_and_what_applies(self, client, rich):
        words = re.sub(r"\s+", " ", text_of(client.get(page_of(rich))))

        assert "Hooli SARL" in words
        assert "N° TVA intracommunautaire FR40303265045" in words
        assert "94300 Vincennes" in words
        assert "30 days from Acme France" in words
        assert "French VAT 20 % from Acme France" in words
        assert "Ready for invoices" in words
        assert "po 4711 on invoices" in words

    def test_says_what_is_missing(self, client, organization):
        customer = make_customer(organization, name="Ann", country="DE", city="Bonn")

        words = text_of(client.get(page_of(customer)))

        assert "Missing for an invoice in Germany: street, postal code (PLZ)" in words

    @pytest.mark.parametrize(
        "tab, words",
        [
            ("terms", "30 days from Acme France"),
            ("terms", "French VAT vat_fr 20 %"),
            ("terms", "Footer footer"),
            ("addresses", "Shipping address"),
            ("addresses", "Lyon"),
            ("connections", "Stripe link Linked"),
            ("connections", "NetSuite books"),
            ("timeline", "created the customer"),
            ("api", '"external_id": "cust/1"'),
            ("api", "/api/v1/customers/cust%2F1"),
        ],
    )
    def test_has_a_tab_for_the_rest(self, client, rich, tab, words):
        assert words in re.sub(r"\s+", " ", text_of(client.get(page_of(rich, tab))))

    @pytest.mark.parametrize("tab", TABS)
    def test_reads_little_however_long_the_history(
        self, client, rich, tab, django_assert_max_num_queries
    ):
        """Read each entry's names apart: the thousand changes cost a thousand queries, red."""
        with django_assert_max_num_queries(20):
            assert client.get(page_of(rich, tab)).status_code == 200
        first = ChangeRecord.objects.latest("id")
        ChangeRecord.objects.bulk_create(
            ChangeRecord(
                organization_id=first.organization_id,
                resource="customer",
                object_id=rich.pk,
                action="updated",
                door="api",
                actor_name=f"Key {n % 7}",
                changes={"tax_codes": [["vat_fr"], [f"code_{n}"]], "name": [f"{n}", f"{n + 1}"]},
            )
            for n in range(1000)
        )

        with django_assert_max_num_queries(20):
            assert client.get(page_of(rich, tab)).status_code == 200

    @pytest.mark.parametrize("tab", [*TABS, "delete", "restore"])
    def test_is_not_there_for_others(self, rich, tab):
        """Drop the organization from the look-up: 200, red."""
        stranger = sign_in(make_organization(), role="finance_lead")

        assert stranger.get(page_of(rich, tab)).status_code == 404

    def test_switches_to_another_organization_of_mine(self, organization, rich):
        person = sign_in(make_organization(name="Aaa"), organization)

        words = text_of(person.get(page_of(rich), follow=True))

        assert "Hooli SARL" in words
        assert "This belongs to Acme" in words

    @pytest.mark.parametrize("tab", TABS)
    def test_runs_no_words_of_others(self, client, organization, tab):
        """Mark a value safe: the script stands in the page, red."""
        attack = "<script>alert(1)</script>"
        customer = make_customer(
            organization,
            external_id=attack,
            name=attack,
            legal_name=attack,
            city=attack,
            phone=attack,
            tax_identification_number=attack,
            metadata=[{"key": "<img src=x>", "value": attack}],
        )
        change(customer, Actor(ChangeRecord.Door.API, attack, attack, attack), name=attack * 2)

        body = client.get(page_of(customer, tab)).content.decode()

        assert attack not in body
        assert "<img src=x>" not in body


class TestNeighbors:
    def test_walks_the_list_the_reader_came_from(self, client, organization):
        """Ask for the neighbors in the whole list: the Frenchman stands between, red."""
        first = make_customer(organization, name="A", country="DE")
        make_customer(organization, name="B", country="FR")
        third = make_customer(organization, name="C", country="DE")

        page = client.get(page_of(third, "terms"), {"list": "country=DE"})
        alone = client.get(page_of(third, "terms"))

        links = (page.context.get("previous_link"), page.context.get("next_link"))
        assert sorted(filter(None, links)) == [f"{page_of(first, 'terms')}?list=country%3DDE"]
        assert page.context["back"] == "/admin/customers/customer/?country=DE"
        assert "next_link" not in alone.context


class TestDeletedCustomer:
    def test_says_so_and_offers_the_way_back(self, client, rich):
        delete_customers(rich.organization_id, [rich.external_id], ANN)

        for tab in TABS:
            assert "Deleted on" in text_of(client.get(page_of(rich, tab)))
        assert "The API answers 404" in text_of(client.get(page_of(rich, "api")))
        assert "Restore" in text_of(client.get(page_of(rich)))

    def test_shows_nothing_of_who_has_its_id_now(self, client, rich):
        """Ask for the JSON by external id alone: the other customer's is shown, red.

        Red as well when whoever has the id in another organization is said to have it.
        """
        delete_customers(rich.organization_id, [rich.external_id], ANN)
        make_customer(make_organization(), external_id="cust/1", name="Stranger")
        assert "Stranger" not in text_of(client.get(page_of(rich, "restore")))
        make_customer(rich.organization, external_id="cust/1", name="Newcomer")

        assert "Newcomer" not in text_of(client.get(page_of(rich, "api")))
        assert "belongs to Newcomer now" in text_of(client.get(page_of(rich, "restore")))

    def test_can_be_restored(self, client, rich):
        delete_customers(rich.organization_id, [rich.external_id], ANN)

        response = client.post(page_of(rich, "restore"), {"reason": "by mistake"}, follow=True)

        assert "Hooli SARL was restored." in text_of(response)
        assert Customer.objects.kept().filter(pk=rich.pk).exists()
        assert ChangeRecord.objects.latest("id").reason == "by mistake"

    def test_is_refused_while_another_has_its_id(self, client, rich):
        delete_customers(rich.organization_id, [rich.external_id], ANN)
        make_customer(rich.organization, external_id="cust/1", name="Newcomer")
        before = records()

        response = client.post(page_of(rich, "restore"))

        assert response.status_code == 422
        assert "the external id cust/1 belongs to Newcomer now" in text_of(response)
        assert records() == before

    @pytest.mark.parametrize("role", ["viewer", "auditor", "operator"])
    def test_is_restored_by_those_who_may_alone(self, organization, rich, role):
        delete_customers(rich.organization_id, [rich.external_id], ANN)
        person = sign_in(organization, role=role)

        assert person.post(page_of(rich, "restore")).status_code == 403
        assert "Restore" not in text_of(person.get(page_of(rich)))


class TestDelete:
    @pytest.fixture
    def lead(self, organization):
        return sign_in(organization, role="finance_lead")

    def test_shows_what_hangs_on_it_and_deletes(self, lead, rich):
        page = lead.get(page_of(rich, "delete"))
        assert "Stripe: Linked. Nothing is deleted there." in text_of(page)
        assert "The external id cust/1 becomes free." in text_of(page)
        tag = page.context["version_tag"]

        lead.post(page_of(rich, "delete"), {"tag": tag, "reason": "left us"})

        rich.refresh_from_db()
        assert rich.deleted_at is not None
        assert ChangeRecord.objects.latest("id").reason == "left us"

    def test_deletes_only_what_was_seen(self, lead, rich):
        """Drop the tag from the deletion: the customer goes, red."""
        tag = lead.get(page_of(rich, "delete")).context["version_tag"]
        change(rich, PROGRAM, name="Changed meanwhile")

        response = lead.post(page_of(rich, "delete"), {"tag": tag})

        assert response.status_code == 422
        assert "Somebody changed this customer while you looked" in text_of(response)
        rich.refresh_from_db()
        assert rich.deleted_at is None

    def test_is_for_leads_alone(self, client, rich):
        assert client.post(page_of(rich, "delete")).status_code == 403


class TestAsOf:
    def test_shows_the_values_of_then(self, client, rich):
        record = change(rich, legal_name="Hooli SAS", country="DE")
        before = (record.at - timedelta(microseconds=1)).isoformat().replace("+", "%2B")

        words = re.sub(r"\s+", " ", text_of(client.get(page_of(rich, at=before))))

        # Both happened in the transaction of the test, so nothing was there before it.
        assert "There was no such customer yet." in words

    def test_marks_what_is_different_today(self, client, rich, monkeypatch):
        from customers.admin import reading

        now = reading.customer_now(rich.organization_id, rich.pk)
        monkeypatch.setattr(reading, "customer_as_of", lambda *_: now)
        change(rich, legal_name="Hooli SAS", net_payment_term=10)

        overview = re.sub(r"\s+", " ", text_of(client.get(page_of(rich, at="2026-01-01T10:00"))))
        terms = re.sub(r"\s+", " ", text_of(client.get(page_of(rich, "terms", at="2026-01-01"))))

        assert "Different today: Legal name, Payment term." in overview
        assert "Legal name Hooli SARL today: Hooli SAS" in overview
        assert "30 days from Acme France today its own: 10 days" in overview
        assert "30 days from Acme France today its own: 10 days" in terms

    @pytest.mark.parametrize("text", ["yesterday", "2026-13-45T00:00", "\0", "9999-12-31T23:59"])
    def test_says_that_it_can_not_read_a_moment(self, client, rich, text):
        response = client.get(page_of(rich), {"at": text})

        assert response.status_code == 200
        assert "is not a date and time" in text_of(response)
