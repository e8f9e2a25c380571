from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from billing.errors import NotAllowed, NotFound
from billing.events.actor import SYSTEM as ACTOR
from billing.models import ChangeRecord, Delivery, Event
from billing.webhooks import queue, write
from billing.webhooks.write import Range
from tests.billing.builders import make_organization, make_webhook_endpoint

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_jobs(db):
    """Start without the jobs that tests with transactions of their own have left."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


@pytest.fixture
def endpoint(organization):
    return make_webhook_endpoint(organization)


@pytest.fixture
def delivery(organization, endpoint, happen):
    happen(endpoint)
    queue.spread()
    return Delivery.objects.get()


def jobs():
    return ProcrastinateJob.objects.filter(task_name="billing.deliver_webhooks").count()


class TestRetry:
    def test_starts_a_failed_delivery_anew_with_its_key(self, organization, delivery):
        Delivery.objects.update(status="failed", attempts=13, due_at=None)

        write.retry(organization.pk, delivery.pk)

        delivery.refresh_from_db()
        assert (delivery.status, delivery.attempts) == ("pending", 0)
        assert delivery.due_at is not None
        assert jobs() == 1

    def test_leaves_a_delivery_that_succeeded(self, organization, delivery):
        Delivery.objects.update(status="succeeded")

        with pytest.raises(NotAllowed):
            write.retry(organization.pk, delivery.pk)

        assert jobs() == 0

    def test_finds_no_delivery_of_somebody_else(self, delivery):
        with pytest.raises(NotFound):
            write.retry(make_organization().pk, delivery.pk)


class TestReplay:
    def test_makes_a_new_delivery_with_a_key_of_its_own(self, organization, delivery, settings):
        settings.TARN_WEBHOOK_ALLOW_LOCAL = True

        made = write.replay(organization.pk, delivery.pk, "http://127.0.0.1:9000/")

        assert made.pk != delivery.pk
        assert (made.event_id, made.url) == (delivery.event_id, "http://127.0.0.1:9000/")

    @pytest.mark.parametrize("url", ["http://127.0.0.1/", "https://10.0.0.1/", "ftp://a.example/"])
    def test_refuses_an_address_that_webhooks_may_not_go_to(self, organization, delivery, url):
        with pytest.raises(ValueError, match="url_is_invalid"):
            write.replay(organization.pk, delivery.pk, url)

        assert Delivery.objects.count() == 1

    def test_refuses_when_the_body_is_gone(self, organization, delivery):
        Event.objects.update(snapshot=None)

        with pytest.raises(NotAllowed):
            write.replay(organization.pk, delivery.pk)


class TestReplayRange:
    def test_sends_again_what_was_not_taken(self, organization, endpoint, happen):
        for _ in range(3):
            happen(endpoint)
        queue.spread()
        first = Delivery.objects.order_by("event_id").first()
        Delivery.objects.filter(pk=first.pk).update(status="succeeded")
        now = timezone.now()
        chosen = Range(endpoint.pk, now - timedelta(hours=1), now + timedelta(hours=1))

        count = write.replay_range(organization.pk, chosen)

        assert count == 2
        assert Delivery.objects.filter(event_id=first.event_id).count() == 1

    def test_finds_no_endpoint_of_somebody_else(self, endpoint):
        now = timezone.now()

        with pytest.raises(NotFound):
            write.replay_range(make_organization().pk, Range(endpoint.pk, now, now))


class TestAnnounce:
    def test_tells_those_who_want_to_know(self, organization):
        everything = make_webhook_endpoint(organization, event_types=None)
        named = make_webhook_endpoint(organization, event_types=["customer.vies_check"])
        make_webhook_endpoint(organization, event_types=["customer.created"])
        make_webhook_endpoint(make_organization(), event_types=None)

        event = write.announce(organization.pk, "customer.vies_check", "customer", uuid4(), {})

        assert set(event.endpoint_ids) == {everything.pk, named.pk}

    def test_tells_of_deletions_only_those_who_name_them(self, organization):
        make_webhook_endpoint(organization, event_types=None)

        event = write.announce(organization.pk, "customer.deleted", "customer", uuid4(), {})

        assert event is None
        assert jobs() == 0


class TestPause:
    def test_holds_deliveries_until_resumed(self, organization, endpoint, delivery):
        """Take `paused_at` out of claim.sql: the first claim is not empty."""
        write.pause_endpoint(organization.pk, endpoint.pk, ACTOR)
        held = queue.claim()
        write.resume_endpoint(organization.pk, endpoint.pk, ACTOR)

        assert held == []
        assert [claim.id for claim in queue.claim()] == [delivery.pk]
        assert ChangeRecord.objects.filter(object_id=endpoint.pk).count() == 2


class TestRotateHmacKey:
    def test_keeps_the_old_key_for_a_while_and_shows_neither(self, organization):
        old = organization.hmac_key

        write.rotate_hmac_key(organization.pk, timedelta(days=1), ACTOR)

        organization.refresh_from_db()
        assert organization.previous_hmac_key == old != organization.hmac_key
        assert str(old) not in str(list(ChangeRecord.objects.values_list("changes", flat=True)))


class TestSendTest:
    def test_makes_one_delivery_that_says_it_is_a_test(self, organization, endpoint):
        delivery = write.send_test(organization.pk, endpoint.pk)

        assert queue.spread() == 0
        [claim] = queue.claim()
        assert (claim.id, claim.event_type) == (delivery.pk, "webhook_endpoint.test")
