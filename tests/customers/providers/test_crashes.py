"""A crash between a provider's answer and our commit: never two remote customers, no orphan."""

import pytest
from asgiref.sync import async_to_sync
from django.db import connection

from customers.models import Mirror, ProviderLink
from customers.providers import tasks
from customers.providers.gocardless import GocardlessAdapter
from customers.providers.mirror import work
from customers.providers.sides import ProviderSide
from customers.providers.stripe import StripeAdapter
from customers.providers.turn import Turn
from tests.customers.posting import post
from tests.customers.providers.conftest import come_back, jobs, work_off
from tests.customers.providers.dying import Killed, dies, dies_after

pytestmark = pytest.mark.django_db
SYNC = {"payment_provider": "stripe", "sync_with_provider": True}


ADAPTERS = {"stripe": StripeAdapter, "gocardless": GocardlessAdapter}


@pytest.fixture(params=ADAPTERS)
def adapter(request):
    """Return the adapter of a provider where customers are made; there is a connection to it."""
    request.getfixturevalue(f"at_{request.param}")
    return ADAPTERS[request.param]


@pytest.fixture
def there(request, adapter):
    """Return the stand-in for this provider."""
    return request.getfixturevalue(adapter.name.lower())


@pytest.fixture
def sync(adapter):
    """Return the wish to be made there."""
    return SYNC | {"payment_provider": adapter.name.lower()}


# Where the worker dies: before the call, between the provider's answer and our commit, and while
# the outcome is being written.
POINTS = {
    "before the call": lambda adapter: (adapter, "create", dies),
    "after the answer": lambda adapter: (adapter, "create", dies_after(adapter.create)),
    "while storing the id": lambda _: (
        ProviderSide,
        "store_id",
        dies_after(ProviderSide.store_id),
    ),
    "before the commit": lambda _: (Turn, "_succeed", dies_after(Turn._succeed)),
}


def _die(monkeypatch, adapter, point):
    kind, name, way = POINTS[point](adapter)
    with monkeypatch.context() as patch:
        patch.setattr(kind, name, way)
        with pytest.raises(Killed):
            work_off(now=True)


@pytest.mark.parametrize("point", POINTS)
class TestCrash:
    def test_leaves_one_remote_customer(
        self, organization, adapter, there, sync, monkeypatch, point
    ):
        """Seen to fail with a new idempotency key at every attempt."""
        post(organization, "c1", name="Ann", billing_configuration=sync)
        _die(monkeypatch, adapter, point)
        assert ProviderLink.objects.get().provider_customer_id is None

        come_back()

        assert list(there.customers) == [ProviderLink.objects.get().provider_customer_id]
        assert (Mirror.objects.get().state, Mirror.objects.get().todo) == ("ok", [])

    def test_leaves_one_remote_customer_though_it_changed_meanwhile(
        self, organization, adapter, there, sync, monkeypatch, point
    ):
        """Seen to fail when an attempt sends the customer as it is then."""
        post(organization, "c1", name="Ann", billing_configuration=sync)
        _die(monkeypatch, adapter, point)
        post(organization, "c1", name="Bob")

        come_back()

        [customer] = there.customers.values()
        assert customer["id"] == ProviderLink.objects.get().provider_customer_id
        # GoCardless is not told of changes.
        assert customer.get("name", "Bob") == "Bob"
        assert customer.get("company_name", "Ann") == "Ann"

    def test_leaves_one_remote_customer_though_the_link_went_and_came_back(
        self, organization, adapter, there, sync, monkeypatch, point
    ):
        post(organization, "c1", name="Ann", billing_configuration=sync)
        _die(monkeypatch, adapter, point)
        post(organization, "c1", billing_configuration={"payment_provider": None})
        post(organization, "c1", billing_configuration=sync)

        come_back()

        assert list(there.customers) == [ProviderLink.objects.get().provider_customer_id]


class TestClaim:
    def test_keeps_a_second_worker_away(self, organization, at_stripe, stripe, monkeypatch):
        """Seen to fail without the claim."""
        post(organization, "c1", name="Ann", billing_configuration=SYNC)
        create = StripeAdapter.create

        def create_while_another_looks(self, *args):
            work(Mirror.objects.get().pk)
            return create(self, *args)

        monkeypatch.setattr(StripeAdapter, "create", create_while_another_looks)
        work_off()

        assert [call.path for call in stripe.calls].count("/v1/customers") == 1


class TestRetakingJobs:
    def test_starts_the_jobs_of_a_dead_worker_anew(self, organization, at_stripe, stripe):
        """Seen to fail when stalled jobs are left alone."""
        post(organization, "c1", name="Ann", billing_configuration=SYNC)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        assert jobs() == []

        async_to_sync(tasks.retake_provider_jobs)(0)

        assert [job.task_name for job in jobs()] == ["customers.mirror_changes"]
