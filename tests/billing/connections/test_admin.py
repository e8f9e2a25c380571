"""Connections in the back office: secrets go in and never come out."""

from typing import Any

import pytest
from django.test import Client

from billing.models import ChangeRecord, Integration, Organization, PaymentProvider
from customers.models import ProviderLink
from tests.billing.builders import make_integration, make_organization, make_payment_provider
from tests.customers.builders import make_customer
from tests.staff import sign_in, text_of

LIST = "/admin/billing/paymentprovider/"
CANARY = "sk_live_canary_0123456789"


@pytest.fixture
def operator(organization: Organization) -> Client:
    """The browser of an operator of the organization."""
    return sign_in(organization, role="operator")


@pytest.fixture
def stripe(organization: Organization) -> PaymentProvider:
    """A Stripe connection with a secret key."""
    return make_payment_provider(
        organization, name="Stripe FR", code="stripe_fr", secrets={"secret_key": CANARY}
    )


def save(client: Client, row: Any, **values: str) -> Any:
    """Send the form of a connection, as it was opened, with these values."""
    address = f"/admin/billing/{row._meta.model_name}/{row.pk}/change/"
    form = client.get(address).context["adminform"].form
    now = {name: form[name].value() or "" for name in form.fields}
    now = {name: value for name, value in now.items() if value is not False}
    return client.post(address, now | values)


class TestMake:
    def test_asks_for_the_type_first(self, operator: Client) -> None:
        page = operator.get(f"{LIST}add/")

        assert "GoCardless" in text_of(page)
        assert b"?type=gocardless" in page.content

    def test_stores_the_secret_encrypted_and_shows_its_last_four(
        self, operator: Client, organization: Organization
    ) -> None:
        sent = {
            "organization": organization.pk,
            "name": "Stripe",
            "code": "s",
            "secret_key": CANARY,
        }

        response = operator.post(f"{LIST}add/?type=stripe", sent)

        row = PaymentProvider.objects.get()
        page = operator.get(response["Location"])
        assert row.secrets.reveal() == {"secret_key": CANARY}
        assert "Set (...6789)" in text_of(page)
        assert b"canary" not in page.content
        assert "canary" not in str(ChangeRecord.objects.latest("id").changes)

    def test_never_sends_a_refused_secret_back(
        self, operator: Client, organization: Organization
    ) -> None:
        sent = {"organization": organization.pk, "name": "", "code": "s", "secret_key": CANARY}

        page = operator.post(f"{LIST}add/?type=stripe", sent)

        assert page.status_code == 200
        assert "can't be empty" in text_of(page)
        assert b"canary" not in page.content
        assert not PaymentProvider.objects.exists()

    @pytest.mark.parametrize("type_name", list(Integration.Type.values))
    def test_opens_for_every_type(self, operator: Client, type_name: str) -> None:
        page = operator.get(f"/admin/billing/integration/add/?type={type_name}")

        assert page.status_code == 200


class TestSecret:
    def test_stays_when_the_field_is_left_empty(
        self, operator: Client, stripe: PaymentProvider
    ) -> None:
        response = save(operator, stripe, name="Stripe France")

        stripe.refresh_from_db()
        assert response.status_code == 302, text_of(response)
        assert stripe.name == "Stripe France"
        assert stripe.secrets.reveal() == {"secret_key": CANARY}

    def test_is_replaced(self, operator: Client, stripe: PaymentProvider) -> None:
        save(operator, stripe, secret_key="sk_live_another_one")

        stripe.refresh_from_db()
        assert stripe.secrets.reveal() == {"secret_key": "sk_live_another_one"}
        changes = ChangeRecord.objects.latest("id").changes
        assert changes == {"secret_key": ["(secret)", "(secret)"]}

    def test_is_forgotten(self, operator: Client, stripe: PaymentProvider) -> None:
        save(operator, stripe, clear_secret_key="on")

        stripe.refresh_from_db()
        assert stripe.secrets.reveal() == {}
        assert "Missing: Secret key" in text_of(operator.get(LIST))


class TestDelete:
    def test_deletes_after_a_question(self, operator: Client, stripe: PaymentProvider) -> None:
        address = f"{LIST}{stripe.pk}/delete/"

        page = operator.get(address)
        operator.post(address, {"post": "yes"})

        assert "No customer is linked to it" in text_of(page)
        assert not PaymentProvider.objects.exists()

    def test_refuses_while_customers_are_linked_and_says_how_many(
        self, operator: Client, organization: Organization, stripe: PaymentProvider
    ) -> None:
        ProviderLink.objects.create(
            organization=organization, customer=make_customer(organization), connection=stripe
        )
        address = f"{LIST}{stripe.pk}/delete/"

        question = operator.get(address)
        answer = operator.post(address, {"post": "yes"}, follow=True)

        assert "1 customer is linked to it" in text_of(question)
        assert "Link them to another one first" in text_of(answer)
        assert PaymentProvider.objects.exists()


class TestAccess:
    @pytest.mark.parametrize("role", ["viewer", "auditor", "finance", "finance_lead"])
    def test_is_the_operators_alone(
        self, organization: Organization, stripe: PaymentProvider, role: str
    ) -> None:
        client = sign_in(organization, role=role)

        for path in ("", "add/", f"{stripe.pk}/change/", f"{stripe.pk}/delete/"):
            assert client.get(LIST + path).status_code == 403

    def test_hides_those_of_others(self, operator: Client) -> None:
        foreign = make_integration(make_organization(), name="Theirs")

        page = operator.get("/admin/billing/integration/")
        response = operator.get(f"/admin/billing/integration/{foreign.pk}/change/")

        assert "Theirs" not in text_of(page)
        assert response.status_code == 302
