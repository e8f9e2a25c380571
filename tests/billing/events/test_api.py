"""Webhook endpoints and the public key over the API (contract: resources.md 4)."""

import base64
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from billing.errors import Invalid, NotFound
from billing.events.actor import SYSTEM
from billing.events.change import WebhookEndpointChange
from billing.events.models import WebhookEndpoint
from billing.events.write import (
    change_webhook_endpoint,
    create_webhook_endpoint,
    delete_webhook_endpoint,
)
from tests.billing.builders import make_api_key, make_organization, make_webhook_endpoint
from tests.billing.racing import together
from tests.billing.traces import done, records, refused
from tests.conftest import Client

ENDPOINTS = "/api/v1/webhook_endpoints"
URL = "https://hooks.example.com/a"


def shown(endpoint: WebhookEndpoint, **differences) -> dict:
    """Return the answer for an endpoint as the builder makes it."""
    return {
        "lago_id": str(endpoint.id),
        "lago_organization_id": str(endpoint.organization_id),
        "webhook_url": endpoint.webhook_url,
        "signature_algo": "jwt",
        "name": None,
        "event_types": None,
        "created_at": endpoint.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    } | differences


def of(**values) -> dict:
    return {"webhook_endpoint": values}


class TestPost:
    def test_makes_an_endpoint_and_shows_it(self, api, organization):
        sent = {
            "signature_algo": "hmac",
            "name": "Mine",
            "event_types": ["Customer.created", "customer.created", ""],
        }

        answer = done(api, "POST", ENDPOINTS, of(webhook_url=URL, **sent))

        endpoint = WebhookEndpoint.objects.get()
        expected = shown(endpoint, webhook_url=URL, **sent | {"event_types": ["customer.created"]})
        assert answer == {"webhook_endpoint": expected}
        assert list(answer["webhook_endpoint"]) == list(expected)
        assert endpoint.organization_id == organization.id
        [record] = records()
        assert record[:2] == ("webhook_endpoint", "created")

    def test_null_means_the_default(self, api):
        sent = of(webhook_url=URL, signature_algo=None, name=None, event_types=None)

        answer = done(api, "POST", ENDPOINTS, sent)

        assert answer == {"webhook_endpoint": shown(WebhookEndpoint.objects.get())}

    @pytest.mark.parametrize(
        "sent, problems",
        [
            ({"name": "a"}, {"webhook_url": ["value_is_mandatory"]}),
            ({"webhook_url": " "}, {"webhook_url": ["value_is_mandatory"]}),
            ({"webhook_url": "http://a.example"}, {"webhook_url": ["url_is_invalid"]}),
            ({"webhook_url": []}, {"webhook_url": ["value_is_invalid"]}),
            (
                {
                    "webhook_url": "x",
                    "signature_algo": "rsa",
                    "name": "n" * 256,
                    "event_types": "*",
                },
                {
                    "webhook_url": ["url_is_invalid"],
                    "signature_algo": ["value_is_invalid"],
                    "name": ["value_is_too_long"],
                    "event_types": ["must_be_array"],
                },
            ),
            (
                {"webhook_url": URL, "event_types": ["x"]},
                {"event_types": ["value_is_invalid"], "webhook_url": ["value_already_exist"]},
            ),
        ],
    )
    def test_reports_all_problems_together(self, api, organization, sent, problems):
        make_webhook_endpoint(organization, webhook_url=URL)

        assert refused(api, "POST", ENDPOINTS, of(**sent)) == problems

    def test_allows_ten(self, api, organization):
        """Red when those of another organization, or their addresses, count here."""
        make_webhook_endpoint(make_organization(), webhook_url=URL)
        for _ in range(9):
            make_webhook_endpoint(organization)
        done(api, "POST", ENDPOINTS, of(webhook_url=URL))

        problems = refused(api, "POST", ENDPOINTS, of(webhook_url=f"{URL}b", name={}))

        assert problems == {"name": ["value_is_invalid"], "base": ["exceeded_limit"]}

    @pytest.mark.parametrize("body", [{}, of(), of(junk=1), {"webhook_endpoint": "x"}])
    def test_needs_a_root(self, api, body):
        assert refused(api, "POST", ENDPOINTS, body, 400)["error"].endswith(": webhook_endpoint")


class TestPut:
    def test_changes_what_was_sent(self, api, organization):
        endpoint = make_webhook_endpoint(organization, event_types=[], name="Old")
        path = f"{ENDPOINTS}/{endpoint.id}"

        answer = done(api, "PUT", path, of(webhook_url=URL, event_types=["*"], name=None))

        assert answer == {"webhook_endpoint": shown(endpoint, webhook_url=URL)}
        assert records() == [
            (
                "webhook_endpoint",
                "updated",
                {
                    "webhook_url": [endpoint.webhook_url, URL],
                    "event_types": [[], None],
                    "name": ["Old", None],
                },
            )
        ]

    def test_changes_nothing_by_the_same_values(self, api, organization):
        endpoint = make_webhook_endpoint(organization, signature_algo="hmac")
        body = of(webhook_url=endpoint.webhook_url, signature_algo=None)

        answer = done(api, "PUT", f"{ENDPOINTS}/{endpoint.id}", body)

        assert answer == {"webhook_endpoint": shown(endpoint, signature_algo="hmac")}
        assert records() == []

    def test_refuses_an_address_that_is_taken(self, api, organization):
        make_webhook_endpoint(organization, webhook_url=URL)
        endpoint = make_webhook_endpoint(organization)

        problems = refused(api, "PUT", f"{ENDPOINTS}/{endpoint.id}", of(webhook_url=URL))

        assert problems == {"webhook_url": ["value_already_exist"]}


class TestOne:
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    @pytest.mark.parametrize("kind", ["none", "foreign", "code"])
    def test_is_not_found(self, api, method, kind):
        foreign = make_webhook_endpoint(make_organization())
        name = {"none": uuid.uuid4(), "foreign": foreign.id, "code": "a%2Fb"}[kind]

        found = refused(api, method, f"{ENDPOINTS}/{name}", of(name="a"), 404)

        assert found == {"status": 404, "error": "Not Found", "code": "webhook_endpoint_not_found"}

    def test_is_nobody_else_s_to_write(self, organization):
        """Red when the writer looks an endpoint up by its id alone, whatever its door read."""
        foreign = make_webhook_endpoint(make_organization())
        wish = WebhookEndpointChange(name="ours")

        with pytest.raises(NotFound):
            change_webhook_endpoint(organization.id, foreign.id, wish, SYSTEM)
        with pytest.raises(NotFound):
            delete_webhook_endpoint(organization.id, foreign.id, SYSTEM)

    def test_is_shown(self, api, organization):
        endpoint = make_webhook_endpoint(organization)

        assert done(api, "GET", f"{ENDPOINTS}/{endpoint.id}") == {
            "webhook_endpoint": shown(endpoint)
        }

    def test_is_deleted(self, api, organization):
        endpoint = make_webhook_endpoint(organization)

        answer = done(api, "DELETE", f"{ENDPOINTS}/{endpoint.id}")

        assert answer == {"webhook_endpoint": shown(endpoint)}
        assert not WebhookEndpoint.objects.exists()
        assert records() == [("webhook_endpoint", "deleted", {})]


class TestList:
    def test_shows_pages_newest_first(self, api, organization):
        now = datetime.now(UTC)
        made = [
            make_webhook_endpoint(organization, created_at=now - timedelta(hours=age))
            for age in range(3)
        ]
        make_webhook_endpoint(make_organization())

        answer = done(api, "GET", f"{ENDPOINTS}?per_page=2")

        assert answer == {
            "webhook_endpoints": [shown(made[0]), shown(made[1])],
            "meta": {
                "current_page": 1,
                "next_page": 2,
                "prev_page": None,
                "total_pages": 2,
                "total_count": 3,
            },
        }


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_makes_no_eleventh_endpoint(self):
        """Seen to fail, with more than ten, when `lock_organization` locks nothing."""
        organization = make_organization()
        for _ in range(8):
            make_webhook_endpoint(organization)

        def create(number):
            change = WebhookEndpointChange(webhook_url=f"https://race.example/{number}")
            return lambda: create_webhook_endpoint(organization.id, change, SYSTEM)

        outcomes = together(*map(create, range(8)))

        refusals = [found.problems for found in outcomes if isinstance(found, Invalid)]
        assert refusals == [{"base": ["exceeded_limit"]}] * 6
        assert WebhookEndpoint.objects.count() == 10


class TestPublicKey:
    def test_is_the_same_text_in_both_forms(self, api):
        found = done(api, "GET", "/api/v1/webhooks/json_public_key")
        plain = api.get("/api/v1/webhooks/public_key")

        assert found == {"webhook": {"public_key": plain.body.decode()}}
        assert plain.headers["content-type"] == "text/plain"
        assert max(map(len, plain.body.splitlines())) == 60
        key = load_pem_public_key(base64.b64decode(plain.body))
        assert key.key_size == 2048

    def test_needs_the_permission(self, organization):
        api = Client(make_api_key(organization, permissions={"customer": ["read"]}))

        for name in ("json_public_key", "public_key"):
            answer = api.get(f"/api/v1/webhooks/{name}")
            code = "read_action_not_allowed_for_webhook_jwt_public_key"
            assert (answer.status, answer.json()["code"]) == (403, code)
            assert answer.headers["content-type"] == "application/json"
