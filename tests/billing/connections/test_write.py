"""Connections and their secrets (contract: resources.md 5.2 and 5.3)."""

import json

import pytest
from django.db import connection as database
from django.db.models import Model

from billing.connections.change import INTEGRATIONS, PAYMENT_PROVIDERS
from billing.connections.write import change_connection, create_connection
from billing.errors import Invalid, NotFound
from billing.events.actor import SYSTEM
from billing.models import ChangeRecord, Integration, PaymentProvider
from tests.billing.builders import make_payment_provider
from tests.billing.traces import everything, records

SECRET = "sk_live_canary_0123456789"


def make(organization, type_name: str, **values) -> Model:
    """Make a connection through the rules."""
    kind = PaymentProvider if type_name in PAYMENT_PROVIDERS else Integration
    shape = (PAYMENT_PROVIDERS | INTEGRATIONS)[type_name]
    sent = shape.examine({"code": "c", "name": "C"} | values)
    return create_connection(kind, organization.id, type_name, sent, SYSTEM)


def change(organization, **values) -> bool:
    """Change the Stripe connection `c` through the rules."""
    sent = PAYMENT_PROVIDERS["stripe"].examine(values)
    return change_connection(PaymentProvider, organization.id, "c", sent, SYSTEM)


class TestCreateConnection:
    @pytest.mark.parametrize("type_name", [*PAYMENT_PROVIDERS, *INTEGRATIONS])
    def test_needs_no_more_than_code_and_name(self, organization, type_name):
        made = make(organization, type_name)

        assert (made.type, made.settings, made.secrets.reveal()) == (type_name, {}, {})

    def test_keeps_secrets_apart_and_sealed(self, organization):
        make(organization, "stripe", secret_key=SECRET, success_redirect_url="https://a.example")

        made = PaymentProvider.objects.get()
        assert made.secrets.reveal() == {"secret_key": SECRET}
        assert made.secrets.last_four() == {"secret_key": "6789"}
        assert made.settings == {"success_redirect_url": "https://a.example"}

    def test_shows_a_secret_nowhere(self, organization):
        make(organization, "stripe", secret_key=SECRET, webhook_secret=SECRET)
        change(organization, secret_key=SECRET + "2", webhook_secret=None)

        with database.cursor() as cursor:
            cursor.execute("SELECT row_to_json(r)::text FROM billing_paymentprovider r")
            stored = cursor.fetchone()[0]
        written = stored + json.dumps(list(ChangeRecord.objects.values("changes")))
        assert "canary" not in written
        assert "canary" not in bytes(PaymentProvider.objects.get().__dict__["secrets"]).decode()
        assert records()[1][2] == {
            "secret_key": ["(secret)", "(secret)"],
            "webhook_secret": ["(secret)", None],
        }

    @pytest.mark.parametrize(
        "type_name, field, value, code",
        [
            ("stripe", "code", "", "value_is_mandatory"),
            ("stripe", "code", "taken", "value_already_exist"),
            ("stripe", "name", None, "value_is_mandatory"),
            ("stripe", "success_redirect_url", "app://x", "url_is_invalid"),
            ("stripe", "success_redirect_url", "a.example", "url_is_invalid"),
            ("stripe", "success_redirect_url", "https://a\\b", "url_is_invalid"),
            ("stripe", "success_redirect_url", f"https://{'x' * 1017}", "value_is_too_long"),
            ("adyen", "success_redirect_url", "javascript://x", "url_is_invalid"),
            ("moneyhash", "flow_id", "x" * 21, "value_is_too_long"),
            ("hubspot", "default_targeted_object", "x", "value_is_invalid"),
            ("netsuite", "script_endpoint_url", "x", "url_is_invalid"),
        ],
    )
    def test_refuses(self, organization, type_name, field, value, code):
        make_payment_provider(organization, code="taken")
        before = everything()

        with pytest.raises(Invalid) as refusal:
            make(organization, type_name, **{field: value})

        assert refusal.value.problems == {field: [code]}
        assert everything() == before

    def test_normalizes(self, organization):
        adyen = make(organization, "adyen", success_redirect_url="myapp://done")
        netsuite = make(organization, "netsuite", account_id="1234567 SB1")

        assert adyen.settings == {"success_redirect_url": "myapp://done"}
        assert netsuite.settings == {"account_id": "1234567-sb1"}


class TestChangeConnection:
    def test_leaves_alone_what_was_not_sent(self, organization):
        make(organization, "stripe", secret_key=SECRET, success_redirect_url="https://a.example")

        assert change(organization, name="New") is True

        made = PaymentProvider.objects.get()
        assert (made.name, made.secrets.reveal()) == ("New", {"secret_key": SECRET})
        assert made.settings == {"success_redirect_url": "https://a.example"}

    def test_changes_nothing_by_the_same_values(self, organization):
        sent = {"name": "C", "secret_key": SECRET, "success_redirect_url": "https://a.example"}
        before = make(organization, "stripe", **sent).updated_at

        assert change(organization, **sent) is False

        assert len(records()) == 1
        assert PaymentProvider.objects.get().updated_at == before

    def test_empties_by_null(self, organization):
        make(organization, "stripe", secret_key=SECRET, success_redirect_url="https://a.example")

        assert change(organization, secret_key=None, success_redirect_url="") is True

        made = PaymentProvider.objects.get()
        assert (made.settings, made.secrets.reveal()) == ({}, {})

    def test_replaces_a_secret_that_no_key_opens(self, organization, settings):
        make(organization, "stripe", secret_key=SECRET)
        settings.TARN_ENCRYPTION_KEYS = ["YW5vdGhlciBrZXksIGZvciB0ZXN0cyBhbG9uZSAhISE="]

        assert change(organization, secret_key="sk_new_0123456789") is True

        assert PaymentProvider.objects.get().secrets.reveal() == {"secret_key": "sk_new_0123456789"}

    def test_needs_one(self, organization):
        with pytest.raises(NotFound):
            change(organization, name="New")


class TestSecrets:
    def test_open_for_their_own_row_alone(self, organization):
        one = make(organization, "stripe", secret_key=SECRET)
        other = make_payment_provider(organization, code="other")
        PaymentProvider.objects.filter(pk=other.pk).update(secrets=one.__dict__["secrets"])
        other.refresh_from_db()

        with pytest.raises(ValueError, match="another row"):
            other.secrets.reveal()

    def test_are_not_shown_by_accident(self, organization):
        made = make(organization, "stripe", secret_key=SECRET)

        assert f"{made.secrets} {made.secrets!r}" == "<Secrets> <Secrets>"
