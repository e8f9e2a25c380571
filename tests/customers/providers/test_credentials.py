"""Credentials that a provider turns down: told on the connection, until they are taken again."""

from typing import Any

import pytest
from django.utils import timezone

from billing.connections.change import PAYMENT_PROVIDERS
from billing.connections.refusal import note_refusal, note_success
from billing.connections.write import change_connection, waiting_customers
from billing.events.actor import SYSTEM
from billing.models import PaymentProvider
from customers.change import CustomerChange
from customers.mirrors import Mirror
from customers.models import Customer
from customers.write import write_customer
from tests.customers.providers.conftest import jobs, work_off
from tests.staff import sign_in, text_of

RIGHT = "sk_test_1234567890"


def enter(connection: PaymentProvider, secret_key: str) -> None:
    """Replace the secret key of a connection, as its page does."""
    wish = PAYMENT_PROVIDERS["stripe"].examine({"secret_key": secret_key})
    change_connection(PaymentProvider, connection.organization_id, connection.code, wish, SYSTEM)
    connection.refresh_from_db()


def link(connection: PaymentProvider, external_id: str, **values: Any) -> None:
    """Write a customer that is to be made at the provider."""
    provider = {
        "payment_provider": "stripe",
        "payment_provider_code": connection.code,
        "sync_with_provider": True,
    }
    sent = {"external_id": external_id, "billing_configuration": provider, **values}
    write_customer(connection.organization_id, CustomerChange.read(sent), SYSTEM)


def mend(connection: PaymentProvider) -> None:
    """Make the credentials good there, which nobody here is told of."""
    connection.secrets = {"secret_key": RIGHT}
    connection.save(update_fields=["secrets"])


@pytest.fixture
def turned_down(at_stripe: PaymentProvider, stripe: Any) -> PaymentProvider:
    """Return a connection with a wrong key, at which two customers were tried."""
    enter(at_stripe, "sk_wrong")
    link(at_stripe, "ann", name="Ann")
    link(at_stripe, "bob", name="Bob")
    work_off(now=True)
    at_stripe.refresh_from_db()
    return at_stripe


class TestRefusal:
    def test_is_told_on_the_connection_its_list_and_sync(self, turned_down):
        browser = sign_in(turned_down.organization, role="operator")
        address = f"/admin/billing/paymentprovider/{turned_down.pk}/change/"

        page = text_of(browser.get(address))
        shown = text_of(browser.get("/admin/billing/paymentprovider/"))
        sync = text_of(browser.get("/admin/sync/"))

        assert "Stripe turns the credentials of this connection down." in page
        assert f"(request {turned_down.refusal_request_id})" in page
        assert "2 customers wait to be sent" in page
        for text in (page, shown, sync):
            assert "Invalid API Key provided" in text
        assert "Replace the secret" in sync

    def test_says_since_when_and_not_when_last(self, turned_down):
        began = turned_down.refused_since

        link(turned_down, "cleo", name="Cleo")
        work_off(now=True)

        turned_down.refresh_from_db()
        assert turned_down.refused_since == began

    def test_stays_when_one_customer_is_refused_for_its_data(self, at_stripe, stripe):
        link(at_stripe, "ann", name="Ann")
        Customer.objects.update(email="no address")

        work_off(now=True)

        at_stripe.refresh_from_db()
        assert Mirror.objects.get().error_code == "email_invalid"
        assert at_stripe.refused_since is None

    def test_ends_with_a_call_that_is_answered(self, turned_down):
        mend(turned_down)

        link(turned_down, "cleo", name="Cleo")
        work_off(now=True)

        turned_down.refresh_from_db()
        assert (turned_down.refused_since, turned_down.refusal) == (None, None)


class TestReplaced:
    def test_forgets_the_refusal_and_sends_who_waited(self, turned_down):
        assert waiting_customers(turned_down) == 2

        enter(turned_down, RIGHT)
        work_off(now=True)

        assert turned_down.refused_since is None
        assert waiting_customers(turned_down) == 0
        assert set(Mirror.objects.values_list("state", flat=True)) == {"ok"}

    def test_tries_only_one_customer_if_the_new_one_is_wrong_too(self, turned_down, stripe):
        before = len(stripe.calls)
        enter(turned_down, "other_sk_wrong")

        work_off(now=True)

        turned_down.refresh_from_db()
        assert turned_down.refused_since is not None
        assert len(stripe.calls) == before + 1

    def test_is_not_blamed_for_a_call_with_the_old_one(self, at_stripe):
        """Red without the comparison of `updated_at` in `refusal._as_called`."""
        called = PaymentProvider.objects.get(pk=at_stripe.pk)
        enter(at_stripe, "sk_another")

        note_refusal(called, "Invalid API Key", None)

        at_stripe.refresh_from_db()
        assert at_stripe.refused_since is None

    def test_is_not_praised_for_a_call_with_the_old_one(self, at_stripe):
        called = PaymentProvider.objects.get(pk=at_stripe.pk)
        called.refused_since = timezone.now()
        enter(at_stripe, "sk_another")
        at_stripe.refresh_from_db()
        note_refusal(at_stripe, "Invalid API Key", None)

        note_success(called)

        at_stripe.refresh_from_db()
        assert at_stripe.refused_since is not None


class TestSync:
    def test_tries_all_again_that_failed_there(self, turned_down):
        mend(turned_down)
        browser = sign_in(turned_down.organization)

        for _twice in range(2):
            browser.post("/admin/sync/", {"do": "retry", "id": turned_down.pk})

        assert len(jobs("customers.try_connection_again")) == 1
        work_off(now=True)
        assert waiting_customers(turned_down) == 0
