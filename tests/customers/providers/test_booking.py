"""Customers at accounting programs: made once, kept up to date, whatever goes wrong on the way."""

import json

import pytest

from billing.webhooks.models import Event
from customers.delete import delete_customer
from customers.models import Customer, IntegrationLink, Mirror
from customers.providers.adapter import Adapter, Subject, adapter_of
from customers.providers.events import announce_failures
from customers.providers.failures import Refused
from customers.providers.mirror import ask_for
from tests.billing.builders import make_integration
from tests.customers.posting import API, post, shown
from tests.customers.providers.bookkeeping import ADAPTERS, CONTACT, FAULTS, linked, remote_id
from tests.customers.providers.conftest import impatient, jobs, work_off

pytestmark = pytest.mark.django_db


def events():
    found = Event.objects.exclude(event_type="customer.created").order_by("id")
    return [(one.event_type, json.loads(one.snapshot or "{}")) for one in found]


class TestCreation:
    def test_gives_the_link_the_id(self, organization, program, listener):
        make_integration(organization, type="hubspot", code="h1")
        hubspot = {"integration_type": "hubspot", "external_customer_id": "hs-1"}
        both = [hubspot, program.link(sync_with_provider=True)]
        linked(organization, program, integration_customers=both)

        work_off()

        [key] = program.fake.customers
        links = {link["type"]: link for link in shown(organization)["integration_customers"]}
        assert links[program.kind]["external_customer_id"] == key
        assert links[program.kind]["sync_with_provider"] is True
        assert links["hubspot"]["external_customer_id"] == "hs-1"
        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.todo, mirror.creation) == ("ok", [], None)
        assert Customer.objects.get().version == 2

    def test_tells_of_it(self, organization, program, listener):
        linked(organization, program)

        work_off()

        [(event_type, form)] = events()
        assert event_type == "customer.accounting_provider_created"
        assert form["integration_customers"][0]["external_customer_id"] == remote_id()
        assert "metadata" not in form

    def test_makes_and_sends_nothing_for_a_link_by_id(self, organization, program):
        """Seen to fail when the id's own change counts as one of the name beside it."""
        key = {"netsuite": "77", "xero": "11111111-2222-4333-8444-555555555555"}[program.kind]
        links = [program.link(external_customer_id=key)]
        post(organization, "c1", **CONTACT, integration_customers=links)

        work_off()
        assert program.fake.calls == []
        assert remote_id() == key

        make_integration(organization, type="hubspot", code="h1")
        hubspot = {"integration_type": "hubspot", "external_customer_id": "hs-1"}
        post(organization, "c1", name="Bob", integration_customers=[*links, hubspot])
        program.fake.adopts = True
        work_off()
        assert adapter_of(program.connection).read(key)["name"] == "Bob"

    @pytest.mark.parametrize("fault", FAULTS)
    def test_makes_one_whatever_happens(self, organization, program, monkeypatch, fault):
        """Red when a record is not found again: NetSuite's by external id, Xero's by number."""
        monkeypatch.setattr(Adapter, "__init__", impatient)
        program.fail(fault, times=2)
        linked(organization, program)
        work_off()
        program.fake.forget_keys()

        work_off(now=True)

        assert list(program.fake.customers) == [remote_id()]

    def test_sends_what_changed_on_the_way(self, organization, program):
        program.fail("error_after")
        linked(organization, program)
        work_off()
        post(organization, "c1", city="Lyon")

        work_off(now=True)

        assert list(program.fake.customers) == [remote_id()]
        assert "Lyon" in str(program.fake.customers)

    def test_tells_of_a_refusal_and_stops(self, organization, program, listener):
        def refuse(call):
            return program.fake.refusal(400, "This field is not <b>right</b>.")

        program.fake.answer = refuse if program.kind == "netsuite" else _refusing(program.fake)
        linked(organization, program)

        work_off()

        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.todo, mirror.creation_key) == ("failed", [], None)
        assert mirror.error_request_id
        [(event_type, form)] = events()
        assert event_type == "customer.accounting_provider_error"
        assert Event.objects.latest("id").object_type == "accounting_provider_customer_error"
        assert form == {
            "lago_customer_id": str(Customer.objects.get().pk),
            "external_customer_id": "c1",
            "accounting_provider": program.kind,
            "accounting_provider_code": program.connection.code,
            "provider_error": {
                "message": "This field is not <b>right</b>.",
                "error_code": mirror.error_code,
            },
        }
        assert jobs() == []

    def test_is_tried_three_times(self, organization, program, listener):
        program.fail("error", times=20)
        linked(organization, program)

        work_off(now=True)

        assert len(program.creations) == 3
        assert [event_type for event_type, _ in events()] == ["customer.accounting_provider_error"]

    def test_meets_a_limit_twenty_five_times(self, organization, program, listener):
        program.fail("throttled", times=40)
        linked(organization, program)

        work_off(now=True)

        assert len(program.creations) == 25
        assert Mirror.objects.get().state == "failed"

    def test_counts_limits_apart(self, organization, program):
        """Seen to fail when an attempt that met a limit counts as one that failed."""
        program.fail("throttled", times=5)
        program.fail("error", times=2)
        linked(organization, program)

        work_off(now=True)

        assert list(program.fake.customers) == [remote_id()]

    def test_can_be_started_again(self, organization, program):
        program.fail("error_after", times=3)
        linked(organization, program)
        work_off(now=True)

        ask_for(Mirror.objects.get().pk, [Mirror.Step.CREATE])
        work_off(now=True)

        assert list(program.fake.customers) == [remote_id()]
        assert Mirror.objects.get().error_message is None

    def test_says_so_when_there_is_no_name(self, organization, program):
        linked(organization, program, name=None)
        work_off()

        assert Mirror.objects.get().error_code == "name_missing"
        assert program.fake.calls == []

        post(organization, "c1", name="Bob")
        work_off()
        assert list(program.fake.customers) == [remote_id()]

    def test_says_so_when_the_secrets_are_missing(self, organization, program):
        program.connection.secrets = {}
        program.connection.save()
        linked(organization, program)

        work_off()

        mirror = Mirror.objects.get()
        assert mirror.state == "failed"
        assert mirror.error_code.endswith("_missing")
        assert program.connection.code in mirror.error_message


class TestLink:
    def test_rests_for_a_partner(self, organization, program):
        """Seen to fail when the account type is not asked for."""
        linked(organization, program)
        post(organization, "c1", account_type="partner")

        work_off()
        assert program.fake.calls == []

        post(organization, "c1", account_type="customer")
        work_off()
        assert list(program.fake.customers) == [remote_id()]

    def test_removes_nothing_there_when_it_goes(self, organization, program):
        linked(organization, program)
        work_off()

        post(organization, "c1", name="Bob", integration_customers=[])
        calls = len(program.fake.calls)
        work_off()

        assert len(program.fake.calls) == calls
        assert len(program.fake.customers) == 1

    def test_stops_when_the_customer_is_deleted(self, organization, program):
        linked(organization, program)
        delete_customer(organization.pk, "c1", API)

        work_off()

        assert program.fake.calls == []

    def test_is_given_the_same_record_when_it_comes_back(self, organization, program):
        linked(organization, program)
        work_off()
        post(organization, "c1", integration_customers=[])

        linked(organization, program)
        work_off()

        assert list(program.fake.customers) == [remote_id()]

    def test_takes_up_what_was_made_while_it_was_gone(self, organization, program, monkeypatch):
        adapter = ADAPTERS[program.kind]
        create = adapter.create

        def create_and_lose_the_link(self, *args):
            found = create(self, *args)
            post(organization, "c1", integration_customers=[])
            return found

        linked(organization, program)
        with monkeypatch.context() as patch:
            patch.setattr(adapter, "create", create_and_lose_the_link)
            work_off()
        [key] = program.fake.customers
        assert Mirror.objects.get().remote_id == key

        linked(organization, program)
        work_off()

        assert remote_id() == key
        assert len(program.creations) == 1

    def test_leaves_an_id_alone_that_a_client_sent_meanwhile(self, organization, program):
        linked(organization, program)
        post(organization, "c1", integration_customers=[program.link(external_customer_id="77")])

        work_off()

        assert remote_id() == "77"
        assert program.fake.customers == {}


class TestUpdate:
    def test_sends_what_changed(self, organization, program):
        linked(organization, program)
        work_off()
        post(organization, "c1", name="Bob", city="Lyon", email=None)

        work_off()

        [customer] = program.fake.customers.values()
        theirs = adapter_of(program.connection).read(remote_id())
        assert (theirs["name"], theirs["city"], theirs["zipcode"]) == ("Bob", "Lyon", "75010")
        assert not customer.get("email")
        assert not customer.get("EmailAddress")

    def test_is_not_asked_for_by_other_changes(self, organization, program):
        linked(organization, program)
        work_off()

        post(organization, "c1", url="https://acme.example", currency="EUR")

        assert jobs() == []

    def test_sends_nothing_that_is_there(self, organization, program):
        linked(organization, program)
        work_off()
        calls = len(program.fake.calls)
        post(organization, "c1", name="Bob")
        post(organization, "c1", name="Ann's Bakery")

        work_off()

        assert len(program.fake.calls) == calls

    def test_refuses_an_id_of_the_wrong_form(self, organization, program):
        """Red when the id is put into the address as it is."""
        links = [program.link(external_customer_id="../1?x=")]
        post(organization, "c1", name="Ann", integration_customers=links)
        post(organization, "c1", name="Bob")

        work_off()

        assert Mirror.objects.get().error_code == "id_is_invalid"
        assert program.fake.calls == []

    def test_reads_back_what_was_sent(self, organization, program):
        linked(organization, program, shipping_address={"city": "Lille", "country": "FR"})
        work_off()

        link = IntegrationLink.objects.get()
        adapter = adapter_of(program.connection)

        ours = adapter.body(Subject(link.customer, link))
        assert adapter.read(link.external_customer_id) == ours

    @pytest.mark.parametrize("fault", ["garbage", "html", "endless", "throttled", "error", "reset"])
    def test_waits_when_the_answer_makes_no_sense(self, organization, program, fault):
        linked(organization, program)
        work_off()
        program.fake.fail(fault, "/", times=2)
        post(organization, "c1", city="Lyon")

        work_off(now=True)

        assert adapter_of(program.connection).read(remote_id())["city"] == "Lyon"


class TestAnrok:
    def test_is_told_of_nobody(self, organization, netsuite, xero):
        make_integration(organization, type="anrok", code="anrok-1")
        links = [{"integration_type": "anrok", "sync_with_provider": True}]
        post(organization, "c1", name="Ann", integration_customers=links)
        post(organization, "c1", name="Bob")

        assert jobs() == []
        assert remote_id() is None

    def test_is_named_as_what_it_does(self, organization, listener):
        make_integration(organization, type="anrok", code="anrok-1")
        links = [{"integration_type": "anrok", "sync_with_provider": True}]
        post(organization, "c1", name="Ann", integration_customers=links)
        link = IntegrationLink.objects.get()

        words = Refused("The address could not be found.", "customerAddressCouldNotResolve")
        announce_failures([(link, words)])

        assert events() == [
            (
                "customer.tax_provider_error",
                {
                    "lago_customer_id": str(link.customer_id),
                    "external_customer_id": "c1",
                    "tax_provider": "anrok",
                    "tax_provider_code": "anrok-1",
                    "provider_error": {
                        "message": "The address could not be found.",
                        "error_code": "customerAddressCouldNotResolve",
                    },
                },
            )
        ]
        assert Event.objects.latest("id").object_type == "tax_provider_customer_error"


def _refusing(fake):
    """Return what answers as Xero, but refuses to make a contact."""
    answer = fake.answer

    def refuse(call):
        if call.method == "PUT":
            return fake.refusal(400, "This field is not <b>right</b>.")
        return answer(call)

    return refuse
