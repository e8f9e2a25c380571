"""Customers at GoCardless: made once, whatever goes wrong on the way."""

import json
from datetime import timedelta

import pytest

from customers.models import Customer, Mirror, ProviderLink
from customers.providers.adapter import Subject
from customers.providers.gocardless import GocardlessAdapter
from demo.fakes.gocardless import GocardlessFake
from demo.fakes.server import Reply
from tests.customers.posting import post
from tests.customers.providers.bookkeeping import FAULTS
from tests.customers.providers.conftest import events, impatient, jobs, work_off

pytestmark = pytest.mark.django_db
SYNC = {"payment_provider": "gocardless", "sync_with_provider": True}
LINKED = {"payment_provider": "gocardless", "provider_customer_id": "CU1"}


def posted(organization, **values):
    body = {"legal_name": "Ann & Co", "firstname": "Ann", "lastname": "Lee"} | values
    return post(organization, "c1", billing_configuration=SYNC, **body)


def remote_id():
    return ProviderLink.objects.get().provider_customer_id


class TestCreation:
    def test_makes_the_customer_and_a_page_for_its_mandate(
        self, organization, at_gocardless, gocardless, listener
    ):
        posted(organization, email="ann@acme.example, b@acme.example", currency="GBP")

        work_off()

        [customer] = gocardless.customers.values()
        assert customer.pop("created_at")
        assert customer == {
            "id": remote_id(),
            "email": "ann@acme.example",
            "company_name": "Ann & Co",
            "given_name": "Ann",
            "family_name": "Lee",
            "metadata": {"lago_customer_id": str(Customer.objects.get().pk)},
        }
        assert events() == ["customer.payment_provider_created", "customer.checkout_url_generated"]
        [request] = gocardless.requests.values()
        assert request["mandate_request"] == {"currency": "GBP"}
        assert request["links"] == {"customer": remote_id()}
        flow = json.loads(gocardless.calls[-1].body)["billing_request_flows"]
        assert flow["redirect_uri"] == "https://acme.example/thanks"
        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.todo, mirror.creation) == ("ok", [], None)

    def test_takes_the_name_where_there_is_no_legal_one(
        self, organization, at_gocardless, gocardless
    ):
        post(organization, "c1", name="Ann", billing_configuration=SYNC)

        work_off()

        [customer] = gocardless.customers.values()
        assert customer["company_name"] == "Ann"
        assert "email" not in customer

    def test_sends_no_later_changes(self, organization, at_gocardless, gocardless):
        posted(organization)
        work_off()
        calls = len(gocardless.calls)

        posted(organization, legal_name="Bob & Co", email="bob@acme.example")
        work_off()

        assert len(gocardless.calls) == calls

    @pytest.mark.parametrize("fault", FAULTS)
    def test_makes_one_whatever_happens(
        self, organization, at_gocardless, gocardless, monkeypatch, fault
    ):
        """Seen to fail with a new idempotency key at every attempt."""
        monkeypatch.setattr("customers.providers.adapter.Adapter.__init__", impatient)
        gocardless.fail(fault, "/customers", times=2)
        posted(organization)

        work_off(now=True)

        assert list(gocardless.customers) == [remote_id()]
        assert Mirror.objects.get().state == "ok"

    def test_asks_once_an_attempt(self, organization, at_gocardless, gocardless):
        """Seen to fail with the retries of GoCardless' client."""
        gocardless.fail("html", "/customers")
        posted(organization)

        work_off()

        assert len(gocardless.calls) == 1

    def test_waits_as_long_as_it_is_asked_to(self, organization, at_gocardless, gocardless):
        """Seen to fail with the headers left to GoCardless' client, which keeps none of them."""
        gocardless.fail("throttled", "/customers")
        posted(organization)

        work_off()

        mirror = Mirror.objects.get()
        assert mirror.next_try_at - mirror.error_at < timedelta(seconds=3)

    @pytest.mark.parametrize("pages", [1, 500])
    def test_looks_for_what_it_made_once_its_key_may_be_forgotten(
        self, organization, at_gocardless, gocardless, pages
    ):
        """Seen to fail without the search, and on pages of one without the next page."""
        gocardless.page_size = pages
        gocardless.fail("error_after", "/customers")
        posted(organization)
        work_off()
        for number in range(3):
            gocardless._create({"company_name": f"Another {number}"})
        gocardless.forget_keys()
        mirror = Mirror.objects.get()
        mirror.creation_started_at -= timedelta(hours=25)
        mirror.save()

        work_off(now=True)

        assert len(gocardless.customers) == 4
        assert remote_id() == next(iter(gocardless.customers))

    def test_makes_no_second_one_when_there_are_too_many_to_look_through(
        self, organization, at_gocardless, gocardless, monkeypatch
    ):
        """Seen to fail when a search that ends early counts as one that found nothing."""
        monkeypatch.setattr("customers.providers.gocardless._SEARCH_SECONDS", 0.0)
        gocardless.fail("error_after", "/customers")
        posted(organization)
        work_off()
        gocardless.forget_keys()
        mirror = Mirror.objects.get()
        mirror.creation_started_at -= timedelta(hours=25)
        mirror.save()

        work_off(now=True)

        assert len(gocardless.customers) == 1
        mirror.refresh_from_db()
        assert (mirror.state, mirror.uncertain, mirror.error_code) == ("failed", True, "too_many")

    def test_makes_another_when_there_is_none_after_a_day(
        self, organization, at_gocardless, gocardless
    ):
        gocardless.fail("reset", "/customers")
        posted(organization)
        work_off()
        mirror = Mirror.objects.get()
        mirror.creation_started_at -= timedelta(hours=25)
        mirror.save()

        work_off(now=True)

        assert list(gocardless.customers) == [remote_id()]

    def test_says_what_is_wrong_with_the_data(
        self, organization, at_gocardless, gocardless, listener
    ):
        post(organization, "c1", firstname="Ann", billing_configuration=SYNC)

        work_off()

        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.todo, mirror.creation_key) == ("failed", [], None)
        assert "company_name must be given" in mirror.error_message
        assert (mirror.error_code, mirror.error_request_id[:2]) == ("validation_failed", "0-")
        assert events() == ["customer.payment_provider_error"]
        assert jobs() == []

    @pytest.mark.parametrize(
        ("secrets", "code"),
        [
            ({"access_token": "sandbox_wrong"}, "access_token_not_found"),
            ({"access_token": "sandbox_…"}, "access_token_malformed"),
            ({}, "access_token_missing"),
        ],
    )
    def test_names_the_connection_whose_credentials_are_wrong(
        self, organization, at_gocardless, gocardless, listener, secrets, code
    ):
        at_gocardless.secrets = secrets
        at_gocardless.save()
        posted(organization)

        work_off()

        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.error_code) == ("failed", code)
        assert "connection gocardless" in mirror.error_message
        assert "sandbox_" not in mirror.error_message
        assert events() == ["customer.payment_provider_error"]


# Answers that no provider should give, and some do.
ODD = [
    {"customers": {"id": -1}},
    {"customers": {"id": "cus_of_another"}},
    {"customers": {"id": "CU/../mandates"}},
    {"customers": {"id": "CU" + "1" * 100}},
    {"customers": []},
    {"customers": [{"id": "CU1"}]},
    {"customers": None},
    {},
    [],
    -1,
    "CU1",
    None,
    {"error": "no"},
]
ODD_ERRORS = [
    (418, {"error": {"type": "teapot", "message": "no"}}),
    (422, {"error": {"type": "validation_failed", "errors": "none"}}),
    (422, {"error": {"type": "invalid_state", "errors": [{}]}}),
    (409, {"error": {"type": "invalid_state", "code": 409, "message": "in progress"}}),
    (409, {"error": {"type": "invalid_state", "code": 409, "message": "m",
                     "errors": [{"reason": "idempotent_creation_conflict", "links": {}}]}}),
    (400, []),
    (401, "<html>"),
    (503, {"error": {"type": "gocardless", "code": 503, "message": "away"}}),
]  # fmt: skip


class TestOddAnswers:
    @pytest.mark.parametrize("reply", [*(Reply(201, body) for body in ODD),
                                       *(Reply(*error) for error in ODD_ERRORS)])  # fmt: skip
    def test_leave_the_outcome_unknown(
        self, organization, at_gocardless, gocardless, monkeypatch, reply
    ):
        """Seen to fail when every answer but a success counts as a refusal."""
        with monkeypatch.context() as patch:
            patch.setattr(GocardlessFake, "answer", lambda fake, call: reply)
            posted(organization)
            work_off()
        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.uncertain, mirror.attempts) == ("unknown", True, 1)
        gocardless.forget_keys()  # it had made nothing

        work_off(now=True)

        assert list(gocardless.customers) == [remote_id()]

    @pytest.mark.parametrize(
        "flow",
        [
            *(
                {"authorisation_url": url}
                for url in (None, 7, "javascript:alert(1)", "https://" + "x" * 3_000)
            ),
            [],
            -1,
            "BRF1",
        ],
    )
    def test_are_no_page_for_a_customer(
        self, organization, api, at_gocardless, gocardless, monkeypatch, flow
    ):
        """Seen to fail, with 500, when what the client raises on such an answer is let through."""
        gocardless.customers["CU1"] = {"id": "CU1"}
        post(organization, "c1", billing_configuration=LINKED)
        reply = Reply(201, {"billing_request_flows": flow})
        monkeypatch.setattr(GocardlessFake, "_flow", lambda fake, asked: reply)

        assert api.post("/api/v1/customers/c1/checkout_url").status == 503


class TestCheckout:
    def test_gives_the_page(self, organization, api, at_gocardless, gocardless):
        gocardless.customers["CU1"] = {"id": "CU1"}
        post(organization, "c1", billing_configuration=LINKED)

        answer = api.post("/api/v1/customers/c1/checkout_url")

        shown = answer.json()["customer"]
        assert (answer.status, shown["payment_provider"]) == (200, "gocardless")
        assert shown["checkout_url"].startswith("https://pay.gocardless.com/")

    def test_needs_an_id(self, organization, api, at_gocardless):
        post(organization, "c1", billing_configuration={"payment_provider": "gocardless"})

        answer = api.post("/api/v1/customers/c1/checkout_url")

        assert answer.json()["error_details"] == {"base": ["no_linked_payment_provider"]}

    @pytest.mark.parametrize("token", ["sandbox_right", "sandbox_wrong"])
    def test_passes_on_a_refusal(self, organization, api, at_gocardless, gocardless, token):
        at_gocardless.secrets = {"access_token": token}
        at_gocardless.save()
        post(organization, "c1", billing_configuration=LINKED)

        answer = api.post("/api/v1/customers/c1/checkout_url")

        assert (answer.status, answer.json()["code"]) == (422, "third_party_error")
        assert answer.json()["error_details"]["third_party"] == "Gocardless"

    def test_says_when_the_provider_is_away(self, organization, api, at_gocardless, settings):
        settings.TARN_GOCARDLESS_URL = "http://127.0.0.1:9"
        post(organization, "c1", billing_configuration=LINKED)

        assert api.post("/api/v1/customers/c1/checkout_url").status == 503

    def test_is_made_for_an_id_that_a_linked_customer_gets(
        self, organization, at_gocardless, gocardless, listener
    ):
        gocardless.customers["CU1"] = {"id": "CU1"}
        post(organization, "c1", billing_configuration={"payment_provider": "gocardless"})
        post(organization, "c1", billing_configuration={"provider_customer_id": "CU1"})

        work_off()

        assert events() == ["customer.checkout_url_generated"]


class TestAddress:
    @pytest.mark.parametrize(
        ("token", "address"),
        [
            ("sandbox_1", "https://api-sandbox.gocardless.com"),
            ("live_1", "https://api.gocardless.com"),
        ],
    )
    def test_is_the_one_the_token_is_for(self, at_gocardless, settings, token, address):
        settings.TARN_GOCARDLESS_URL = ""
        at_gocardless.secrets = {"access_token": token}

        asked = GocardlessAdapter(at_gocardless)._ask(lambda client: client._api_client.base_url)

        assert asked == address


class TestReading:
    def test_gives_our_names_to_what_gocardless_has(self, organization, at_gocardless, gocardless):
        posted(organization, email="ann@acme.example")
        work_off()

        read = GocardlessAdapter(at_gocardless).read(remote_id())

        assert read == {
            "email": "ann@acme.example",
            "company_name": "Ann & Co",
            "firstname": "Ann",
            "lastname": "Lee",
        }

    def test_takes_the_company_over_as_the_legal_name(
        self, organization, at_gocardless, gocardless
    ):
        posted(organization)
        link = ProviderLink.objects.select_related("customer").get()
        subject = Subject(link.customer, link)

        wish = GocardlessAdapter(at_gocardless).wish(subject, "company_name", "Bob & Co")

        assert wish == {"legal_name": "Bob & Co"}


@pytest.mark.django_db(transaction=True)
class TestSync:
    def test_answers_with_the_id(self, organization, api, at_gocardless, gocardless):
        body = {"external_id": "c1", "name": "Ann", "billing_configuration": SYNC | {"sync": True}}

        answer = api.post("/api/v1/customers", json={"customer": body})

        shown = answer.json()["customer"]["billing_configuration"]
        assert [shown["provider_customer_id"]] == list(gocardless.customers)

    def test_answers_well_though_the_credentials_are_wrong(
        self, organization, api, at_gocardless, gocardless
    ):
        at_gocardless.secrets = {"access_token": "sandbox_wrong"}
        at_gocardless.save()
        body = {"external_id": "c1", "name": "Ann", "billing_configuration": SYNC | {"sync": True}}

        answer = api.post("/api/v1/customers", json={"customer": body})

        assert answer.status == 200
        assert answer.json()["customer"]["billing_configuration"]["provider_customer_id"] is None
        assert Mirror.objects.get().error_code == "access_token_not_found"
