"""The adapter against a Stripe that nobody here wrote, in its own process."""

import socket
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest

from customers.models import ProviderLink
from customers.providers.stripe import StripeAdapter
from tests.customers.posting import post
from tests.customers.providers.conftest import work_off

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(find_spec("localstripe") is None, reason="localstripe is not installed"),
]


@pytest.fixture(scope="module")
def localstripe():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as caller:
                if caller.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def test_customers_are_made_and_changed_there(organization, at_stripe, localstripe, settings):
    settings.TARN_STRIPE_URL = localstripe
    sync = {"payment_provider": "stripe", "sync_with_provider": True}
    post(organization, "c1", name="Ann", email="a@acme.example", billing_configuration=sync)
    work_off()

    post(organization, "c1", name="Bob")
    work_off()

    link = ProviderLink.objects.select_related("customer", "connection").get()
    adapter = StripeAdapter(link.connection)
    assert adapter.read(link.provider_customer_id)["name"] == "Bob"
    assert adapter.read(link.provider_customer_id)["email"] == "a@acme.example"
