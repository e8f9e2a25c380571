"""The pages of the stand-ins, where a customer of the demo leaves a way to pay."""

import pytest
import requests

from customers.models import PaymentMethod, ProviderLink
from demo.fakes.__main__ import ear_of
from demo.fakes.server import Ear
from tests.customers.posting import post
from tests.customers.providers.conftest import ADYEN_HMAC_KEY, work_off

pytestmark = pytest.mark.django_db
SECRETS = {"stripe": "whsec_test", "gocardless": "gc_webhooks", "adyen": ADYEN_HMAC_KEY}


@pytest.fixture(params=SECRETS)
def kind(request):
    request.getfixturevalue(f"at_{request.param}")
    return request.param


@pytest.fixture
def fake(request, kind, settings):
    found = request.getfixturevalue(kind)
    found.at = getattr(settings, f"TARN_{kind.upper()}_URL")
    # Nobody listens here: the test brings what is told to Tarn itself.
    found.ear = Ear("http://127.0.0.1:9/", SECRETS[kind])
    return found


@pytest.fixture
def page(organization, api, fake, kind):
    """Return the address of a page for a customer of ours."""
    wish = {"payment_provider": kind, "sync_with_provider": kind != "adyen"}
    post(organization, "c-1", name="Ann", billing_configuration=wish)
    work_off()
    return api.post("/api/v1/customers/c-1/checkout_url").json()["customer"]["checkout_url"]


class TestEar:
    def test_knows_the_connections_of_the_demo(self):
        """Seen to fail when a connection has no secret there."""
        for kind in SECRETS:
            found = ear_of(kind, "http://127.0.0.1/webhooks")
            assert found.url.startswith("http://127.0.0.1/webhooks?code=")
            assert found.secret

    def test_is_not_there_where_nobody_listens(self):
        assert ear_of("cashfree", "http://127.0.0.1/webhooks") is None


class TestPage:
    def test_is_shown_to_the_customer(self, page, fake):
        shown = requests.get(page, timeout=30).text

        assert page.startswith(f"{fake.at}/pay/")
        assert fake.name in shown
        assert "Leave a way to pay" in shown

    def test_says_when_tarn_was_not_reached(self, page):
        assert "answered nothing" in requests.post(page, timeout=60).text

    def test_says_when_it_has_ended(self, fake):
        assert "has ended" in requests.get(f"{fake.at}/pay/1", timeout=30).text

    def test_tells_tarn_what_tarn_believes(self, page, fake, kind, organization, api):
        body, headers = fake.leave_method(fake.pages[page.rpartition("/")[2]])

        told = {"Authorization": "", **headers}
        answer = api.request("POST", f"/webhooks/{kind}/{organization.pk}", body=body, headers=told)
        work_off()

        assert answer.status == 200
        assert PaymentMethod.objects.get().is_default
        assert ProviderLink.objects.get().provider_customer_id in fake.customers
