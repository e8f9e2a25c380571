"""Deliveries, made for real to a receiver on this machine."""

import asyncio
import base64
import hashlib
import hmac
import json
from unittest.mock import patch
from uuid import uuid4

import jwt
import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.utils import timezone
from lago_python_client.client import Client
from standardwebhooks.webhooks import Webhook

from billing.events.signing import public_key_pem
from billing.models import Attempt, Delivery
from billing.webhooks import courier, queue
from billing.webhooks.courier import Courier
from tests.billing.builders import make_api_key, make_webhook_endpoint

pytestmark = pytest.mark.django_db(transaction=True)


def deliver():
    """Run a courier until nothing is due."""
    return asyncio.run(_deliver())


async def _deliver(wait=courier.WAIT_SECONDS):
    try:
        with patch.object(courier, "WAIT_SECONDS", wait):
            return await Courier().run()
    finally:
        await sync_to_async(connections.close_all)()


def deliver_once():
    """Deliver without waiting for what is due in some seconds."""
    return asyncio.run(_deliver(wait=0.0))


def due_now():
    Delivery.objects.filter(finished_at=None).update(due_at=timezone.now())


class TestCourier:
    def test_delivers_the_exact_body_with_every_signature(self, organization, there, happen):
        endpoint = make_webhook_endpoint(organization, webhook_url=f"{there.url}/hook?a=%20b")
        happen(endpoint, name="Zoë")

        deliver()

        [letter] = there.letters
        [delivery] = Delivery.objects.all()
        assert letter.path == "/hook?a=%20b"
        assert json.loads(letter.body) == {
            "webhook_type": "customer.created",
            "object_type": "customer",
            "organization_id": str(organization.pk),
            "customer": {"lago_id": "x", "metadata": [], "name": "Zoë"},
        }
        assert letter.headers["x-lago-unique-key"] == str(delivery.pk)
        claims = jwt.decode(letter.headers["x-lago-signature"], public_key_pem(), ["RS256"])
        assert claims == {"data": letter.body.decode(), "iss": "http://localhost:8000/api/v1"}
        signed = f"{delivery.pk}.{letter.headers['webhook-timestamp']}.".encode() + letter.body
        mac = hmac.digest(str(organization.hmac_key).encode(), signed, hashlib.sha256)
        assert letter.headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
        assert (delivery.status, delivery.attempts) == ("succeeded", 1)

    def test_signs_as_standard_webhooks_and_the_clients_of_lago_read_it(
        self, organization, there, happen, live_server
    ):
        """Red when another key is given out than the one that signs."""
        happen(make_webhook_endpoint(organization, webhook_url=there.url))
        key = f"whsec_{base64.b64encode(str(organization.hmac_key).encode()).decode()}"
        token = make_api_key(organization)

        deliver()

        [letter] = there.letters
        assert Webhook(key).verify(letter.body, letter.headers) == json.loads(letter.body)
        lago = Client(api_key=token, api_url=live_server.url)
        claims = jwt.decode(
            letter.headers["x-lago-signature"], lago.webhooks.public_key(), ["RS256"]
        )
        assert claims["data"] == letter.body.decode()

    def test_tries_again_with_the_same_key_and_body(self, organization, there, happen):
        there.answer = lambda _: (500 if len(there.letters) == 1 else 204, {}, b"")
        happen(make_webhook_endpoint(organization, webhook_url=there.url))

        due = deliver_once()
        due_now()
        deliver()

        first, second = there.letters
        assert due is not None
        assert first.body == second.body
        assert first.headers["x-lago-unique-key"] == second.headers["x-lago-unique-key"]
        assert [one.status for one in Attempt.objects.order_by("id")] == [500, 204]

    def test_fails_after_the_last_attempt(self, organization, there, happen):
        there.answer = lambda _: (500, {}, b"")
        happen(make_webhook_endpoint(organization, webhook_url=there.url))
        queue.spread()
        Delivery.objects.update(attempts=12)

        deliver()

        [delivery] = Delivery.objects.all()
        assert (delivery.status, delivery.attempts, delivery.due_at) == ("failed", 13, None)

    def test_pauses_an_endpoint_that_is_gone(self, organization, there, happen):
        there.answer = lambda _: (410, {}, b"")
        endpoint = make_webhook_endpoint(organization, webhook_url=there.url)
        happen(endpoint)

        deliver()
        happen(endpoint)
        deliver()

        endpoint.refresh_from_db()
        assert len(there.letters) == 1
        assert endpoint.pause_reason == "gone"

    def test_has_one_call_under_way_for_a_customer(self, organization, there, happen):
        """Take the NOT EXISTS and the DISTINCT ON out of claim.sql: two are claimed."""
        endpoint = make_webhook_endpoint(organization, webhook_url=there.url)
        customer = uuid4()
        for _ in range(3):
            happen(endpoint, customer=customer)
        queue.spread()

        first, second = queue.claim(), queue.claim()

        assert (len(first), second) == (1, [])

    def test_does_not_let_a_dead_endpoint_delay_another(self, organization, there, happen):
        """Take the share out of claim.sql: the dead one gets every place."""
        dead = make_webhook_endpoint(organization, webhook_url="http://127.0.0.1:9/")
        for _ in range(queue.SHARE * 3):
            happen(dead)
        happen(make_webhook_endpoint(organization, webhook_url=there.url))
        queue.spread()

        claims = queue.claim(queue.SHARE + 1)

        assert [claim.url for claim in claims].count(there.url) == 1
        assert len(claims) == queue.SHARE + 1

    def test_never_calls_a_private_address(self, organization, there, happen, settings):
        settings.TARN_WEBHOOK_ALLOW_LOCAL = False
        happen(make_webhook_endpoint(organization, webhook_url=there.url))

        deliver_once()

        assert there.letters == []
        assert Attempt.objects.get().error == "refused: the address is not public"
