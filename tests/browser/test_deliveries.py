"""Webhooks in the back office: how they do, and what staff do about it."""

import json
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from billing.models import Attempt, Delivery, Event
from billing.webhooks import queue
from tests.billing.builders import make_webhook_endpoint
from tests.browser.looks import assert_accessible, shot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def deliveries(organization):
    endpoint = make_webhook_endpoint(organization, webhook_url="https://erp.example.com/tarn")
    paused = make_webhook_endpoint(organization, webhook_url="https://old.example.com/hook")
    paused.paused_at, paused.pause_reason = timezone.now(), "gone"
    paused.save()
    for _ in range(3):
        Event.objects.create(
            organization=organization,
            event_type="customer.updated",
            object_type="customer",
            object_id=uuid4(),
            snapshot=json.dumps({"name": "Zoë"}),
            endpoint_ids=[endpoint.pk],
        )
    queue.spread()
    first, second, _ = Delivery.objects.order_by("event_id")
    Delivery.objects.filter(pk=first.pk).update(status="succeeded", attempts=1)
    Delivery.objects.filter(pk=second.pk).update(status="failed", attempts=13, due_at=None)
    Attempt.objects.create(
        delivery=second, at=timezone.now(), milliseconds=35, status=500, answer="Oh no"
    )
    return first, second


class TestDeliveries:
    def test_a_failed_one_is_found_and_tried_again(self, staff_page, deliveries):
        page = staff_page("operator")
        page.goto("/admin/deliveries/")
        assert_accessible(page)
        shot(page, "deliveries")
        page.get_by_label("State").select_option("failed")
        page.get_by_role("button", name="Show", exact=True).click()
        page.locator("tbody[data-rows] a").click()
        expect(page.get_by_text("Oh no")).to_be_visible()
        assert_accessible(page)
        shot(page, "delivery")

        page.get_by_role("button", name="Try again now").click()

        expect(page.get_by_text("It is tried again now.")).to_be_visible()
        assert Delivery.objects.get(pk=deliveries[1].pk).status == "pending"

    @pytest.mark.parametrize("look", [{"dark": True}, {"phone": True}])
    def test_looks_right(self, staff_page, deliveries, look):
        page = staff_page("operator", **look)
        page.goto("/admin/deliveries/")

        assert_accessible(page)
        shot(page, f"deliveries-{next(iter(look))}")
