from datetime import timedelta

import pytest
from django.utils import timezone
from procrastinate.contrib.django import app

from billing.models import Delivery, Event
from billing.tallies import count
from customers.models import MirrorChange
from tests.billing.builders import make_webhook_endpoint

TOKEN = {"Authorization": "Bearer watch-me"}


@pytest.fixture
def watched(settings):
    settings.TARN_METRICS_TOKEN = "watch-me"  # a test's


def value(answer, line):
    """Return the value of a metric with its labels, None if it is not there."""
    found = [one for one in answer.body.decode().splitlines() if one.startswith(f"{line} ")]
    return float(found[0].rpartition(" ")[2]) if found else None


class TestMetrics:
    def test_is_not_there_without_a_token(self, anonymous):
        assert anonymous.get("/metrics", headers=TOKEN).status == 404
        assert anonymous.get("/metrics", headers={"Authorization": "Bearer "}).status == 404

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer watch", "Basic watch-me", "watch-me"])
    def test_opens_to_nobody_else(self, anonymous, watched, header):
        assert anonymous.get("/metrics", headers={"Authorization": header}).status == 401

    def test_counts_jobs_and_says_how_long_the_first_waits(self, anonymous, watched):
        job = app.configure_task("billing.deliver_webhooks", queue="webhooks")
        job.defer()
        late = timezone.now() - timedelta(seconds=90)
        soon = timezone.now() + timedelta(hours=1)
        app.configure_task("a", queue="slow", schedule_at=late).defer()
        app.configure_task("a", queue="later", schedule_at=soon).defer()

        answer = anonymous.get("/metrics", headers=TOKEN)

        assert answer.status == 200
        assert value(answer, 'tarn_jobs{queue="webhooks",state="todo"}') == 1
        assert value(answer, 'tarn_oldest_job_seconds{queue="webhooks"}') < 60
        assert 89 < value(answer, 'tarn_oldest_job_seconds{queue="slow"}') < 200
        assert value(answer, 'tarn_oldest_job_seconds{queue="later"}') is None

    def test_counts_what_is_on_its_way_and_what_came_of_calls(
        self, anonymous, watched, organization
    ):
        endpoint = make_webhook_endpoint(organization)
        event = Event.objects.create(
            organization=organization, event_type="customer.created", object_type="customer",
            object_id=organization.pk, endpoint_ids=[endpoint.pk],
        )  # fmt: skip
        Delivery.objects.create(
            organization=organization, event=event, endpoint=endpoint, object_id=organization.pk
        )
        MirrorChange.objects.create(
            organization=organization, customer_id=organization.pk, paths=["name"],
            at=timezone.now() - timedelta(seconds=90),
        )  # fmt: skip
        count("delivery", "webhook", "taken", 3)
        count("delivery", "webhook", "taken", 2)
        count("provider_call", "stripe", "refused")

        answer = anonymous.get("/metrics", headers=TOKEN)

        assert value(answer, 'tarn_deliveries_waiting{state="pending"}') == 1
        assert value(answer, 'tarn_changes_waiting{kind="mirror"}') == 1
        assert value(answer, 'tarn_changes_waiting{kind="webhook"}') == 1
        assert 89 < value(answer, 'tarn_oldest_change_seconds{kind="mirror"}') < 200
        attempts = 'tarn_delivery_attempts_total{kind="webhook",outcome="taken"}'
        assert value(answer, attempts) == 5
        calls = 'tarn_provider_calls_total{kind="stripe",outcome="refused"}'
        assert value(answer, calls) == 1

    def test_names_every_metric_with_its_type(self, anonymous, watched):
        text = anonymous.get("/metrics", headers=TOKEN).body.decode()

        assert text.count("# TYPE tarn_") == text.count("# HELP tarn_") == 10
        assert text.endswith("\n")

    def test_writes_labels_so_that_they_can_be_read(self, anonymous, watched):
        count("provider_call", 'a"\\\n', "done")

        assert r'kind="a\"\\\n"' in anonymous.get("/metrics", headers=TOKEN).body.decode()
