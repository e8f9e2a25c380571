"""What became of customers at providers, as staff see it and mend it."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from customers.mirrors import Comparison, Mirror, PaymentMethod, ProviderEvent
from customers.models import Customer
from customers.providers import drift
from customers.providers.failures import Failure
from demo.fakes.server import running
from demo.fakes.stripe import StripeFake
from tests.billing.builders import make_integration, make_payment_provider
from tests.browser.looks import assert_accessible, shot
from tests.customers.posting import post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stripe(settings):
    fake = StripeFake()
    with running(fake) as url:
        settings.TARN_STRIPE_URL = url
        yield fake


@pytest.fixture
def customer(organization, stripe):
    """A customer that is not the same at Stripe, and failed at NetSuite."""
    provider = make_payment_provider(organization, code="stripe_eu", name="Stripe EU")
    provider.secrets = {"secret_key": "sk_test_1234567890"}
    provider.save()
    integration = make_integration(organization, code="books", name="Our books", type="netsuite")
    stripe.customers["cus_1"] = {
        "id": "cus_1", "name": "Hooli SARL", "email": "compta@hooli.test",
        "address": {"line1": "5 rue du Midi", "city": "Lyon", "country": "FR"},
        "phone": "+33 1 55 00 00 00", "invoice_settings": {},
    }  # fmt: skip
    post(
        organization,
        "hooli",
        name="Hooli SARL",
        email="compta@hooli.test",
        address_line1="5 rue du Midi",
        city="Vincennes",
        country="FR",
        billing_configuration={"payment_provider": "stripe", "provider_customer_id": "cus_1"},
        integration_customers=[
            {
                "integration_type": "netsuite",
                "integration_code": "books",
                "sync_with_provider": True,
            }
        ],
    )
    found = Customer.objects.get()
    mine = {"organization": organization, "customer": found}
    Mirror.objects.create(
        **mine, payment_provider=provider, state="ok", last_success_at=timezone.now()
    )
    Mirror.objects.create(
        **mine, integration=integration, state="failed", failed_step="create",
        error_message="Subsidiary 3 does not exist.", error_code="INVALID_KEY_OR_REF",
        error_request_id="ns-8f31", error_at=timezone.now(),
    )  # fmt: skip
    PaymentMethod.objects.create(
        **mine, connection=provider, remote_id="pm_1", kind="card", brand="visa",
        last_four="4242", expires_year=2030, expires_month=7, is_default=True,
        told_at=timezone.now(),
    )  # fmt: skip
    return found


def tab_of(customer):
    return f"/admin/customers/customer/{customer.pk}/connections/"


class TestSides:
    def test_compare_and_take_over_a_field(self, staff_page, customer):
        page = staff_page("finance")
        page.goto(tab_of(customer))
        expect(page.get_by_text("Subsidiary 3 does not exist. (request ns-8f31)")).to_be_visible()
        expect(page.get_by_text("visa •••• 4242")).to_be_visible()
        assert_accessible(page)
        shot(page, "sync-tab")

        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_text("2 fields are not the same at Stripe.")).to_be_visible()
        assert_accessible(page)
        shot(page, "sync-sides")

        page.get_by_label("Take over City").check()
        page.get_by_label("Reason").first.fill("They moved")
        page.get_by_role("button", name="Take over what is ticked").click()

        expect(page.get_by_text("1 field is not the same at Stripe.")).to_be_visible()
        assert Customer.objects.get().city == "Lyon"
        page.goto(f"/admin/customers/customer/{customer.pk}/timeline/")
        expect(page.get_by_text("They moved")).to_be_visible()

    def test_detach_leaves_the_other_side_alone(self, staff_page, customer, stripe):
        page = staff_page("finance")
        page.goto(tab_of(customer))

        page.get_by_role("link", name="Detach").first.click()
        page.get_by_role("button", name="Detach").click()

        expect(page.get_by_text("No longer linked to Stripe.")).to_be_visible()
        assert "cus_1" in stripe.customers

    def test_say_why_nobody_answers(self, staff_page, customer, settings):
        settings.TARN_STRIPE_URL = "http://127.0.0.1:9"
        page = staff_page("finance")
        page.goto(tab_of(customer))

        page.get_by_role("button", name="Compare").click()

        expect(page.get_by_text("Stripe could not be asked").first).to_be_visible()
        shot(page, "sync-unreachable")

    @pytest.mark.parametrize("dark, phone", [(True, False), (False, True)])
    def test_are_readable_everywhere(self, staff_page, customer, dark, phone):
        kind = "dark" if dark else "phone"
        page = staff_page("finance", dark=dark, phone=phone)
        page.goto(tab_of(customer))
        shot(page, f"sync-tab-{kind}")

        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_text("2 fields are not the same at Stripe.")).to_be_visible()

        assert_accessible(page)
        shot(page, f"sync-sides-{kind}")


class TestSync:
    @pytest.fixture
    def events(self, customer):
        connection = customer.provider_link.connection
        for number in range(3):
            ProviderEvent.objects.create(
                organization=customer.organization, connection=connection,
                remote_id=f"evt_{number}", type="setup_intent.succeeded", state="failed",
                happened_at=timezone.now(), attempts=6, error="Stripe did not answer in time.",
            )  # fmt: skip
        Comparison.objects.create(
            organization=customer.organization,
            mirror=Mirror.objects.get(payment_provider=connection), remote_id="cus_1",
            asked_at=timezone.now(), theirs={"city": "Lyon"}, differing=["city"],
        )  # fmt: skip
        make_payment_provider(customer.organization, code="mh", name="Hash", type="moneyhash")
        other = make_payment_provider(customer.organization, code="us", name="Stripe US")
        drift.stop(drift.begin(other), Failure("The connection us has no secret_key."))

    @pytest.mark.parametrize("dark, phone", [(False, False), (True, False), (False, True)])
    def test_shows_connections_and_has_a_notice_handled_again(
        self, staff_page, events, dark, phone
    ):
        kind = "dark" if dark else "phone" if phone else "light"
        page = staff_page("finance", dark=dark, phone=phone)
        page.goto("/admin/sync/")
        assert_accessible(page)
        shot(page, f"sync-page-{kind}")

        page.get_by_role("button", name="Handle again").first.click()

        expect(page.get_by_text("It is handled again now.")).to_be_visible()
        assert ProviderEvent.objects.filter(state="waiting").count() == 1

    def test_says_when_nothing_is_there(self, staff_page, organization):
        page = staff_page("operator")
        page.goto("/admin/sync/")

        expect(page.get_by_text("Nothing is connected yet.")).to_be_visible()
        shot(page, "sync-page-empty")
