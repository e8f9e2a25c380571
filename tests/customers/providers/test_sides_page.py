"""The connections of a customer on the screens of staff."""

from datetime import timedelta

import pytest
from django.utils import timezone

from customers.models import Comparison, Customer, Mirror, PaymentMethod, ProviderLink
from tests.billing.builders import make_payment_provider
from tests.customers.posting import post
from tests.customers.providers.conftest import jobs, work_off
from tests.staff import records, sign_in, text_of

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def customer(organization, at_stripe, stripe):
    configuration = {"payment_provider": "stripe", "sync_with_provider": True}
    post(
        organization,
        external_id="c1",
        name="Ann",
        city="Paris",
        billing_configuration=configuration,
    )
    work_off()
    next(iter(stripe.customers.values()))["address"] = {"city": "<b>Lyon</b>"}
    return Customer.objects.get()


def tab_of(customer):
    return f"/admin/customers/customer/{customer.pk}/connections/"


def page_of(customer):
    return f"{tab_of(customer)}{ProviderLink.objects.get().connection_id}/"


class TestConnectionsTab:
    def test_shows_how_far_it_is_without_asking_anybody(self, organization, customer, stripe):
        link = ProviderLink.objects.get()
        PaymentMethod.objects.create(
            organization=organization, customer=customer, connection_id=link.connection_id,
            remote_id="pm_1", kind="card", brand="visa", last_four="4242", expires_year=2030,
            expires_month=7, is_default=True, told_at=customer.created_at,
        )  # fmt: skip
        asked = len(stripe.calls)

        page = text_of(sign_in(organization).get(tab_of(customer)))

        assert "Up to date" in page
        assert "Stripe has what we have sent." in page
        assert "visa •••• 4242" in page
        assert "07/2030" in page
        assert len(stripe.calls) == asked

    def test_says_what_failed_with_the_request_id(self, organization, customer):
        Mirror.objects.update(
            state="failed", failed_step="update", error_message="Invalid email.",
            error_request_id="req_77", error_at=customer.created_at,
        )  # fmt: skip

        page = text_of(sign_in(organization).get(tab_of(customer)))

        assert "Stripe did not take it: Invalid email. (request req_77)" in page
        assert "Try again now" in page

    def test_offers_a_reader_nothing_to_do(self, organization, customer):
        Mirror.objects.update(state="failed", failed_step="update", error_message="No.")

        page = text_of(sign_in(organization, role="viewer").get(tab_of(customer)))

        assert "Try again now" not in page
        assert "Detach" not in page
        assert "Compare" not in page

    @pytest.mark.parametrize(
        ("values", "badge", "words"),
        [
            ({"state": "ok"}, "Waiting for the customer", "knows the customer once it has left"),
            (
                {"state": "awaiting", "awaiting_until": NOW + timedelta(days=9)},
                "Waiting for the customer",
                "it is open until",
            ),
            (
                {"state": "awaiting", "awaiting_until": NOW - timedelta(days=9)},
                "The page has ended",
                "Try again to make another.",
            ),
        ],
    )
    def test_claims_nothing_before_the_customer_has_come(
        self, organization, at_adyen, values, badge, words
    ):
        """Seen to fail with the words of the mirror's state alone: Adyen was “up to date”."""
        wish = {"payment_provider": "adyen", "sync_with_provider": True}
        post(organization, "c1", billing_configuration=wish)
        made = Customer.objects.get()
        Mirror.objects.create(
            organization=organization, customer=made, payment_provider=at_adyen, **values
        )

        page = text_of(sign_in(organization).get(tab_of(made)))

        assert badge in page
        assert words in page
        assert "Up to date" not in page
        assert ("Try again now" in page) is (badge == "The page has ended")

    def test_says_that_changes_are_not_sent_on(self, organization, at_gocardless, gocardless):
        """Seen to fail with what differs taken for what was changed there."""
        wish = {"payment_provider": "gocardless", "sync_with_provider": True}
        post(organization, "c1", name="Ann", billing_configuration=wish)
        work_off()
        post(organization, "c1", name="Bob")
        made, client = Customer.objects.get(), sign_in(organization)

        there = text_of(client.post(page_of(made), {"do": "compare"}, follow=True))
        tab = text_of(client.get(tab_of(made)))

        assert "Nothing that Tarn has sent was changed at GoCardless." in there
        assert "not sent on" in there
        assert "Send ours" not in there
        assert "later changes here are not sent there" in tab
        assert "Up to date" not in tab

    def test_says_that_a_provider_is_only_stored(self, organization):
        make_payment_provider(organization, code="mh", type="moneyhash")
        post(
            organization, external_id="c1", billing_configuration={"payment_provider": "moneyhash"}
        )

        page = text_of(sign_in(organization).get(tab_of(Customer.objects.get())))

        assert "Stored only: Tarn does not call MoneyHash." in page


class TestSidesPage:
    def test_shows_both_sides_once_they_were_asked(self, organization, customer):
        client = sign_in(organization)
        assert "was not asked yet" in text_of(client.get(page_of(customer)))

        answer = client.post(page_of(customer), {"do": "compare"}, follow=True)

        assert "1 field is not the same at Stripe." in text_of(answer)
        assert "&lt;b&gt;Lyon&lt;/b&gt;" in answer.content.decode()

    def test_says_why_it_could_not_be_asked(self, organization, customer, stripe):
        stripe.customers.clear()

        answer = sign_in(organization).post(page_of(customer), {"do": "compare"}, follow=True)

        assert "Stripe could not be asked: No such customers" in text_of(answer)

    def test_takes_over_what_is_ticked(self, organization, customer):
        client = sign_in(organization)
        client.post(page_of(customer), {"do": "compare"})

        client.post(page_of(customer), {"do": "take", "take": ["city"]})

        assert Customer.objects.get().city == "<b>Lyon</b>"
        assert "Taken over from Stripe" in text_of(
            client.get(f"/admin/customers/customer/{customer.pk}/timeline/")
        )

    @pytest.mark.parametrize("ticked", [[], ["state"], ["external_id"]])
    def test_takes_over_nothing_else(self, organization, customer, ticked):
        client = sign_in(organization)
        client.post(page_of(customer), {"do": "compare"})
        before = records()

        client.post(page_of(customer), {"do": "take", "take": ticked})

        assert records() == before

    def test_sends_ours(self, organization, customer, stripe):
        client = sign_in(organization)
        client.post(page_of(customer), {"do": "compare"})

        client.post(page_of(customer), {"do": "push"})
        work_off(now=True)

        assert next(iter(stripe.customers.values()))["address"]["city"] == "Paris"
        assert not Comparison.objects.exists()

    def test_tries_again(self, organization, customer):
        Mirror.objects.update(state="failed", failed_step="update", error_message="No.")

        sign_in(organization).post(page_of(customer), {"do": "retry"})

        assert len(jobs("customers.continue_mirror")) == 1

    def test_detaches_with_a_reason(self, organization, customer):
        client = sign_in(organization)

        client.post(page_of(customer), {"do": "detach", "reason": "Pays by transfer"})

        assert not ProviderLink.objects.exists()
        assert "Pays by transfer" in text_of(
            client.get(f"/admin/customers/customer/{customer.pk}/timeline/")
        )

    def test_knows_no_connection_of_another_customer(self, organization, customer):
        other = make_payment_provider(organization, code="other")
        address = f"{tab_of(customer)}{other.pk}/"

        assert sign_in(organization).get(address).status_code == 404
        assert sign_in(organization).post(address, {"do": "detach"}).status_code == 404
