"""Home and its queues; and the tax numbers that one of them is made of."""

from datetime import timedelta

import pytest
from django.contrib.admin import autodiscover
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from billing.events.actor import SYSTEM
from customers import queues as module
from customers.delete import delete_customer
from customers.listing import Amount
from customers.mirrors import Mirror
from customers.models import Customer, TaxNumberProblem
from customers.pairs import search_pairs
from customers.queues import Queue, Waiting, check_queues, gaps, queues, register
from customers.readiness import NEEDED_FIELDS
from customers.search import CustomerQuery
from customers.tax_numbers import check_changed_numbers
from tests.billing.builders import make_integration, make_organization, make_payment_provider
from tests.customers.builders import make_customer, make_customers
from tests.customers.waiting import BAD_NUMBER, make_waiting_work
from tests.staff import sign_in, text_of

GOOD, BAD = "FR40303265045", BAD_NUMBER


@pytest.fixture(autouse=True)
def _anew():
    cache.clear()


def waiting(organization):
    cache.clear()
    return check_queues(organization.pk).waiting


def numbers(organization):
    return {key: one.amount.number for key, one in waiting(organization).items()}


class TestQueues:
    def test_keep_to_their_organization(self, organization):
        """Red when the organization is left out of a queue, of its oldest, or of the cache."""
        autodiscover()  # screens have queues of their own
        now, theirs = timezone.now(), make_organization()
        make_waiting_work(theirs, now - timedelta(days=9))
        assert check_queues(theirs.pk).waiting["today"].amount.number == 2
        assert {one.amount.number for one in check_queues(organization.pk).waiting.values()} == {0}

        make_waiting_work(organization, now)

        found = {key: (one.amount.number, one.oldest) for key, one in waiting(organization).items()}
        assert found.pop("today") == (2, None)
        assert found.pop("incomplete") == (2, now)
        assert found == dict.fromkeys(found, (1, now))

    def test_count_what_failed_at_a_connection(self, organization):
        """Red when mirrors of another state or at the other kind of connection count."""
        provider = make_payment_provider(organization)
        failed, fine = make_customer(organization), make_customer(organization)
        for customer, state in ((failed, "failed"), (fine, "ok")):
            Mirror.objects.create(
                organization=organization, customer=customer, payment_provider=provider, state=state
            )
        Mirror.objects.create(
            organization=organization,
            customer=make_customer(organization),
            integration=make_integration(organization),
            state="failed",
        )

        query = CustomerQuery(organization.pk, filters={"sync": ("failed_provider",)})

        found = numbers(organization)
        assert (found["failed_provider"], found["failed_integration"]) == (1, 1)
        assert list(query.queryset()) == list(query.found_by_index()) == [failed]

    @pytest.mark.parametrize("kind", ["payment_provider", "integration"])
    def test_find_the_mirrors_of_a_customer_by_an_index(self, organization, kind):
        """Seen to fail with an index for each kind: no condition on one column could use either.

        On a million customers that took ten seconds.
        """
        mine = Mirror.objects.filter(**{kind: None}, customer=organization.pk)

        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")

        assert "mirror_once" in mine.explain()

    def test_count_pairs_that_are_likely_one(self, organization):
        make_customers(organization, [{"email": "a@b.test"}, {"email": "a@b.test"}])
        search_pairs(organization.pk)

        assert numbers(organization)["duplicates"] == 1

    def test_take_in_what_others_register(self, organization, monkeypatch):
        """Red when a queue of others comes after what is no work, or is not asked."""
        monkeypatch.setattr(module, "_QUEUES", list(module._QUEUES))
        make_customer(organization)

        register(
            Queue("mine", "Proposals", "inbox", lambda pk: Waiting(Amount(3)), "admin:index", "x=1")
        )

        assert numbers(organization)["mine"] == 3
        assert [one.key for one in queues()][-2:] == ["mine", "today"]
        page = sign_in(organization).get("/admin/")
        assert "Proposals" in text_of(page)
        assert "/admin/?x=1" in page.content.decode()

    def test_lead_to_the_lists_they_count(self, organization):
        """Red when the address of a queue leaves out what it is narrowed by."""
        make_customers(organization, [{"country": "FR"}, {"country": "FR"}])
        make_customer(organization, external_id="gone")
        delete_customer(organization.pk, "gone", SYSTEM)
        counted = numbers(organization)

        for queue in queues():
            if queue.address == module._LIST:
                listed = CustomerQuery.parse(organization.pk, queue.query).queryset()
                assert listed.count() == counted[queue.key], queue.key

    def test_are_asked_once_a_minute(self, organization, django_assert_num_queries):
        check_queues(organization.pk)

        with django_assert_num_queries(0):
            check_queues(organization.pk)


class TestGaps:
    def test_say_what_is_missing_in_which_country(self, organization):
        """Red when a field is counted where its country doesn't ask for it."""
        theirs = make_organization()
        make_customers(
            organization,
            [
                {"name": "A", "country": "FR", "address_line1": "1 rue", "city": "Lyon"},
                {"name": "B", "country": "FR", "address_line1": "1 rue", "zipcode": "69001"},
                {"name": "C", "country": "FR", "address_line1": "1", "zipcode": "2", "city": "L"},
                {"name": "D", "country": "SG", "address_line1": "1 Road", "zipcode": "1"},
                {"name": "E", "address_line1": "1", "city": "Lyon"},
            ],
        )
        make_customer(theirs, name="F", country="FR")

        found = {
            gap.country: dict(zip(NEEDED_FIELDS, gap.fields, strict=True))
            for gap in gaps(organization.pk)
        }

        assert [gap.country for gap in gaps(organization.pk)] == ["FR", ""]
        assert {name for name, number in found["FR"].items() if number} == {"zipcode", "city"}
        assert {name for name, number in found[""].items() if number} == {"country"}

    def test_look_at_the_newest_of_the_organization(self, organization, monkeypatch):
        """Red when the newest of all organizations are looked for."""
        monkeypatch.setattr(module, "HITS", 1)
        make_customer(organization, country="FR")
        make_customer(make_organization(), country="FR")

        assert [gap.number for gap in gaps(organization.pk)] == [1]

    def test_lead_to_the_lists_they_count(self, organization):
        """Red when a cell leads to other customers than it counts."""
        clerk = sign_in(organization)
        make_customer(organization, external_id="c1", country="FR", address_line1="1", city="L")
        make_customer(organization, external_id="c2", country="DE", address_line1="1", city="B")

        page = clerk.get("/admin/").content.decode()

        address = "/admin/customers/customer/?view=all&amp;country=FR&amp;readiness=zipcode"
        assert address in page
        listed = text_of(clerk.get(address.replace("&amp;", "&")))
        assert "c1" in listed
        assert "c2" not in listed


class TestTaxNumbers:
    def test_are_checked_after_they_changed(self, organization):
        customer = make_customer(organization, country="FR", tax_identification_number=BAD)
        make_customer(organization, country="FR", tax_identification_number=GOOD)

        check_changed_numbers()

        assert numbers(organization)["tax_numbers"] == 1
        assert TaxNumberProblem.objects.get().customer == customer

    def test_are_cleared_once_they_are_right(self, organization):
        customer = make_customer(
            organization, external_id="c1", country="FR", tax_identification_number=BAD
        )
        check_changed_numbers()

        make_customer(organization, external_id="c1", tax_identification_number=GOOD)
        assert numbers(organization)["tax_numbers"] == 0
        check_changed_numbers()

        assert not TaxNumberProblem.objects.filter(customer=customer).exists()

    def test_keep_the_moment_they_were_found(self, organization):
        make_customer(organization, country="FR", tax_identification_number=BAD)
        check_changed_numbers()
        found_at = TaxNumberProblem.objects.get().found_at

        check_changed_numbers()
        check_changed_numbers()

        assert TaxNumberProblem.objects.get().found_at == found_at


class TestHome:
    def test_leads_to_exactly_the_list_that_it_counts(self, organization):
        clerk = sign_in(organization)
        make_customer(organization, external_id="c1", country="FR")

        page = clerk.get("/admin/")

        assert "Incomplete for invoicing" in text_of(page)
        assert "readiness=incomplete" in page.content.decode()

    def test_says_when_nothing_waits(self, organization):
        make_customer(
            organization,
            name="Acme",
            country="DE",
            address_line1="Weg 1",
            zipcode="10115",
            city="Berlin",
        )

        assert Customer.objects.count() == 1
        assert "Nothing waiting. Checked" in text_of(sign_in(organization).get("/admin/"))
