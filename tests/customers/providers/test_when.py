"""When providers are asked, and for what: the table of the contract, row by row (2.1)."""

import pytest

from customers.models import Customer, Mirror, ProviderLink
from customers.providers.methods import store_default
from customers.providers.stripe import method_of
from tests.customers.posting import post
from tests.customers.providers.conftest import events, work_off

pytestmark = pytest.mark.django_db
CREATIONS = {
    "stripe": [("POST", "/v1/customers"), ("POST", "/v1/checkout/sessions")],
    "gocardless": [
        ("POST", "/customers"),
        ("POST", "/billing_requests"),
        ("POST", "/billing_request_flows"),
    ],
    "adyen": [("POST", "/v72/paymentLinks")],
}
IDS = {"stripe": "cus_1", "gocardless": "CU1", "adyen": "c-1"}


class Asked:
    """A customer at one provider, and what the provider was asked since we looked last."""

    def __init__(self, organization, kind, fake):
        self.organization = organization
        self.kind = kind
        self.fake = fake
        fake.adopts = True

    def after(self, provider_customer_id="", **values):
        """Return what a write of the customer made us ask."""
        link = values.pop("link", {})
        if provider_customer_id != "":
            link = link | {"provider_customer_id": provider_customer_id}
        if link:
            values["billing_configuration"] = {"payment_provider": self.kind} | link
        self.fake.calls.clear()
        post(self.organization, "c-1", **values)
        work_off()
        return [(call.method, call.path) for call in self.fake.calls]


@pytest.fixture(params=CREATIONS)
def provider(request, organization, listener):
    kind = request.param
    request.getfixturevalue(f"at_{kind}")
    return Asked(organization, kind, request.getfixturevalue(kind))


@pytest.fixture
def at(organization, at_stripe, stripe, listener):
    """Return a customer that is at Stripe and is known to pay by card."""
    found = Asked(organization, "stripe", stripe)
    found.after("cus_1", name="Ann", link={"provider_payment_methods": ["card"]})
    card = method_of(stripe.methods[stripe.add_method("cus_1")])
    store_default(ProviderLink.objects.get(), card, Customer.objects.get().created_at)
    return found


SYNC = {"sync_with_provider": True}


class TestCreation:
    """No id, to be synced, not cleared by this request, none under way."""

    def test_follows_the_wish_whenever_it_comes(self, provider):
        assert provider.after(name="Ann", link={"sync_with_provider": False}) == []
        assert provider.after(city="Paris") == []

        assert provider.after(link=SYNC) == CREATIONS[provider.kind]

    def test_does_not_follow_an_id_that_goes(self, provider):
        provider.after(IDS[provider.kind], name="Ann", link=SYNC)

        assert provider.after(None) == []

    def test_follows_the_next_request_after_the_id_went(self, provider):
        """Whatever it is about: the table asks how things are, not what has changed."""
        provider.after(IDS[provider.kind], name="Ann", link=SYNC)
        provider.after(None)

        assert provider.after(city="Paris") == CREATIONS[provider.kind]

    def test_is_not_begun_twice(self, provider):
        provider.fake.fail("error", "/", times=1)
        provider.after(name="Ann", link=SYNC)

        assert provider.after(city="Paris") == []
        assert Mirror.objects.get().todo != []

    def test_follows_nothing_for_who_is_there(self, provider):
        assert CREATIONS[provider.kind][0] not in provider.after(
            IDS[provider.kind], name="Ann", link=SYNC
        )


class TestCheckout:
    """An id set or changed on an existing link that is not to be synced."""

    def test_is_made_for_an_id_that_is_set_or_changed(self, provider):
        provider.after(name="Ann", link={"sync_with_provider": False})
        page = CREATIONS[provider.kind][-1]

        assert page in provider.after(IDS[provider.kind])
        assert page in provider.after(f"{IDS[provider.kind]}2")
        assert events() == ["customer.checkout_url_generated"] * 2

    def test_is_made_for_no_new_link(self, provider):
        page = CREATIONS[provider.kind][-1]

        assert page not in provider.after(IDS[provider.kind], name="Ann")

    def test_is_not_made_with_sync(self, provider):
        provider.after(name="Ann", link={"sync_with_provider": False})
        page = CREATIONS[provider.kind][-1]

        assert page not in provider.after(IDS[provider.kind], link=SYNC)

    @pytest.mark.parametrize("methods", [["crypto"], ["customer_balance"]])
    def test_is_not_made_for_what_needs_no_set_up(
        self, organization, at_stripe, stripe, listener, methods
    ):
        there = Asked(organization, "stripe", stripe)
        there.after(name="Ann", currency="EUR", link={"provider_payment_methods": methods})

        assert ("POST", "/v1/checkout/sessions") not in there.after("cus_1")


class TestStripe:
    @pytest.mark.parametrize(
        "values",
        [
            {"name": "Bob"}, {"email": "bob@a.co"}, {"phone": "+33 1"}, {"address_line1": "1 rue"},
            {"address_line2": "B"}, {"city": "Paris"}, {"zipcode": "75010"}, {"state": "IdF"},
            {"country": "FR"}, {"name": None, "firstname": "Bob"},
        ],
    )  # fmt: skip
    def test_is_told_of_what_it_keeps(self, at, values):
        assert at.after(**values) == [("POST", "/v1/customers/cus_1")]

    def test_is_told_of_nothing_else(self, at):
        written = at.after(
            legal_name="Ann SARL",
            legal_number="123",
            tax_identification_number="FR1",
            net_payment_term=3,
            timezone="Europe/Paris",
            url="https://a.co",
            metadata=[{"key": "k", "value": "v", "display_in_invoice": False}],
            shipping_address={"city": "Lille"},
        )

        assert written == []

    def test_is_asked_for_the_way_to_pay_until_one_is_known(
        self, organization, at_stripe, stripe, listener
    ):
        there = Asked(organization, "stripe", stripe)
        fetched = [("GET", "/v1/customers/cus_1"), ("GET", "/v1/customers/cus_1/payment_methods")]

        assert there.after("cus_1", name="Ann")[1:] == fetched
        assert there.after(legal_name="Ann SARL") == fetched
        stripe.add_method("cus_1")
        assert there.after(legal_name="Ann & Co") == fetched
        assert there.after(legal_name="Ann") == []


class TestOthers:
    @pytest.mark.parametrize("kind", ["gocardless", "adyen"])
    def test_are_told_of_no_changes(self, organization, listener, kind, request):
        request.getfixturevalue(f"at_{kind}")
        there = Asked(organization, kind, request.getfixturevalue(kind))
        there.after(IDS[kind], name="Ann", link=SYNC)

        assert there.after(name="Bob", email="b@a.co", city="Paris", phone="+33 1") == []
