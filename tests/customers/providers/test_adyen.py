"""Customers at Adyen: one shopper for each, known by our own reference."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from customers.models import Customer, Mirror, ProviderLink
from customers.providers.adyen import AdyenAdapter
from customers.providers.turn import Turn
from demo.fakes.adyen import AdyenFake
from demo.fakes.server import Reply
from tests.customers.posting import post
from tests.customers.providers.bookkeeping import FAULTS
from tests.customers.providers.conftest import come_back, events, impatient, jobs, work_off

pytestmark = pytest.mark.django_db
SYNC = {"payment_provider": "adyen", "sync_with_provider": True}
ADDRESS = "/api/v1/customers/c-1/checkout_url"


def posted(organization, **values):
    body = {"name": "Ann", "email": "ann@acme.example,b@acme.example"} | values
    return post(organization, "c-1", billing_configuration=SYNC, **body)


class TestLink:
    def test_is_sent_instead_of_a_customer(self, organization, at_adyen, adyen, listener):
        posted(organization, currency="GBP")

        work_off()

        [link] = adyen.links
        expires = datetime.fromisoformat(link.pop("expiresAt"))
        assert timedelta(days=68) < expires - datetime.now(UTC) < timedelta(days=70)
        assert {key: link[key] for key in link if key not in ("id", "url", "status")} == {
            "amount": {"value": 0, "currency": "GBP"},
            "reference": str(Customer.objects.get().pk),
            "merchantAccount": "AcmeECOM",
            "returnUrl": "https://acme.example/thanks",
            "shopperReference": "c-1",
            "shopperEmail": "ann@acme.example",
            "storePaymentMethodMode": "enabled",
            "recurringProcessingModel": "UnscheduledCardOnFile",
        }
        assert events() == ["customer.checkout_url_generated"]
        assert ProviderLink.objects.get().provider_customer_id is None
        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.todo) == ("awaiting", [])
        assert mirror.awaiting_until is not None

    def test_has_the_currency_of_the_organization_else(
        self, organization, at_adyen, adyen, listener
    ):
        posted(organization)

        work_off()

        assert adyen.links[0]["amount"]["currency"] == organization.default_currency

    def test_is_made_once_while_it_waits(self, organization, at_adyen, adyen, listener):
        """Seen to fail when what waits for the customer does not count as under way."""
        posted(organization)
        work_off()

        posted(organization, name="Bob")
        work_off()

        assert len(adyen.links) == 1

    def test_is_made_anew_when_the_old_one_has_ended(self, organization, at_adyen, adyen, listener):
        posted(organization)
        work_off()
        Mirror.objects.update(awaiting_until=datetime(2020, 1, 1, tzinfo=UTC))

        posted(organization, name="Bob")
        work_off()

        assert [link["shopperReference"] for link in adyen.links] == ["c-1", "c-1"]

    def test_is_made_for_nobody_who_does_not_want_to_know(self, organization, at_adyen, adyen):
        posted(organization)

        work_off()

        assert adyen.links == []

    @pytest.mark.parametrize("fault", FAULTS)
    def test_comes_in_the_end_and_is_told_of_once(
        self, organization, at_adyen, adyen, listener, monkeypatch, fault
    ):
        monkeypatch.setattr("customers.providers.adapter.Adapter.__init__", impatient)
        adyen.fail(fault, "/v72/paymentLinks", times=2)
        posted(organization)

        work_off(now=True)

        assert list(adyen.customers) == ["c-1"]
        assert events() == ["customer.checkout_url_generated"]

    def test_belongs_to_the_same_shopper_though_the_worker_died(
        self, organization, at_adyen, adyen, listener, monkeypatch
    ):
        """Seen to fail with a shopper reference made up for each link."""

        class Killed(BaseException):
            pass

        def die(turn):
            raise Killed

        posted(organization)
        with monkeypatch.context() as patch:
            patch.setattr(Turn, "_succeed", die)
            with pytest.raises(Killed):
                work_off()

        come_back()

        assert list(adyen.customers) == ["c-1"]
        assert len(adyen.links) == 2
        assert events() == ["customer.checkout_url_generated"]

    @pytest.mark.parametrize(
        ("secrets", "settings_", "code"),
        [
            ({"api_key": "AQE_wrong"}, {"merchant_account": "A"}, "000"),
            ({"api_key": "AQE_right"}, {"merchant_account": "Unknown"}, "901"),
            ({"api_key": "AQE…"}, {"merchant_account": "A"}, "api_key_malformed"),
            ({"api_key": "AQE"}, {}, "merchant_account_missing"),
            ({"api_key": "AQE"}, {"merchant_account": "A", "live_prefix": "a/b?"},
             "live_prefix_malformed"),
            ({}, {"merchant_account": "A"}, "api_key_missing"),
        ],
    )  # fmt: skip
    def test_names_the_connection_whose_credentials_are_wrong(
        self, organization, at_adyen, adyen, listener, secrets, settings_, code
    ):
        at_adyen.secrets, at_adyen.settings = secrets, settings_
        at_adyen.save()
        posted(organization)

        work_off()

        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.error_code) == ("failed", code)
        assert "connection adyen" in mirror.error_message
        assert "AQE" not in mirror.error_message
        assert events() == ["customer.payment_provider_error"]
        assert jobs() == []


ODD = [
    *(
        Reply(201, body)
        for body in ({}, [], -1, None, {"url": -1}, {"url": "javascript:alert(1)"},
                     {"url": "https://" + "x" * 3_000})
    ),
    Reply(422, []),
    Reply(422, -1),
    Reply(403, "<html>"),
    Reply(503, {"errorCode": "905", "message": "away"}),
    Reply(422, {"errorCode": "704", "message": "in progress"}),
    Reply(422, {"errorCode": "1", "message": "later"}, {"transient-error": "true"}),
]  # fmt: skip


class TestOddAnswers:
    @pytest.mark.parametrize("reply", ODD)
    def test_are_tried_again(self, organization, at_adyen, adyen, listener, monkeypatch, reply):
        """Seen to fail when every answer but a success counts as a refusal."""
        with monkeypatch.context() as patch:
            patch.setattr(AdyenFake, "answer", lambda fake, call: reply)
            posted(organization)
            work_off()
        assert Mirror.objects.get().attempts == 1

        work_off(now=True)

        assert events() == ["customer.checkout_url_generated"]

    @pytest.mark.parametrize("reply", ODD)
    def test_are_no_page_for_a_customer(
        self, organization, api, at_adyen, adyen, monkeypatch, reply
    ):
        """Seen to fail, with 500, when what the client raises on such an answer is let through."""
        posted(organization)
        monkeypatch.setattr(AdyenFake, "answer", lambda fake, call: reply)

        assert api.post(ADDRESS).status == 503


class TestCheckout:
    def test_gives_the_page_without_an_id(self, organization, api, at_adyen, adyen, listener):
        posted(organization)

        answer = api.post(ADDRESS)

        shown = answer.json()["customer"]
        assert (answer.status, shown["payment_provider"]) == (200, "adyen")
        assert shown["checkout_url"].startswith("https://test.adyen.link/")
        assert events() == []

    def test_passes_on_a_refusal(self, organization, api, at_adyen, adyen):
        at_adyen.secrets = {"api_key": "AQE_wrong"}
        at_adyen.save()
        posted(organization)

        answer = api.post(ADDRESS)

        assert (answer.status, answer.json()["code"]) == (422, "third_party_error")
        assert answer.json()["error_details"]["third_party"] == "Adyen"

    def test_says_when_the_provider_is_away(self, organization, api, at_adyen, settings):
        settings.TARN_ADYEN_URL = "http://127.0.0.1:9"
        posted(organization)

        assert api.post(ADDRESS).status == 503


class TestAddress:
    @pytest.mark.parametrize(
        ("prefix", "address"),
        [
            (None, "https://checkout-test.adyen.com/v72/paymentLinks"),
            (
                "1797a841-Acme",
                "https://1797a841-Acme-checkout-live.adyenpayments.com/checkout/v72/paymentLinks",
            ),
        ],
    )
    def test_is_that_of_the_account(self, at_adyen, settings, monkeypatch, prefix, address):
        settings.TARN_ADYEN_URL = ""
        at_adyen.settings |= {"live_prefix": prefix}
        asked = []

        def request(method, url, **values):
            asked.append(url)
            return json.dumps({"url": "https://eu.adyen.link/1"}), None, 201, {}

        links = AdyenAdapter(at_adyen)._links()
        links.client._init_http_client()
        links.client.http_client.request = request
        links.payment_links({})

        assert asked == [address]


@pytest.mark.django_db(transaction=True)
class TestSync:
    def test_makes_the_link_before_the_answer_and_has_no_id_yet(
        self, organization, api, at_adyen, adyen, listener
    ):
        body = {"external_id": "c-1", "billing_configuration": SYNC | {"sync": True}}

        answer = api.post("/api/v1/customers", json={"customer": body})

        assert answer.json()["customer"]["billing_configuration"]["provider_customer_id"] is None
        assert len(adyen.links) == 1
        assert events() == ["customer.checkout_url_generated"]
        work_off()
        assert len(adyen.links) == 1
