"""Providers of our own, connections to them, and a worker that works when told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from billing.events.models import WebhookEndpoint
from billing.models import Integration, PaymentProvider
from billing.webhooks.models import Event
from customers.providers import again, tasks
from customers.providers.changes import see_to_changes
from demo.fakes.adyen import AdyenFake
from demo.fakes.gocardless import GocardlessFake
from demo.fakes.netsuite import NetsuiteFake
from demo.fakes.server import Fake, running
from demo.fakes.stripe import StripeFake
from demo.fakes.xero import XeroFake
from tests.billing.builders import make_integration, make_payment_provider
from tests.customers.providers.bookkeeping import Program

OneFake = TypeVar("OneFake", bound=Fake)


@contextmanager
def standing_in(fake: OneFake, settings: Any, name: str) -> Iterator[OneFake]:
    """Run a stand-in, and have the adapter of this name call it."""
    fake.silence_seconds = 1.5
    with running(fake) as url:
        setattr(settings, f"TARN_{name}_URL", url)
        yield fake


@pytest.fixture
def stripe(settings: Any) -> Iterator[StripeFake]:
    """Run a stand-in for Stripe."""
    with standing_in(StripeFake(), settings, "STRIPE") as fake:
        yield fake


@pytest.fixture
def at_stripe(organization: Any) -> PaymentProvider:
    """Return a connection to Stripe with secrets."""
    made = make_payment_provider(organization, code="stripe")
    made.secrets = {"secret_key": "sk_test_1234567890", "webhook_secret": "whsec_test"}
    made.settings = {"success_redirect_url": "https://acme.example/thanks"}
    made.save()
    return made


@pytest.fixture
def gocardless(settings: Any) -> Iterator[GocardlessFake]:
    """Run a stand-in for GoCardless."""
    with standing_in(GocardlessFake(), settings, "GOCARDLESS") as fake:
        yield fake


@pytest.fixture
def at_gocardless(organization: Any) -> PaymentProvider:
    """Return a connection to GoCardless with secrets."""
    made = make_payment_provider(organization, type="gocardless", code="gocardless")
    made.secrets = {"access_token": "sandbox_1234567890", "webhook_secret": "gc_webhooks"}
    made.settings = {"success_redirect_url": "https://acme.example/thanks"}
    made.save()
    return made


@pytest.fixture
def adyen(settings: Any) -> Iterator[AdyenFake]:
    """Run a stand-in for Adyen."""
    with standing_in(AdyenFake(), settings, "ADYEN") as fake:
        yield fake


ADYEN_HMAC_KEY = "0123456789ABCDEF" * 4


@pytest.fixture
def at_adyen(organization: Any) -> PaymentProvider:
    """Return a connection to Adyen with secrets."""
    made = make_payment_provider(organization, type="adyen", code="adyen")
    made.secrets = {"api_key": "AQE_test_1234567890", "hmac_key": ADYEN_HMAC_KEY}
    made.settings = {
        "merchant_account": "AcmeECOM",
        "success_redirect_url": "https://acme.example/thanks",
    }
    made.save()
    return made


def impatient(self: Any, connection: Any, timeout: float = 20.0) -> None:
    """Take the place of an adapter's beginning, and wait half a second for each answer."""
    self.connection, self.timeout = connection, 0.5


@pytest.fixture
def listener(organization: Any) -> WebhookEndpoint:
    """Return an endpoint of a client that wants to know everything."""
    return WebhookEndpoint.objects.create(
        organization=organization, webhook_url="https://hooks.example.com/", event_types=None
    )


def events() -> list[str]:
    """Return what clients were told, but that a customer was created or updated."""
    return list(
        Event.objects.filter(event_type__startswith="customer.")
        .exclude(event_type__in=["customer.created", "customer.updated"])
        .order_by("id")
        .values_list("event_type", flat=True)
    )


@pytest.fixture
def netsuite(settings: Any) -> Iterator[NetsuiteFake]:
    """Run a stand-in for NetSuite that checks signatures."""
    fake = NetsuiteFake()
    fake.secrets = ("client-secret", "token-secret")
    with standing_in(fake, settings, "NETSUITE"):
        yield fake


@pytest.fixture
def at_netsuite(organization: Any) -> Integration:
    """Return a connection to NetSuite with secrets."""
    made = make_integration(organization, type="netsuite", code="netsuite-eu")
    made.secrets = {"client_secret": "client-secret", "token_secret": "token-secret"}
    made.settings = {"account_id": "1234567-sb1", "client_id": "client", "token_id": "token"}
    made.save()
    return made


@pytest.fixture
def xero(settings: Any) -> Iterator[XeroFake]:
    """Run a stand-in for Xero behind Nango."""
    settings.TARN_NANGO_SECRET_KEY = "nango-key"
    with standing_in(XeroFake(), settings, "XERO") as fake:
        yield fake


@pytest.fixture
def at_xero(organization: Any) -> Integration:
    """Return a connection to Xero with its id in Nango."""
    made = make_integration(organization, type="xero", code="xero-uk")
    made.secrets = {"connection_id": "nango-1"}
    made.save()
    return made


def jobs(name: str | None = None) -> list[Any]:
    """Return the jobs that wait, oldest first."""
    found = ProcrastinateJob.objects.filter(status="todo", queue_name="providers").order_by("id")
    return list(found.filter(task_name=name) if name else found)


def work_off(*, now: bool = False) -> int:
    """Do the jobs that are due as a worker would, and return how many that were.

    :param now: also those that are due later.
    """
    done = 0
    while due := [job for job in jobs() if now or job.scheduled_at is None]:
        for job in due:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [job.id])
            if now:
                _bring_forward(job.args)
            _TASKS[job.task_name](**job.args)
            done += 1
    return done


def come_back() -> None:
    """Let a dead worker's claim end, and have another worker look."""
    from customers.models import Mirror

    past = timezone.now() - timedelta(minutes=5)
    Mirror.objects.update(next_try_at=past, claimed_until=past)
    tasks.continue_mirrors(0)
    work_off(now=True)


def _bring_forward(args: dict[str, Any]) -> None:
    from customers.models import Mirror

    if "mirror_id" in args:
        Mirror.objects.filter(pk=args["mirror_id"]).update(next_try_at=None)


_TASKS = {
    "customers.mirror_customer": tasks.mirror_customer,
    "customers.mirror_changes": see_to_changes,
    "customers.continue_mirror": tasks.continue_mirror,
    "customers.handle_provider_event": tasks.handle_provider_event,
    "customers.try_connection_again": again.try_connection_again,
}


@pytest.fixture(params=["netsuite", "xero"])
def program(request: Any, organization: Any) -> Program:
    """Return each accounting program in turn."""
    kind = request.param
    return Program(kind, request.getfixturevalue(kind), request.getfixturevalue(f"at_{kind}"))
