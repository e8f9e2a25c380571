"""No secret stands in the database, on a page, in an answer or in the log in clear.

Red with connections' secrets stored as they come, with the second factor kept by allauth's own
adapter, and with a provider's words about our credentials kept as they came.
"""

from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.db import connection as database
from structlog.testing import capture_logs

from billing.api.keys import create_api_key
from billing.connections.change import INTEGRATIONS, PAYMENT_PROVIDERS
from billing.connections.write import create_connection
from billing.events.actor import SYSTEM
from billing.models import Integration, Membership, PaymentProvider
from customers.models import Customer, Mirror
from customers.portal.links import make_token
from tests.customers.posting import post
from tests.customers.providers.conftest import (  # noqa: F401
    adyen,
    gocardless,
    listener,
    netsuite,
    stripe,
    work_off,
    xero,
)
from tests.screens import addresses, make_world
from tests.staff import sign_in

CANARY = "canaryofsecrets"
PASSWORD = "correct horse battery canary"
# Base32, as authenticators show it.
FACTOR = "CANARYCANARYCANARYCANARYCANARY22"


def connect(organization: Any) -> None:
    """Make a connection of every type, each with all the secrets it can have."""
    for kind, shapes in ((PaymentProvider, PAYMENT_PROVIDERS), (Integration, INTEGRATIONS)):
        for type_name, shape in shapes.items():
            secrets = {name: f"sk_test_{CANARY}_{type_name}_{name}" for name in shape.secrets}
            named = {"code": f"canary-{type_name}", "name": type_name}
            wish = shape.examine(named | secrets)
            create_connection(kind, organization.id, type_name, wish, SYSTEM)
    adyens = PaymentProvider.objects.filter(organization=organization, code="canary-adyen")
    adyens.update(settings={"merchant_account": "AcmeECOM"})
    named = {"account_id": "1234567", "client_id": "client", "token_id": "token"}
    Integration.objects.filter(organization=organization, code="canary-netsuite").update(
        settings=named
    )


def stored() -> str:
    """Return every row of every table as text."""
    found = []
    with database.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT row_to_json(found)::text FROM "{table}" found')
            found += [f"{table}: {row}" for (row,) in cursor.fetchall()]
    return "\n".join(found)


def echoing_credentials(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a provider repeat in its refusal all the headers it was sent."""

    def answer(call: Any) -> Any:
        return fake.refusal(401, f"Not accepted: {' '.join(call.headers.values())}"[:480])

    monkeypatch.setattr(fake, "answer", answer)


def link_everywhere(organization: Any) -> None:
    """Link customers to all providers and integrations that are called."""
    for kind in ("stripe", "gocardless", "adyen"):
        sync = {"payment_provider": kind, "payment_provider_code": f"canary-{kind}"}
        wish = sync | {"sync_with_provider": True}
        post(organization, f"at-{kind}", name="Ann", billing_configuration=wish)
    links = [
        {"integration_type": kind, "integration_code": f"canary-{kind}", "sync_with_provider": True}
        for kind in ("netsuite", "xero")
    ]
    post(organization, "booked", name="Ann", integration_customers=links)


def tell_wrongly(organization: Any, person: Any) -> None:
    """Send every provider's webhooks with its secret where its signature should be."""
    for kind in PAYMENT_PROVIDERS:
        made = PaymentProvider.objects.get(organization=organization, code=f"canary-{kind}")
        secret = ",v1=".join(made.secrets.reveal().values())
        headers = {"stripe-signature": f"t=1,v1={secret}", "webhook-signature": secret}
        answer = person.post(
            f"/webhooks/{kind}/{organization.pk}?code=canary-{kind}",
            {"secret": secret},
            content_type="application/json",
            headers=headers,
        )
        assert answer.status_code == 400, kind


@pytest.fixture
def flows(organization, request, settings, monkeypatch, caplog):
    """Send secrets through every door; return the house, who is in it, and what was logged."""
    connect(organization)
    _, key = create_api_key(organization, "canary")
    world = make_world(organization)
    person = sign_in(organization, role="operator", email="op@acme.test")
    user = Membership.objects.filter(organization=organization).latest("id").user
    user.set_password(PASSWORD)
    user.save()
    person.force_login(user)
    TOTP.activate(user, FACTOR)
    request.getfixturevalue("listener")
    for name in ("stripe", "gocardless", "adyen", "netsuite", "xero"):
        echoing_credentials(request.getfixturevalue(name), monkeypatch)
    settings.TARN_NANGO_SECRET_KEY = f"nango-{CANARY}"
    with capture_logs() as lines:
        link_everywhere(organization)
        assert work_off() > 0
        tell_wrongly(organization, person)
        token = make_token(organization.pk, Customer.objects.get(external_id="booked").pk)
        assert person.get(f"/customer-portal/{token}", follow=True).status_code == 200
        yield world, person, (key, token), (caplog, lines)


class TestSecrets:
    def test_are_stored_nowhere_in_clear(self, flows):
        _, _, keys, _ = flows
        rows = stored()

        found = [
            row
            for row in rows.splitlines()
            if any(secret.lower() in row.lower() for secret in (CANARY, PASSWORD, FACTOR, *keys))
        ]

        asked = Mirror.objects.filter(state="failed", error_message__contains="Not accepted")
        assert asked.count() == 5, "not all were asked"
        assert found == []

    def test_are_shown_on_no_page(self, flows):
        world, person, (key, _), _ = flows
        shown = 0
        for address in addresses(world):
            response = person.get(address.path, follow=True)
            text = response.getvalue().decode(errors="replace")
            shown += response.status_code == 200
            for secret in (CANARY, PASSWORD, FACTOR, key):
                assert secret.lower() not in text.lower(), address.path
        assert shown > 30

    def test_stand_in_no_log(self, flows):
        _, _, keys, (caplog, lines) = flows
        said = f"{caplog.text}{lines}".lower()

        assert "provider webhook turned away" in said, "nothing was listened to"
        for secret in (CANARY, PASSWORD, FACTOR, *keys):
            assert secret.lower() not in said
