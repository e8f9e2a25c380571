"""The checkout page over the API (contract: customers.md 8), and `sync` (2.7)."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from billing.api import idempotency
from billing.api.models import IdempotentAnswer
from customers.models import ProviderLink
from customers.providers import checkout
from customers.providers.now import create_now
from customers.providers.turn import asked
from tests.billing.builders import make_payment_provider
from tests.customers.posting import post
from tests.customers.providers.conftest import jobs, work_off

SYNC = {"payment_provider": "stripe", "sync_with_provider": True, "sync": True}
LINKED = {"payment_provider": "stripe", "provider_customer_id": "cus_1"}
ADDRESS = "/api/v1/customers/c1/checkout_url"


@pytest.mark.django_db
class TestCheckout:
    def test_gives_the_page(self, organization, api, at_stripe, stripe):
        stripe.customers["cus_1"] = {"id": "cus_1", "invoice_settings": {}}
        customer_id = post(organization, "c1", billing_configuration=LINKED).customer_id

        answer = api.post(ADDRESS)

        assert answer.status == 200
        shown = answer.json()["customer"]
        assert shown.pop("checkout_url").startswith("https://checkout.stripe.com/")
        assert shown == {
            "lago_customer_id": str(customer_id),
            "external_customer_id": "c1",
            "payment_provider": "stripe",
            "payment_provider_code": "stripe",
        }
        [session] = stripe.sessions
        assert session["mode"] == "setup"
        assert session["success_url"] == "https://acme.example/thanks"

    def test_refuses_an_unknown_customer(self, api):
        assert api.post(ADDRESS).json()["code"] == "customer_not_found"

    def test_refuses_what_is_stored_only(self, organization, api):
        make_payment_provider(organization, type="cashfree", code="cash")
        post(organization, "c1", billing_configuration={"payment_provider": "cashfree"})

        answer = api.post(ADDRESS)

        assert (answer.status, answer.json()["code"]) == (405, "feature_not_supported")

    @pytest.mark.parametrize("configuration", [{}, {"payment_provider": "stripe"}])
    def test_refuses_a_customer_without_an_id(self, organization, api, at_stripe, configuration):
        post(organization, "c1", billing_configuration=configuration)

        answer = api.post(ADDRESS)

        assert answer.status == 422
        assert answer.json()["error_details"] == {"base": ["no_linked_payment_provider"]}

    def test_refuses_when_nothing_is_to_be_set_up(self, organization, api, at_stripe):
        methods = {"provider_payment_methods": ["crypto"]}
        post(organization, "c1", billing_configuration=LINKED | methods)

        answer = api.post(ADDRESS)

        assert answer.status == 422
        assert answer.json()["error_details"] == {
            "provider_payment_methods": ["no_payment_methods_to_setup_available"]
        }

    def test_passes_on_a_refusal(self, organization, api, at_stripe, stripe):
        post(organization, "c1", billing_configuration=LINKED)

        answer = api.post(ADDRESS)

        assert (answer.status, answer.json()["code"]) == (422, "third_party_error")
        assert answer.json()["error_details"]["third_party"] == "Stripe"

    def test_says_when_the_provider_is_away(self, organization, api, at_stripe, settings):
        settings.TARN_STRIPE_URL = "http://127.0.0.1:9"
        post(organization, "c1", billing_configuration=LINKED)

        answer = api.post(ADDRESS)

        assert answer.status == 503
        assert "retry-after" in answer.headers


KEY = {"Idempotency-Key": "once"}


@pytest.mark.django_db(transaction=True)
class TestCheckoutOnce:
    def test_makes_one_page_outside_of_any_transaction(
        self, organization, api, at_stripe, stripe, monkeypatch
    ):
        """Red when the page is made before the commit, or the key stays open."""
        stripe.customers["cus_1"] = {"id": "cus_1", "invoice_settings": {}}
        post(organization, "c1", billing_configuration=LINKED)
        within = []

        def watched(adapter, ask):
            within.append(connections["default"].in_atomic_block)
            return asked(adapter, ask)

        monkeypatch.setattr(checkout, "asked", watched)

        first = api.post(ADDRESS, headers=KEY)
        again = api.post(ADDRESS, headers=KEY)

        assert (first.status, within, len(stripe.sessions)) == (200, [False], 1)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.body == first.body

    def test_frees_the_key_when_the_provider_refuses(self, organization, api, at_stripe, stripe):
        """Red when what stands for the answer is not forgotten."""
        post(organization, "c1", billing_configuration=LINKED)
        refused = api.post(ADDRESS, headers=KEY)
        stripe.customers["cus_1"] = {"id": "cus_1", "invoice_settings": {}}

        answer = api.post(ADDRESS, headers=KEY)

        assert (refused.status, answer.status) == (422, 200)

    def test_frees_the_key_of_whoever_died_before_the_answer(
        self, organization, api, at_stripe, stripe, monkeypatch
    ):
        """Red when an answer that was never found is given, or awaited for ever."""
        stripe.customers["cus_1"] = {"id": "cus_1", "invoice_settings": {}}
        post(organization, "c1", billing_configuration=LINKED)
        with monkeypatch.context() as patch:
            patch.setattr(idempotency, "_finish", lambda _request, response: response)
            api.post(ADDRESS, headers=KEY)

        awaited = api.post(ADDRESS, headers=KEY)
        IdempotentAnswer.objects.update(open_until=timezone.now() - timedelta(seconds=1))
        answer = api.post(ADDRESS, headers=KEY)

        assert (awaited.status, awaited.json()["code"]) == (409, "idempotency_key_in_use")
        assert answer.status == 200
        assert "Idempotent-Replayed" not in answer.headers


@pytest.mark.django_db(transaction=True)
class TestSync:
    def test_answers_with_the_id(self, organization, api, at_stripe, stripe):
        body = {"external_id": "c1", "name": "Ann", "billing_configuration": SYNC}

        answer = api.post("/api/v1/customers", json={"customer": body})

        [remote_id] = stripe.customers
        shown = answer.json()["customer"]["billing_configuration"]
        assert shown["provider_customer_id"] == remote_id
        assert answer.headers["etag"] == api.get("/api/v1/customers/c1").headers["etag"]
        work_off()
        assert len(stripe.customers) == 1

    def test_answers_with_the_id_under_an_idempotency_key(
        self, organization, api, at_stripe, stripe
    ):
        """Seen to fail when the provider is asked before the commit, and when what is repeated
        is the answer of before it was asked."""
        body = {"external_id": "c1", "name": "Ann", "billing_configuration": SYNC}

        answer = api.post("/api/v1/customers", json={"customer": body}, headers=KEY)
        again = api.post("/api/v1/customers", json={"customer": body}, headers=KEY)

        [remote_id] = stripe.customers
        shown = answer.json()["customer"]["billing_configuration"]
        assert shown["provider_customer_id"] == remote_id
        assert again.headers["Idempotent-Replayed"] == "true"
        assert (again.body, again.headers["ETag"]) == (answer.body, answer.headers["ETag"])

    def test_waits_for_a_worker_that_was_faster(
        self, organization, api, at_stripe, stripe, monkeypatch
    ):
        """Seen to fail without the wait."""
        stripe.fail("slow", "/v1/customers")
        begun = []

        def begin_in_the_worker(organization_id, customer_id):
            worker = threading.Thread(target=_work_elsewhere)
            worker.start()
            begun.append(worker)
            time.sleep(0.5)
            return create_now(organization_id, customer_id)

        monkeypatch.setattr("customers.api.create_now", begin_in_the_worker)
        body = {"external_id": "c1", "name": "Ann", "billing_configuration": SYNC}

        answer = api.post("/api/v1/customers", json={"customer": body})

        begun[0].join()
        shown = answer.json()["customer"]["billing_configuration"]
        assert [shown["provider_customer_id"]] == list(stripe.customers)

    @pytest.mark.parametrize("fault", ["error", "throttled", "html"])
    def test_saves_the_customer_whatever_the_provider_says(
        self, organization, api, at_stripe, stripe, fault
    ):
        stripe.fail(fault, "/v1/customers")
        body = {"external_id": "c1", "name": "Ann", "billing_configuration": SYNC}

        answer = api.post("/api/v1/customers", json={"customer": body})

        assert answer.status == 200
        assert answer.json()["customer"]["billing_configuration"]["provider_customer_id"] is None
        work_off(now=True)
        assert ProviderLink.objects.get().provider_customer_id in stripe.customers

    def test_begins_anew_when_the_same_is_posted_after_a_failure(
        self, organization, api, at_stripe, stripe
    ):
        at_stripe.secrets = {"secret_key": "sk_wrong"}
        at_stripe.save()
        body = {"external_id": "c1", "billing_configuration": SYNC | {"sync": False}}
        api.post("/api/v1/customers", json={"customer": body})
        work_off()
        at_stripe.secrets = {"secret_key": "sk_right"}
        at_stripe.save()
        assert jobs() == []

        api.post("/api/v1/customers", json={"customer": body})
        work_off()

        assert ProviderLink.objects.get().provider_customer_id in stripe.customers


def _work_elsewhere():
    try:
        work_off()
    finally:
        connections.close_all()
