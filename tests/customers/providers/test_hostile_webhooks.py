"""What strangers and broken providers may post: refused without a trace, never an error of ours."""

import hashlib
import hmac
import json
import time

import pytest

from customers.models import Customer, PaymentMethod, ProviderEvent
from demo.fakes import stripe as stripe_fake
from tests.billing.builders import make_payment_provider
from tests.customers.posting import post
from tests.customers.providers.conftest import ADYEN_HMAC_KEY, jobs, work_off
from tests.customers.providers.test_listeners import SIGNED as LISTENERS
from tests.staff import records

pytestmark = pytest.mark.django_db
CANARY = "canary-of-the-body"
KINDS = ("stripe", "gocardless", "adyen", "cashfree", "flutterwave", "moneyhash")
KEY = {"adyen": ADYEN_HMAC_KEY}
SECRET_NAMES = {"adyen": "hmac_key", "cashfree": "client_secret", "moneyhash": "signature_key"}


def headers_of(kind, body, key):
    """Sign these bytes as a provider does; Adyen's signatures stand in the body."""
    if kind == "stripe":
        stamp = int(time.time())
        digest = hmac.new(key.encode(), b"%d.%b" % (stamp, body), hashlib.sha256).hexdigest()
        return {"Stripe-Signature": f"t={stamp},v1={digest}"}
    if kind == "gocardless":
        return {"Webhook-Signature": hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}
    return LISTENERS[kind](body, key.encode(), time.time()) if kind in LISTENERS else {}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def told(organization, api, kind):
    """Send bytes as a provider would that knows the secret."""
    made = make_payment_provider(organization, type=kind, code=kind)
    key = KEY.get(kind, "the-signing-key")
    made.secrets = {SECRET_NAMES.get(kind, "webhook_secret"): key}
    made.settings = {"merchant_account": "AcmeECOM"}
    made.save()
    post(organization, "c-1", name="Ann", billing_configuration={"payment_provider": kind})
    work_off()

    def tell(body, headers=None):
        signed = headers_of(kind, body, key) if headers is None else headers
        address = f"/webhooks/{kind}/{organization.pk}?code={kind}"
        return api.request("POST", address, body=body, headers={"Authorization": ""} | signed)

    return tell


MALFORMED = {
    "nothing": b"",
    "no JSON": b"\x00\xff{" + CANARY.encode(),
    "no text": b'{"id": "\xff\xfe' + CANARY.encode() + b'"}',
    "a number": b"7",
    "null": b"null",
    "a list": json.dumps([CANARY]).encode(),
    "a deep list": b"[" * 100_000,
    "deep objects": b'{"data":' * 50_000,
    "numbers without end": b'{"id": 1' + b"0" * 5_000 + b"}",
    "no number": b'{"id": NaN, "type": 1e999, "created": -Infinity, "data": {"object": {}}}',
    "other types": json.dumps(
        {"id": [CANARY], "type": {}, "created": "x", "data": 1, "events": {"a": 1}, "event": 7}
    ).encode(),
    "times out of range": json.dumps(
        {"id": CANARY, "type": [], "created": 10**30, "data": {"object": {"id": CANARY}}}
    ).encode(),
}
HEADERS = {
    "nothing": {},
    "no ASCII": dict.fromkeys(
        ("Stripe-Signature", "Webhook-Signature", "x-webhook-signature", "verif-hash",
         "MoneyHash-Signature"), "t=1,v1=\xe9,v3=\xe9",
    ),
    "endless times": {
        "Stripe-Signature": f"t={'9' * 4_000},v1=0",
        "x-webhook-timestamp": "9" * 4_000,
        "MoneyHash-Signature": f"t={'9' * 4_000},v3=0",
    },
    "many": {"Stripe-Signature": "t=1,t=2,v1=0,v1=1", "MoneyHash-Signature": "v3=0,v3=1,,=,t"},
}  # fmt: skip


class Heard:
    """Keeps what is logged."""

    def __init__(self):
        self.words = []

    def warning(self, *words, **more):
        self.words.append((words, more))


class TestDoor:
    def test_refuses_what_is_no_event_though_it_is_signed(self, told, monkeypatch, caplog):
        heard = Heard()
        monkeypatch.setattr("customers.providers.api.log", heard)
        before = records()

        answers = {name: told(body) for name, body in MALFORMED.items()}

        assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(
            MALFORMED, 400
        )
        assert all(answer.json()["status"] == 400 for answer in answers.values())
        assert not ProviderEvent.objects.exists()
        assert (records(), jobs()) == (before, [])
        assert len(heard.words) == len(MALFORMED)
        assert CANARY not in str(heard.words) + caplog.text

    def test_refuses_signatures_of_no_form(self, told):
        """Seen to fail: Stripe's client can't compare a signature that is not ASCII."""
        body = json.dumps({"id": "e", "type": "t", "event": "t"}).encode()

        answers = {name: told(body, headers).status for name, headers in HEADERS.items()}

        assert answers == dict.fromkeys(HEADERS, 400)
        assert not ProviderEvent.objects.exists()

    def test_refuses_more_than_a_megabyte(self, told):
        answer = told(b'{"padding": "' + b"x" * 1_100_000 + b'"}')

        assert (answer.status, answer.json()["status"]) == (413, 413)
        assert not ProviderEvent.objects.exists()


class TestConnections:
    """Two accounts at Stripe, which call different customers by the same id."""

    @pytest.fixture
    def told(self, organization, api, stripe):
        for code in ("eu", "us"):
            made = make_payment_provider(organization, code=code)
            made.secrets = {"secret_key": "sk_test_1", "webhook_secret": f"whsec_{code}"}
            made.save()
            wish = {"payment_provider": "stripe", "payment_provider_code": code}
            post(organization, code, billing_configuration=wish | {"provider_customer_id": "cus_1"})
        stripe.customers["cus_1"] = {"id": "cus_1", "invoice_settings": {}}
        work_off()

        def tell(body, code, secret=None):
            data, header = stripe_fake.signed(body, f"whsec_{secret or code}")
            address = f"/webhooks/stripe/{organization.pk}?code={code}"
            headers = {"Authorization": "", "Stripe-Signature": header}
            return api.request("POST", address, body=data, headers=headers).status

        return tell

    def set_up(self, stripe, **values):
        about = {"id": "seti_1", "customer": "cus_1", "payment_method": stripe.add_method("cus_1")}
        return stripe_fake.event("setup_intent.succeeded", about, **values)

    def test_hear_of_their_own_customers_alone(self, told, stripe):
        """Seen to fail with links looked for in the organization, not at the connection."""
        assert told(self.set_up(stripe), "us") == 200
        work_off()

        [method] = PaymentMethod.objects.all()
        assert method.customer == Customer.objects.get(external_id="us")

    def test_do_not_believe_each_other(self, told, stripe):
        assert told(self.set_up(stripe), "us", secret="eu") == 400
        assert not ProviderEvent.objects.exists()

    def test_may_use_the_same_number_for_events(self, told, stripe):
        for code in ("eu", "us"):
            assert told(self.set_up(stripe, id="evt_1"), code) == 200
        work_off()

        assert ProviderEvent.objects.filter(state="done").count() == 2
        assert PaymentMethod.objects.count() == 2

    def test_are_heard_once_though_the_customer_came_later(self, told, stripe, organization):
        """What came before its customer is ignored for good; a link by id asks by itself."""
        card = stripe.add_method("cus_9")
        about = {"id": "seti_9", "customer": "cus_9", "payment_method": card}
        event = stripe_fake.event("setup_intent.succeeded", about)
        told(event, "us")
        work_off()
        wish = {"payment_provider": "stripe", "payment_provider_code": "us"}
        stripe.customers["cus_9"] = {"id": "cus_9", "invoice_settings": {}}
        post(organization, "late", billing_configuration=wish | {"provider_customer_id": "cus_9"})

        told(event, "us")
        work_off()

        assert ProviderEvent.objects.get().state == "ignored"
        assert PaymentMethod.objects.get().remote_id == card
