"""What GoCardless and Adyen tell us: believed if signed, taken once, in any order."""

import json
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest

from billing.webhooks.models import Event
from customers.models import Customer, Mirror, PaymentMethod, ProviderEvent, ProviderLink
from demo.fakes import adyen as adyen_fake
from demo.fakes import gocardless as gocardless_fake
from tests.billing.builders import make_organization, make_payment_provider
from tests.customers.posting import API, post
from tests.customers.providers.conftest import ADYEN_HMAC_KEY, events, jobs, work_off

pytestmark = pytest.mark.django_db
GC_SECRET = "gc_webhooks"


def _at(**delta):
    return (datetime.now(UTC) + timedelta(**delta)).isoformat(timespec="seconds")


class TestGocardless:
    @pytest.fixture(autouse=True)
    def _customer(self, organization, at_gocardless, gocardless):
        gocardless.customers["CU1"] = {"id": "CU1"}
        linked = {"payment_provider": "gocardless", "provider_customer_id": "CU1"}
        post(organization, "c1", billing_configuration=linked)
        work_off()

    @pytest.fixture
    def told(self, organization, api):
        def tell(*found, secret=GC_SECRET, to=None, signature=None, body=None):
            data, header = gocardless_fake.signed(list(found), secret)
            headers = {"Webhook-Signature": signature or header, "Authorization": ""}
            address = f"/webhooks/gocardless/{to or organization.pk}"
            return api.request("POST", address, body=body or data, headers=headers)

        return tell

    def test_stores_a_mandate_as_the_default(self, told, gocardless):
        mandate = gocardless.add_mandate("CU1")

        answer = told(gocardless_fake.event("mandates.created", mandate))
        work_off()

        assert (answer.status, answer.body) == (200, b"")
        method = PaymentMethod.objects.get()
        assert (method.remote_id, method.kind, method.is_default) == (mandate, "sepa_core", True)
        assert ProviderEvent.objects.get().state == "done"

    def test_takes_each_event_of_a_webhook_once(self, told, gocardless):
        found = [
            gocardless_fake.event("mandates.created", gocardless.add_mandate("CU1")),
            gocardless_fake.event("mandates.submitted", "MD1", "bank"),
        ]

        assert [told(*found).status for _ in range(3)] == [200] * 3

        assert ProviderEvent.objects.count() == 2
        assert len(jobs()) == 1

    def test_forgets_a_mandate_that_was_cancelled_by_us(self, told, gocardless):
        mandate = gocardless.add_mandate("CU1")
        told(gocardless_fake.event("mandates.created", mandate))
        work_off()

        told(gocardless_fake.event("mandates.cancelled", mandate, "bank"))
        work_off()
        assert PaymentMethod.objects.exists()

        told(gocardless_fake.event("mandates.cancelled", mandate, "api"))
        work_off()
        assert not PaymentMethod.objects.exists()

    def test_does_not_bring_back_a_mandate_when_its_events_come_late(self, told, gocardless):
        """Seen to fail without a look at what the mandate is now."""
        mandate = gocardless.add_mandate("CU1", status="cancelled")
        told(gocardless_fake.event("mandates.cancelled", mandate, "api"))
        work_off()

        told(gocardless_fake.event("mandates.created", mandate, created_at=_at(hours=-1)))
        work_off()

        assert not PaymentMethod.objects.exists()

    def test_lets_no_older_mandate_overwrite_a_newer_one(self, told, gocardless):
        """Seen to fail without the comparison of their times."""
        newer, older = gocardless.add_mandate("CU1"), gocardless.add_mandate("CU1")
        told(gocardless_fake.event("mandates.created", newer))
        work_off()

        told(gocardless_fake.event("mandates.created", older, created_at=_at(hours=-1)))
        work_off()

        assert PaymentMethod.objects.get(is_default=True).remote_id == newer

    @pytest.mark.parametrize("owner", ["CU2", None])
    def test_ignores_a_mandate_of_somebody_else(self, told, gocardless, owner):
        told(gocardless_fake.event("mandates.created", gocardless.add_mandate(owner)))
        work_off()

        assert not PaymentMethod.objects.exists()
        assert ProviderEvent.objects.get().state == "ignored"

    def test_ignores_a_customer_that_was_deleted(self, told, gocardless, organization):
        from customers.delete import delete_customer

        delete_customer(organization.pk, "c1", API)
        told(gocardless_fake.event("mandates.created", gocardless.add_mandate("CU1")))
        work_off()

        assert ProviderEvent.objects.get().state == "ignored"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"secret": "another"},
            {"signature": "0" * 64},
            {"signature": "nön"},
            {"body": b"{}"},
            {"to": "00000000-0000-0000-0000-000000000001"},
        ],
    )
    def test_turns_away_what_it_cannot_trust(self, told, wrong):
        """Seen to fail without the check of the signature."""
        assert told(gocardless_fake.event("mandates.created", "MD1"), **wrong).status == 400

        assert not ProviderEvent.objects.exists()

    @pytest.mark.parametrize(
        "found",
        [
            {},
            {"id": "EV1"},
            {"id": "", "resource_type": "a", "action": "b", "created_at": _at()},
            {"id": "EV1", "resource_type": "a", "action": "b", "created_at": "yesterday"},
            {"id": "EV1", "resource_type": "a", "action": "b", "created_at": "2026-01-01T00:00:00"},
            {"id": "EV\0", "resource_type": "a", "action": "b", "created_at": _at()},
            {"id": "EV\ud800", "resource_type": "a", "action": "b", "created_at": _at()},
            "EV1",
            7,
        ],
    )
    def test_turns_away_what_is_no_event(self, told, found):
        """Seen to fail, with 500 for NUL and half a surrogate, when they are not looked for."""
        good = gocardless_fake.event("mandates.created", "MD1")

        assert told(good, found).status == 400

        assert not ProviderEvent.objects.exists()

    def test_turns_away_an_event_signed_for_another_organization(self, told):
        other = make_organization()
        theirs = make_payment_provider(other, type="gocardless", code="gocardless")
        theirs.secrets = {"access_token": "t", "webhook_secret": "theirs"}
        theirs.save()

        assert told(gocardless_fake.event("mandates.created", "MD1"), to=other.pk).status == 400

    def test_turns_away_everything_without_a_secret(self, told, at_gocardless):
        at_gocardless.secrets = {"access_token": "t"}
        at_gocardless.save()

        assert told(gocardless_fake.event("mandates.created", "MD1")).status == 400

    def test_logs_no_body_of_what_it_turns_away(self, told, monkeypatch, caplog):
        """Red when a line of the log says what was sent."""
        log = Mock()
        monkeypatch.setattr("customers.providers.api.log", log)

        told(gocardless_fake.event("mandates.created", "MD_IN_THE_BODY"), secret="another")

        log.warning.assert_called_once()
        assert "MD_IN_THE_BODY" not in f"{log.mock_calls}{caplog.text}"


_HALF_SIGNED = (
    b'{"notificationItems": [{"NotificationRequestItem": '
    b'{"amount": {}, "additionalData": {"hmacSignature": "x"}}}]}'
)
SYNC = {"payment_provider": "adyen", "sync_with_provider": True}


class TestAdyen:
    @pytest.fixture(autouse=True)
    def _customer(self, organization, at_adyen, adyen, listener):
        post(organization, "c-1", name="Ann", billing_configuration=SYNC)
        work_off()
        Event.objects.all().delete()

    @pytest.fixture
    def told(self, organization, api):
        def tell(*items, key=ADYEN_HMAC_KEY, to=None, body=None):
            data = adyen_fake.signed(list(items), key) if body is None else body
            address = f"/webhooks/adyen/{to or organization.pk}"
            return api.request("POST", address, body=data, headers={"Authorization": ""})

        return tell

    def test_stores_the_shopper_and_how_it_pays(self, told):
        answer = told(adyen_fake.notification("c-1"))
        work_off()

        assert (answer.status, answer.body) == (200, b"[accepted]")
        assert ProviderLink.objects.get().provider_customer_id == "c-1"
        method = PaymentMethod.objects.get()
        assert (method.kind, method.brand, method.last_four) == ("card", "visa", "1142")
        assert (method.expires_year, method.expires_month) == (2030, 3)
        assert events() == ["customer.payment_provider_created"]
        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.awaiting_until) == ("ok", None)
        assert ProviderEvent.objects.get().state == "done"

    def test_takes_a_notification_once(self, told):
        item = adyen_fake.notification("c-1")

        for _ in range(3):
            assert told(item).body == b"[accepted]"
            work_off()

        assert events() == ["customer.payment_provider_created"]
        assert ProviderEvent.objects.count() == 1

    def test_tells_of_a_refusal_once(self, told):
        item = adyen_fake.notification("c-1", success="false", reason="Refused")
        told(item)
        told(item)
        work_off()

        assert events() == ["customer.payment_provider_error"]
        [told_of] = Event.objects.filter(event_type="customer.payment_provider_error")
        error = json.loads(told_of.snapshot)["provider_error"]
        assert error == {"message": "Refused", "error_code": "authorisation_refused"}
        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.error_message) == ("failed", "Refused")
        assert mirror.error_request_id == item["pspReference"]
        assert ProviderLink.objects.get().provider_customer_id is None

    def test_takes_a_success_after_a_refusal(self, told):
        told(adyen_fake.notification("c-1", success="false", eventDate=_at(minutes=-5)))
        told(adyen_fake.notification("c-1"))
        work_off()

        assert ProviderLink.objects.get().provider_customer_id == "c-1"
        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.error_message) == ("ok", None)

    def test_lets_no_late_refusal_undo_a_success(self, told):
        """Seen to fail without the comparison of their times."""
        told(adyen_fake.notification("c-1"))
        work_off()

        told(adyen_fake.notification("c-1", success="false", eventDate=_at(minutes=-5)))
        work_off()

        assert events() == ["customer.payment_provider_created"]
        assert Mirror.objects.get().state == "ok"

    def test_lets_no_late_success_undo_what_a_client_has_set_since(self, told, organization):
        """Seen to fail without the look at the history."""
        post(organization, "c-1", billing_configuration={"provider_customer_id": "theirs"})

        told(adyen_fake.notification("c-1", eventDate=_at(minutes=-5)))
        work_off()

        assert ProviderLink.objects.get().provider_customer_id == "theirs"
        assert ProviderEvent.objects.get().state == "ignored"

    @pytest.mark.parametrize(
        "values",
        [
            {"amount": {"currency": "EUR", "value": 1_000}},
            {"amount": {"currency": "EUR", "value": -1}},
            {"eventCode": "CAPTURE"},
            {"merchantAccountCode": "AnotherECOM"},
            {"more": {"shopperReference": "c-2", "recurring.shopperReference": "c-2"}},
        ],
    )
    def test_ignores_what_it_is_not_about(self, told, values):
        assert told(adyen_fake.notification("c-1", **values)).body == b"[accepted]"
        work_off()

        assert ProviderEvent.objects.get().state == "ignored"
        assert ProviderLink.objects.get().provider_customer_id is None
        assert not events()

    def test_ignores_a_link_of_another_customer(self, told, organization):
        """Seen to fail when the reference, which alone is signed, is not looked at."""
        other = post(organization, "c-2", name="Bob", billing_configuration=SYNC).customer_id
        own = Customer.objects.get(external_id="c-1").pk

        told(adyen_fake.notification("c-1", merchantReference=str(other)))
        work_off()
        assert not ProviderLink.objects.filter(provider_customer_id__isnull=False).exists()

        told(adyen_fake.notification("c-1", merchantReference=str(own)))
        work_off()
        assert ProviderLink.objects.get(customer_id=own).provider_customer_id == "c-1"

    def test_stores_the_shopper_though_nothing_is_said_of_how_it_pays(self, told):
        told(adyen_fake.notification("c-1", more={"recurring.recurringDetailReference": None}))
        work_off()

        assert ProviderLink.objects.get().provider_customer_id == "c-1"
        assert not PaymentMethod.objects.exists()

    @pytest.mark.parametrize("key", ["FF" * 32, ADYEN_HMAC_KEY[:-2]])
    def test_turns_away_a_wrong_signature(self, told, key):
        """Seen to fail without the check of the signature."""
        assert told(adyen_fake.notification("c-1"), key=key).status == 400

        assert not ProviderEvent.objects.exists()

    def test_turns_away_all_when_one_is_not_signed(self, told):
        body = json.loads(adyen_fake.signed([adyen_fake.notification("c-1")] * 2, ADYEN_HMAC_KEY))
        forged = body["notificationItems"][1]["NotificationRequestItem"]
        forged["pspReference"] = "P2"

        assert told(body=json.dumps(body).encode()).status == 400

        assert not ProviderEvent.objects.exists()

    def test_turns_away_a_signed_notification_inside_a_forged_one(self, told):
        """Seen to fail when Adyen's function is given the item as it is."""
        signed = json.loads(adyen_fake.signed([adyen_fake.notification("c-2")], ADYEN_HMAC_KEY))
        inner = signed["notificationItems"][0]["NotificationRequestItem"]
        more = {"hmacSignature": inner["additionalData"]["hmacSignature"]}
        outer = adyen_fake.notification("c-1", more=more)
        outer["notificationItems"] = signed["notificationItems"]
        items = [{"NotificationRequestItem": outer}]

        assert told(body=json.dumps({"notificationItems": items}).encode()).status == 400

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{}",
            b"\xff",
            b"[" * 100_000,
            b'{"notificationItems": []}',
            b'{"notificationItems": [7]}',
            b'{"notificationItems": [{"NotificationRequestItem": []}]}',
            b'{"notificationItems": [{"NotificationRequestItem": {"additionalData": {}}}]}',
            _HALF_SIGNED,
        ],
    )
    def test_turns_away_what_is_no_notification(self, told, body):
        assert told(body=body).status == 400

    def test_needs_a_key_of_the_form_adyen_gives(self, told, at_adyen):
        at_adyen.secrets = {"api_key": "k", "hmac_key": "not hexadecimal"}
        at_adyen.save()

        assert told(adyen_fake.notification("c-1")).status == 400
