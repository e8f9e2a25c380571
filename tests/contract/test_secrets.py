"""No secret stands in the database, on a page, in an answer or in the log in clear.

Red with connections' secrets stored as they come, with the second factor kept by allauth's own
adapter, and with a provider's words about our credentials kept as they came.
"""

from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.db import connection as database

from billing.api.keys import create_api_key
from billing.connections.change import INTEGRATIONS, PAYMENT_PROVIDERS
from billing.connections.write import create_connection
from billing.events.actor import SYSTEM
from billing.models import Integration, Membership, PaymentProvider
from demo.fakes.stripe import StripeFake
from tests.customers.posting import post
from tests.customers.providers.conftest import stripe, work_off  # noqa: F401
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


def stored() -> str:
    """Return every row of every table as text."""
    found = []
    with database.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT row_to_json(found)::text FROM "{table}" found')
            found += [f"{table}: {row}" for (row,) in cursor.fetchall()]
    return "\n".join(found)


def echoing_credentials(fake: StripeFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the provider repeat in its refusal what it was sent to identify us."""

    def answer(call: Any) -> Any:
        sent = call.headers["authorization"].removeprefix("Bearer ")
        return fake.refusal(401, f"Invalid API Key provided: {sent}")

    monkeypatch.setattr(fake, "answer", answer)


@pytest.fixture
def flows(organization, stripe, monkeypatch, caplog):  # noqa: F811
    """Send secrets through every door; return the house and the secrets."""
    connect(organization)
    _, key = create_api_key(organization, "canary")
    world = make_world(organization)
    person = sign_in(organization, role="operator", email="op@acme.test")
    user = Membership.objects.filter(organization=organization).latest("id").user
    user.set_password(PASSWORD)
    user.save()
    person.force_login(user)
    TOTP.activate(user, FACTOR)
    echoing_credentials(stripe, monkeypatch)
    sync = {"payment_provider": "stripe", "payment_provider_code": "canary-stripe"}
    post(
        organization,
        "canary",
        name="Ann",
        billing_configuration=sync | {"sync_with_provider": True},
    )
    assert work_off() > 0
    return world, person, key, caplog


class TestSecrets:
    def test_are_stored_nowhere_in_clear(self, flows):
        _, _, key, _ = flows
        rows = stored()

        found = [
            row
            for row in rows.splitlines()
            if any(secret.lower() in row.lower() for secret in (CANARY, PASSWORD, FACTOR, key))
        ]

        assert "authentication_failed" in rows, "the provider was not asked"
        assert found == []

    def test_are_shown_on_no_page(self, flows):
        world, person, key, _ = flows
        shown = 0
        for address in addresses(world):
            response = person.get(address.path, follow=True)
            text = response.getvalue().decode(errors="replace")
            shown += response.status_code == 200
            for secret in (CANARY, PASSWORD, FACTOR, key):
                assert secret.lower() not in text.lower(), address.path
        assert shown > 30

    def test_stand_in_no_log(self, flows):
        _, _, key, caplog = flows

        for secret in (CANARY, PASSWORD, FACTOR, key):
            assert secret.lower() not in caplog.text.lower()
