"""Webhooks of providers whose links are stored only: believed if signed, kept once."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime

import pytest

from customers.models import Mirror, ProviderEvent
from customers.providers.adapter import Forged
from customers.providers.listeners import MoneyhashListener
from tests.billing.builders import make_payment_provider
from tests.customers.posting import post
from tests.customers.providers.conftest import jobs, work_off

pytestmark = pytest.mark.django_db
SECRETS = {
    "cashfree": {"client_id": "id", "client_secret": "key"},
    "flutterwave": {"secret_key": "sk", "webhook_secret": "key"},
    "moneyhash": {"api_key": "ak", "signature_key": "key"},
}
EVENT = {"type": "payment.succeeded", "event": "charge.completed", "data": {"id": 7}}


def _cashfree(body, key, at, names="x-webhook"):
    stamp = str(int(at * 1_000))
    digest = hmac.new(key, stamp.encode() + body, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    return {f"{names}-timestamp": stamp, f"{names}-signature": signature}


def _flutterwave(body, key, at):
    return {"verif-hash": key.decode()}


def _moneyhash(body, key, at):
    stamp = str(int(at))
    text = base64.b64encode(body) + stamp.encode()
    digest = hmac.new(key, text, hashlib.sha256).hexdigest()
    return {"MoneyHash-Signature": f"t={stamp},v1=0,v2=0,v3={digest}"}


SIGNED = {"cashfree": _cashfree, "flutterwave": _flutterwave, "moneyhash": _moneyhash}


@pytest.fixture(params=SIGNED)
def kind(request):
    return request.param


@pytest.fixture
def told(organization, api, kind):
    made = make_payment_provider(organization, type=kind, code=kind)
    made.secrets = SECRETS[kind]
    made.save()

    def tell(event=EVENT, *, key=b"key", at=None, headers=None, body=None):
        data = json.dumps(event).encode() if body is None else body
        signed = SIGNED[kind](data, key, at or time.time()) if headers is None else headers
        address = f"/webhooks/{kind}/{organization.pk}?code={kind}"
        return api.request("POST", address, body=data, headers={"Authorization": "", **signed})

    return tell


class TestDoor:
    def test_keeps_an_event_once_and_acts_on_nothing(self, told):
        answers = [told() for _ in range(3)]

        assert [(one.status, one.body) for one in answers] == [(200, b"")] * 3
        stored = ProviderEvent.objects.get()
        assert (stored.state, stored.facts) == ("ignored", {})
        assert stored.type in (EVENT["type"], EVENT["event"])
        assert jobs() == []

    def test_knows_an_event_by_its_id(self, told):
        told(EVENT | {"id": "e1", "data": 1})
        told(EVENT | {"id": "e1", "data": 2})
        told(EVENT | {"id": "e2", "data": 2})

        assert ProviderEvent.objects.count() == 2

    def test_turns_away_what_it_cannot_trust(self, told):
        """Seen to fail without the comparison of signatures."""
        assert told(key=b"other").status == 400
        assert told(headers={}).status == 400

        assert not ProviderEvent.objects.exists()

    @pytest.mark.parametrize("kind", ["cashfree", "moneyhash"])  # Flutterwave sends no time
    def test_turns_away_what_was_signed_too_long_ago(self, told):
        """Seen to fail without the look at the time."""
        assert told(at=time.time() - 400).status == 400
        assert told(at=time.time() + 400).status == 400

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"type": 1}', b"[" * 100_000])
    def test_turns_away_what_is_no_event(self, told, body):
        assert told(body=body).status == 400

    def test_turns_away_everything_without_a_secret(self, told, organization):
        made = organization.payment_providers.get()
        made.secrets = {}
        made.code = "our-name-for-it"
        made.save()

        answer = told()

        assert answer.status == 400
        assert made.code.encode() not in answer.body  # whoever asks may be a stranger


class TestCashfree:
    @pytest.fixture
    def kind(self):
        return "cashfree"

    def test_knows_its_headers_by_either_name(self, told):
        body = json.dumps(EVENT).encode()

        assert told(headers=_cashfree(body, b"key", time.time(), "x-cashfree")).status == 200


class TestMoneyhash:
    @pytest.fixture
    def kind(self):
        return "moneyhash"

    def test_is_verified_as_in_a_published_example(self, organization):
        """The third signature is over the Base64 of the body, then the time."""
        made = make_payment_provider(organization, type="moneyhash", code="m")
        made.secrets = {"signature_key": "test_signature_key"}
        digest = "ca13480c8142f2f2b44822c764909027974e84b3e8c94457a314f129d8d60148"
        headers = {"moneyhash-signature": f"t=1743090080,v1=-,v2=-,v3={digest}"}
        now = datetime.fromtimestamp(1743090080, UTC)

        with pytest.raises(Forged, match="this is no event"):  # but it was signed
            MoneyhashListener(made).notices(headers, b'"webhook_payload"', now)
        with pytest.raises(Forged, match="signature"):
            MoneyhashListener(made).notices(headers, b'"another_payload"', now)


class TestLinks:
    def test_are_stored_and_nothing_else(self, organization, api, kind, told):
        """Seen to fail when what listens counts as an adapter."""
        sync = {"payment_provider": kind, "sync_with_provider": True, "sync": True}
        body = {"external_id": "c1", "billing_configuration": sync}

        answer = api.post("/api/v1/customers", json={"customer": body})
        work_off()

        assert answer.status == 200
        assert not Mirror.objects.exclude(todo=[]).exists()
        refused = api.post("/api/v1/customers/c1/checkout_url")
        assert (refused.status, refused.json()["code"]) == (405, "feature_not_supported")
        post(organization, "c1", billing_configuration={"provider_customer_id": "x"})
        work_off()
        assert not Mirror.objects.exclude(todo=[]).exists()
