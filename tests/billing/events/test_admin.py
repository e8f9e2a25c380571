"""Webhook endpoints in the back office."""

import pytest
from django.test import Client

from billing.models import ChangeRecord, Organization, WebhookEndpoint
from tests.billing.builders import make_webhook_endpoint
from tests.staff import records, sent_by, sign_in, text_of

LIST = "/admin/billing/webhookendpoint/"


@pytest.fixture
def operator(organization: Organization) -> Client:
    """The browser of an operator."""
    return sign_in(organization, role="operator")


def form_of(endpoint: WebhookEndpoint) -> str:
    """Return where the endpoint is edited."""
    return f"{LIST}{endpoint.pk}/change/"


class TestEndpoint:
    def test_is_told_of_what_was_ticked(self, operator: Client, organization: Organization) -> None:
        sent = {
            "organization": organization.pk,
            "webhook_url": "https://hooks.example.com/",
            "names": ["customer.created", "customer.deleted"],
            "with_changes": "on",
            "signature_algo": "hmac",
        }

        response = operator.post(f"{LIST}add/", sent)

        assert response.status_code == 302, text_of(response)
        made = WebhookEndpoint.objects.get()
        assert sorted(made.event_types or ()) == ["customer.created", "customer.deleted"]
        assert (made.with_changes, made.signature_algo) == (True, "hmac")

    def test_must_be_told_something(self, operator: Client, organization: Organization) -> None:
        endpoint = make_webhook_endpoint(organization)
        sent = sent_by(operator, form_of(endpoint))
        del sent["everything"]

        page = operator.post(form_of(endpoint), sent)

        assert "Tick at least one kind" in text_of(page)
        endpoint.refresh_from_db()
        assert endpoint.event_types is None

    def test_keeps_what_was_not_edited(self, operator: Client, organization: Organization) -> None:
        names = ["order.created", "customer.created"]
        endpoint = make_webhook_endpoint(organization, event_types=names)
        sent = sent_by(operator, form_of(endpoint))

        operator.post(form_of(endpoint), sent | {"name": "CRM"})

        endpoint.refresh_from_db()
        assert (endpoint.name, endpoint.event_types) == ("CRM", names)
        assert ChangeRecord.objects.latest("id").changes == {"name": [None, "CRM"]}

    def test_shows_theirs_beside_mine(self, operator: Client, organization: Organization) -> None:
        """About the form being a SettingsForm."""
        endpoint = make_webhook_endpoint(organization, name="Old")
        sent = sent_by(operator, form_of(endpoint)) | {"name": "Mine"}
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(name="Theirs")
        before = records()

        page = operator.post(form_of(endpoint), sent)

        assert "Now: “Theirs”. You entered: “Mine”." in text_of(page)
        assert records() == before

    def test_asks_before_the_receiver_has_to_follow(
        self, operator: Client, organization: Organization
    ) -> None:
        endpoint = make_webhook_endpoint(organization)
        sent = sent_by(operator, form_of(endpoint)) | {"signature_algo": "hmac"}

        asked = operator.post(form_of(endpoint), sent)

        assert "must check the other signature" in text_of(asked)
        endpoint.refresh_from_db()
        assert endpoint.signature_algo == "jwt"

    def test_shows_its_state_and_what_to_do(
        self, operator: Client, organization: Organization
    ) -> None:
        endpoint = make_webhook_endpoint(
            organization, paused_at="2026-01-01T00:00Z", pause_reason="gone"
        )

        page = operator.get(form_of(endpoint))

        assert "Paused: it answered 410, gone" in text_of(page)
        assert 'value="resume"' in page.content.decode()
        assert f"?endpoint={endpoint.pk}" in page.content.decode()
