"""A crash between a provider's answer and our commit: never two remote customers, no orphan."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.utils import timezone

from customers.models import Mirror, ProviderLink
from customers.providers import tasks
from customers.providers.mirror import work
from customers.providers.sides import ProviderSide
from customers.providers.stripe import StripeAdapter
from customers.providers.turn import Turn
from tests.customers.posting import post
from tests.customers.providers.conftest import jobs, work_off

pytestmark = pytest.mark.django_db
SYNC = {"payment_provider": "stripe", "sync_with_provider": True}


class Killed(BaseException):
    """What no code catches, as nothing catches `kill -9`; transactions end unfinished."""


def _dies(*args, **kwargs):
    raise Killed


def _dies_after(function):
    def call(*args, **kwargs):
        function(*args, **kwargs)
        raise Killed

    return call


# Where the worker dies: before the call, between the provider's answer and our commit, and while
# the outcome is being written.
POINTS = {
    "before the call": (StripeAdapter, "create", _dies),
    "after the answer": (StripeAdapter, "create", _dies_after(StripeAdapter.create)),
    "while storing the id": (ProviderSide, "store_id", _dies_after(ProviderSide.store_id)),
    "before the commit": (Turn, "_succeed", _dies_after(Turn._succeed)),
}


def _die(monkeypatch, point):
    kind, name, way = POINTS[point]
    with monkeypatch.context() as patch:
        patch.setattr(kind, name, way)
        with pytest.raises(Killed):
            work_off(now=True)


def _come_back():
    """Let the dead worker's claim end, and have another one look."""
    past = timezone.now() - timedelta(minutes=5)
    Mirror.objects.update(next_try_at=past, claimed_until=past)
    tasks.continue_mirrors(0)
    work_off(now=True)


@pytest.mark.parametrize("point", POINTS)
class TestCrash:
    def test_leaves_one_remote_customer(self, organization, at_stripe, stripe, monkeypatch, point):
        """Seen to fail with a new idempotency key at every attempt."""
        post(organization, "c1", name="Ann", billing_configuration=SYNC)
        _die(monkeypatch, point)
        assert ProviderLink.objects.get().provider_customer_id is None

        _come_back()

        assert list(stripe.customers) == [ProviderLink.objects.get().provider_customer_id]
        assert (Mirror.objects.get().state, Mirror.objects.get().todo) == ("ok", [])

    def test_leaves_one_remote_customer_though_it_changed_meanwhile(
        self, organization, at_stripe, stripe, monkeypatch, point
    ):
        """Seen to fail when an attempt sends the customer as it is then."""
        post(organization, "c1", name="Ann", billing_configuration=SYNC)
        _die(monkeypatch, point)
        post(organization, "c1", name="Bob")

        _come_back()

        [customer] = stripe.customers.values()
        assert customer["id"] == ProviderLink.objects.get().provider_customer_id
        assert customer["name"] == "Bob"

    def test_leaves_one_remote_customer_though_the_link_went_and_came_back(
        self, organization, at_stripe, stripe, monkeypatch, point
    ):
        post(organization, "c1", name="Ann", billing_configuration=SYNC)
        _die(monkeypatch, point)
        post(organization, "c1", billing_configuration={"payment_provider": None})
        post(organization, "c1", billing_configuration=SYNC)

        _come_back()

        assert list(stripe.customers) == [ProviderLink.objects.get().provider_customer_id]


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

        assert [job.task_name for job in jobs()] == ["customers.mirror_customer"]
