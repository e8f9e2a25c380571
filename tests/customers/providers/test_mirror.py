"""Customers at Stripe: made once, kept up to date, whatever goes wrong on the way."""

import pytest

from customers.models import Customer, Mirror, PaymentMethod, ProviderLink, SelectedSection
from customers.providers.mirror import work
from tests.billing.builders import make_organization, make_section
from tests.customers.posting import post
from tests.customers.providers.bookkeeping import FAULTS
from tests.customers.providers.conftest import events, impatient, jobs, work_off

pytestmark = pytest.mark.django_db
SYNC = {"payment_provider": "stripe", "sync_with_provider": True}


def posted(organization, **values):
    body = {"name": "Ann", "email": "ann@acme.example", "city": "Paris"} | values
    return post(organization, "c1", billing_configuration=SYNC, **body)


def remote_id():
    return ProviderLink.objects.get().provider_customer_id


class TestCreation:
    def test_makes_the_customer_at_stripe(self, organization, at_stripe, stripe, listener):
        posted(organization)

        assert work_off() >= 1

        [customer] = stripe.customers.values()
        assert customer["id"] == remote_id()
        assert (customer["name"], customer["email"]) == ("Ann", "ann@acme.example")
        assert customer["address"] == {"city": "Paris"}
        assert customer["metadata"] == {
            "lago_customer_id": str(Customer.objects.get().pk),
            "customer_id": "c1",
        }
        assert Customer.objects.get().version == 2
        assert events() == ["customer.payment_provider_created", "customer.checkout_url_generated"]
        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.todo, mirror.creation) == ("ok", [], None)

    def test_asks_for_nothing_without_sync(self, organization, at_stripe, stripe):
        post(organization, "c1", billing_configuration={"payment_provider": "stripe"})

        work_off()

        assert stripe.calls == []

    @pytest.mark.parametrize("fault", FAULTS)
    def test_makes_one_whatever_happens(self, organization, at_stripe, stripe, monkeypatch, fault):
        """Seen to fail with a new idempotency key at every attempt."""
        monkeypatch.setattr("customers.providers.adapter.Adapter.__init__", impatient)
        stripe.fail(fault, "/v1/customers", times=2)
        posted(organization)

        work_off(now=True)

        assert [customer["id"] for customer in stripe.customers.values()] == [remote_id()]

    def test_sends_the_same_again_though_the_customer_changed(
        self, organization, at_stripe, stripe
    ):
        stripe.fail("error_after", "/v1/customers")
        posted(organization)
        work_off()
        posted(organization, name="Bob")

        work_off(now=True)

        [customer] = stripe.customers.values()
        assert customer["name"] == "Bob"
        assert Mirror.objects.get().state == "ok"

    def test_tells_of_a_refusal_and_stops(self, organization, at_stripe, stripe, listener):
        at_stripe.secrets = {"secret_key": "sk_wrong"}
        at_stripe.save()
        posted(organization)

        work_off()

        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.todo, mirror.creation_key) == ("failed", [], None)
        assert mirror.error_code == "authentication_failed"
        assert mirror.error_request_id.startswith("req_")
        assert events() == ["customer.payment_provider_error"]
        assert jobs() == []

    def test_begins_anew_after_a_refusal_was_mended(self, organization, at_stripe, stripe):
        at_stripe.secrets = {"secret_key": "sk_wrong"}
        at_stripe.save()
        posted(organization)
        work_off()
        at_stripe.secrets = {"secret_key": "sk_right"}
        at_stripe.save()
        posted(organization, name="Bob")

        work_off()

        assert remote_id() in stripe.customers
        assert Mirror.objects.get().error_message is None

    def test_gives_up_after_six_attempts_and_says_so_once(
        self, organization, at_stripe, stripe, listener
    ):
        stripe.fail("error", "/v1/customers", times=20)
        posted(organization)

        work_off(now=True)

        assert len(stripe.calls) == 6
        assert Mirror.objects.get().state == "failed"
        assert events() == ["customer.payment_provider_error"]

    def test_keeps_its_key_beyond_giving_up_while_the_outcome_is_unknown(
        self, organization, at_stripe, stripe
    ):
        """Seen to fail when every new creation takes a new key."""
        stripe.fail("error_after", "/v1/customers", times=6)
        posted(organization)
        work_off(now=True)
        posted(organization, name="Bob")

        work_off()

        assert list(stripe.customers) == [remote_id()]

    def test_searches_stripe_once_its_key_is_forgotten(self, organization, at_stripe, stripe):
        """Seen to fail without the search."""
        stripe.fail("error_after", "/v1/customers")
        posted(organization)
        work_off()
        stripe.forget_keys()
        _age(hours=25)

        work_off(now=True)

        assert list(stripe.customers) == [remote_id()]

    def test_leaves_an_id_alone_that_a_client_sent_meanwhile(self, organization, at_stripe, stripe):
        posted(organization)
        post(organization, "c1", billing_configuration={"provider_customer_id": "cus_theirs"})

        work_off()

        assert remote_id() == "cus_theirs"
        assert stripe.customers == {}

    def test_does_not_begin_when_the_id_is_cleared(self, organization, at_stripe, stripe):
        posted(organization)
        work_off()
        post(organization, "c1", billing_configuration={"provider_customer_id": None})

        work_off()

        assert remote_id() is None
        assert len(stripe.customers) == 1

    def test_stops_when_the_customer_is_deleted(self, organization, at_stripe, stripe):
        from customers.delete import delete_customer
        from tests.customers.posting import API

        posted(organization)
        delete_customer(organization.pk, "c1", API)

        work_off()

        assert stripe.calls == []

    def test_leaves_a_mirror_alone_that_another_process_holds(
        self, organization, at_stripe, stripe
    ):
        stripe.fail("error", "/v1/customers")
        posted(organization)
        work_off()
        mirror = Mirror.objects.get()

        work(mirror.pk)

        assert len(stripe.calls) == 1


class TestUpdate:
    def test_sends_what_changed_and_empties_what_went(self, organization, at_stripe, stripe):
        posted(organization, phone="123")
        work_off()
        calls = len(stripe.calls)

        posted(organization, name="Bob", phone=None)
        work_off()

        [customer] = stripe.customers.values()
        assert (customer["name"], customer["phone"]) == ("Bob", None)
        assert customer["metadata"]["customer_id"] == "c1"
        assert stripe.calls[calls].method == "POST"

    def test_sends_nothing_when_what_stripe_knows_stays(self, organization, at_stripe, stripe):
        posted(organization)
        work_off()
        calls = len(stripe.calls)

        posted(organization, currency="EUR", metadata=[{"key": "k", "value": "v"}])
        posted(organization, email="ann@acme.example,second@acme.example")
        work_off()

        assert [call.path for call in stripe.calls[calls:] if call.method == "POST"] == []


class TestMethods:
    def test_fetches_the_default_method_of_an_id_that_was_sent(
        self, organization, at_stripe, stripe, listener
    ):
        stripe.customers["cus_1"] = {"id": "cus_1", "invoice_settings": {}}
        stripe.add_method("cus_1", last4="1881")
        configuration = {"payment_provider": "stripe", "provider_customer_id": "cus_1"}
        post(organization, "c1", billing_configuration=configuration)

        work_off()

        method = PaymentMethod.objects.get()
        assert (method.brand, method.last_four, method.is_default) == ("visa", "1881", True)

    def test_forgets_them_with_the_link(self, organization, at_stripe, stripe):
        stripe.customers["cus_1"] = {"id": "cus_1", "invoice_settings": {}}
        stripe.add_method("cus_1")
        configuration = {"payment_provider": "stripe", "provider_customer_id": "cus_1"}
        post(organization, "c1", billing_configuration=configuration)
        work_off()

        post(organization, "c1", billing_configuration={"payment_provider": None})

        assert not PaymentMethod.objects.exists()

    def test_makes_a_checkout_for_an_id_that_a_linked_customer_gets(
        self, organization, at_stripe, stripe, listener
    ):
        stripe.customers["cus_1"] = {"id": "cus_1", "invoice_settings": {}}
        post(organization, "c1", billing_configuration={"payment_provider": "stripe"})
        post(organization, "c1", billing_configuration={"provider_customer_id": "cus_1"})

        work_off()

        assert events() == ["customer.checkout_url_generated"]
        [session] = stripe.sessions
        assert session["payment_method_types"] == ["card"]


def _age(**time):
    from datetime import timedelta

    mirror = Mirror.objects.get()
    mirror.creation_started_at -= timedelta(**time)
    mirror.save()


class TestFunding:
    def test_prints_the_bank_details_on_the_invoices_of_this_customer(
        self, organization, at_stripe, stripe
    ):
        """Red when a section of this code that another organization has is taken for it."""
        configuration = SYNC | {"provider_payment_methods": ["customer_balance"]}
        written = post(
            organization, "c1", name="Ann", currency="EUR", billing_configuration=configuration
        )
        make_section(make_organization(), code=f"bank_details_{written.customer_id}")

        work_off()

        chosen = SelectedSection.objects.select_related("section").get()
        assert chosen.customer.external_id == "c1"
        assert "Iban: DE89370400440532013000" in chosen.section.details
        assert stripe.sessions == []
        assert Mirror.objects.get().state == "ok"
