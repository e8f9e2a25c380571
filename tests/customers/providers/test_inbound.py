"""What Stripe tells us: believed if signed, taken once, in any order."""

from datetime import timedelta

import pytest
from django.utils import timezone

from customers.models import PaymentMethod, ProviderEvent
from demo.fakes.stripe import event, signed
from tests.billing.builders import make_organization, make_payment_provider
from tests.customers.posting import post
from tests.customers.providers.conftest import jobs, work_off

pytestmark = pytest.mark.django_db
SECRET = "whsec_test"
LINKED = {"payment_provider": "stripe", "provider_customer_id": "cus_1"}


@pytest.fixture
def told(organization, api, at_stripe):
    """Send an event as Stripe would, and return the answer."""
    post(organization, "c1", billing_configuration=LINKED)
    _drop(jobs())

    def tell(body, *, secret=SECRET, at=None, to=None, query="", signature=None):
        data, header = signed(body, secret, at)
        address = f"/webhooks/stripe/{to or organization.pk}{query}"
        headers = {"Stripe-Signature": signature or header, "Authorization": ""}
        return api.request("POST", address, body=data, headers=headers)

    return tell


def _drop(found):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def detached(method="pm_1", **values):
    about = {"id": method, "object": "payment_method", "customer": None}
    previous = {"customer": "cus_1"}
    return event("payment_method.detached", about, previous=previous, **values)


def set_up(stripe, method):
    about = {"id": "seti_1", "customer": "cus_1", "payment_method": method}
    return event("setup_intent.succeeded", about)


class TestDoor:
    def test_takes_an_event_once(self, told):
        body = detached()

        answers = [told(body) for _ in range(3)]

        assert [(one.status, one.body) for one in answers] == [(200, b"")] * 3
        assert ProviderEvent.objects.count() == 1
        assert len(jobs()) == 1

    def test_keeps_what_is_of_no_interest_without_a_word_of_it(self, told):
        assert told(event("invoice.paid", {"id": "in_1", "customer": "cus_1"})).status == 200

        stored = ProviderEvent.objects.get()
        assert (stored.state, stored.facts) == ("ignored", {})
        assert jobs() == []

    @pytest.mark.parametrize(
        "wrong",
        [
            {"secret": "whsec_other"},
            {"signature": "t=1,v1=00"},
            {"signature": "nonsense"},
            # Counted from when the tests are gathered: the run itself takes minutes.
            {"at": int((timezone.now() - timedelta(seconds=400)).timestamp())},
            {"at": int((timezone.now() + timedelta(days=1)).timestamp())},
            {"to": "00000000-0000-0000-0000-000000000001"},
            {"to": "not-an-id"},
            {"query": "?code=other"},
        ],
    )
    def test_turns_away_what_it_cannot_trust(self, told, wrong):
        """Seen to fail without the check of the signature, and without that of its time."""
        answer = told(detached(), **wrong)

        assert answer.status == 400
        assert answer.json()["error"].startswith("BadRequest: ")
        assert not ProviderEvent.objects.exists()

    def test_turns_away_an_event_signed_for_another_organization(self, told):
        other = make_organization()
        theirs = make_payment_provider(other, code="stripe")
        theirs.secrets = {"secret_key": "sk", "webhook_secret": "whsec_theirs"}
        theirs.save()

        assert told(detached(), to=other.pk).status == 400
        assert told(detached(), to=other.pk, secret="whsec_theirs").status == 200

    @pytest.mark.parametrize("body", [[], {}, {"id": "evt"}, {"data": 1}, "x"])
    def test_turns_away_what_is_no_event(self, told, body):
        assert told(body).status == 400

    def test_turns_away_a_megabyte(self, told):
        assert told(detached() | {"padding": "x" * 1_100_000}).status == 413

    def test_needs_a_code_where_there_are_two_connections(self, told, organization):
        make_payment_provider(organization, code="second")

        assert told(detached()).status == 400
        assert told(detached(), query="?code=stripe").status == 200

    def test_knows_one_verb(self, api, organization, at_stripe):
        assert api.get(f"/webhooks/stripe/{organization.pk}").status == 405


class TestEvents:
    @pytest.fixture(autouse=True)
    def _customer(self, stripe):
        stripe.customers["cus_1"] = {"id": "cus_1", "invoice_settings": {}}

    def test_store_what_was_set_up_as_the_default(self, told, stripe):
        method = stripe.add_method("cus_1", last4="1111")

        told(set_up(stripe, method))
        work_off()

        stored = PaymentMethod.objects.get()
        assert (stored.last_four, stored.is_default) == ("1111", True)
        settings = stripe.customers["cus_1"]["invoice_settings"]
        assert settings == {"default_payment_method": method}
        assert ProviderEvent.objects.get().state == "done"

    def test_leave_a_method_that_belongs_to_somebody_else(self, told, stripe):
        told(set_up(stripe, stripe.add_method("cus_2")))
        work_off()

        assert not PaymentMethod.objects.exists()
        assert ProviderEvent.objects.get().state == "ignored"

    def test_forget_what_was_detached(self, told, stripe):
        method = stripe.add_method("cus_1")
        told(set_up(stripe, method))
        work_off()

        told(detached(method))
        work_off()

        assert not PaymentMethod.objects.exists()

    def test_let_no_older_one_overwrite_a_newer_state(self, told, stripe):
        """Seen to fail without the comparison of their times."""
        newer, older = stripe.add_method("cus_1"), stripe.add_method("cus_1")
        told(set_up(stripe, newer))
        work_off()

        told(set_up(stripe, older) | {"created": 1_600_000_000})
        work_off()

        assert PaymentMethod.objects.get(is_default=True).remote_id == newer
        settings = stripe.customers["cus_1"]["invoice_settings"]
        assert settings == {"default_payment_method": newer}

    def test_forget_the_methods_of_a_customer_that_has_none_left(self, told, stripe):
        told(set_up(stripe, stripe.add_method("cus_1")))
        work_off()
        stripe.methods.clear()

        told(event("customer.updated", {"id": "cus_1"}) | {"created": 2_000_000_000})
        work_off()

        assert not PaymentMethod.objects.exists()

    def test_are_repeated_five_times_and_then_shown(self, told, stripe):
        stripe.fail("error", "/v1/payment_methods", times=20)
        told(set_up(stripe, stripe.add_method("cus_1")))

        work_off(now=True)

        stored = ProviderEvent.objects.get()
        assert (stored.state, stored.attempts) == ("failed", 6)
        assert stored.error == "Something went wrong on our end."

    def test_of_an_unknown_customer_are_ignored(self, told, stripe):
        told(event("customer.updated", {"id": "cus_9"}))
        work_off()

        assert ProviderEvent.objects.get().state == "ignored"
