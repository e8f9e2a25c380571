import pytest

from billing.models import Delivery
from billing.webhooks import queue
from tests.billing.builders import make_organization, make_webhook_endpoint
from tests.staff import sign_in, text_of

pytestmark = pytest.mark.django_db
LIST = "/admin/deliveries/"


@pytest.fixture
def endpoint(organization):
    return make_webhook_endpoint(organization)


@pytest.fixture
def delivery(endpoint, happen):
    happen(endpoint, name="<script>alert(1)</script>")
    queue.spread()
    return Delivery.objects.get()


class TestDeliveriesPage:
    def test_shows_endpoints_and_deliveries(self, organization, delivery, endpoint):
        page = sign_in(organization, role="operator").get(LIST)

        assert "customer.created" in text_of(page)
        assert endpoint.webhook_url in text_of(page)

    def test_shows_nothing_of_somebody_else(self, delivery, endpoint):
        client = sign_in(make_organization(), role="operator")

        assert "customer.created" not in text_of(client.get(LIST))
        assert endpoint.webhook_url not in text_of(client.get(LIST))
        assert client.get(f"{LIST}{delivery.pk}/").status_code == 404
        assert client.post(f"{LIST}{delivery.pk}/do/", {"do": "retry"}).status_code == 404

    def test_narrows(self, organization, delivery):
        client = sign_in(organization, role="operator")

        assert "No delivery matches" in text_of(client.get(f"{LIST}?status=failed"))
        assert "customer.created" in text_of(client.get(f"{LIST}?status=pending&endpoint=x"))


class TestDeliveryPage:
    def test_shows_the_body_escaped(self, organization, delivery):
        page = sign_in(organization, role="auditor").get(f"{LIST}{delivery.pk}/")

        assert b"<script>alert(1)" not in page.content
        assert "alert(1)" in text_of(page)


class TestActions:
    def test_tries_again(self, organization, delivery):
        Delivery.objects.update(status="failed", due_at=None)

        sign_in(organization, role="operator").post(f"{LIST}{delivery.pk}/do/", {"do": "retry"})

        delivery.refresh_from_db()
        assert delivery.status == "pending"

    def test_says_which_address_cannot_be_called(self, organization, delivery):
        client = sign_in(organization, role="operator")
        sent = {"do": "replay", "url": "http://10.0.0.1/"}

        page = client.post(f"{LIST}{delivery.pk}/do/", sent, follow=True)

        assert "can't be called from here" in text_of(page)
        assert Delivery.objects.count() == 1

    def test_pauses_and_resumes(self, organization, endpoint):
        client = sign_in(organization, role="operator")

        for do, paused in (("pause", True), ("resume", False)):
            client.post(f"/admin/endpoints/{endpoint.pk}/do/", {"do": do})
            endpoint.refresh_from_db()
            assert (endpoint.paused_at is not None) is paused

    @pytest.mark.parametrize("role", ["viewer", "auditor", "finance", "finance_lead"])
    def test_is_for_those_who_set_webhooks(self, organization, delivery, endpoint, role):
        client = sign_in(organization, role=role)

        replay = client.post(f"{LIST}{delivery.pk}/do/", {"do": "replay"})
        pause = client.post(f"/admin/endpoints/{endpoint.pk}/do/", {"do": "pause"})

        assert (replay.status_code, pause.status_code) == (403, 403)
        assert Delivery.objects.count() == 1
