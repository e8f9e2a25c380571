"""Both sides of a customer: asked, sent, taken over, parted."""

import pytest

from billing.errors import NotAllowed
from billing.events.actor import Actor
from billing.models import ChangeRecord
from customers.models import (
    Comparison,
    Customer,
    IntegrationLink,
    Mirror,
    PaymentMethod,
    ProviderLink,
)
from customers.providers import compare
from customers.providers.claims import claim
from customers.providers.failures import Failure, Refused
from tests.billing.builders import make_integration
from tests.customers.posting import post
from tests.customers.providers.bookkeeping import linked
from tests.customers.providers.conftest import work_off

pytestmark = pytest.mark.django_db
ANN = Actor(ChangeRecord.Door.STAFF, "Ann", "7", "They know better")


@pytest.fixture
def customer(organization, at_stripe, stripe):
    """A customer that is at Stripe, with another city and a phone there."""
    post(
        organization,
        external_id="c1",
        name="Ann",
        email="ann@a.co, bob@a.co",
        city="Paris",
        address_line1="1 rue A",
        billing_configuration={"payment_provider": "stripe", "sync_with_provider": True},
    )
    work_off()
    theirs = next(iter(stripe.customers.values()))
    theirs["address"] = theirs["address"] | {"city": "Lyon"}
    theirs["phone"] = "+33 1"
    return Customer.objects.get()


@pytest.fixture
def sides(customer):
    found = compare.sides_at(ProviderLink.objects.get())
    assert found is not None
    return found


def differing(sides):
    return {
        row.name: (row.ours, row.theirs)
        for row in compare.rows(sides, theirs(sides))
        if row.differs
    }


def theirs(sides):
    return compare.known(sides).theirs


class TestCompare:
    def test_keeps_what_the_other_side_has(self, sides):
        found = compare.compare(sides)

        assert sorted(found.differing) == ["city", "phone"]
        assert differing(sides) == {"city": ("Paris", "Lyon"), "phone": ("", "+33 1")}

    def test_changes_neither_side(self, sides, stripe):
        before = (dict(stripe.customers), ChangeRecord.objects.count())

        compare.compare(sides)

        assert (stripe.customers, ChangeRecord.objects.count()) == before
        assert work_off() == 0

    def test_keeps_why_it_could_not_be_asked(self, sides, stripe):
        stripe.fail("error")

        with pytest.raises(Failure):
            compare.compare(sides)

        found = Comparison.objects.get()
        assert found.theirs is None
        assert found.error_message

    def test_says_that_the_customer_is_gone_there(self, sides, stripe):
        stripe.customers.clear()

        with pytest.raises(Refused, match="No such"):
            compare.compare(sides)

        assert Comparison.objects.get().error_request_id.startswith("req_")

    def test_forgets_what_was_said_of_another_id(self, sides, organization):
        compare.compare(sides)

        post(
            organization,
            external_id="c1",
            billing_configuration={"provider_customer_id": "cus_other"},
        )

        assert compare.known(compare.sides_at(ProviderLink.objects.get())) is None


class TestTakeOver:
    def test_writes_the_fields_with_who_and_why(self, sides):
        compare.compare(sides)

        compare.take_over(sides, ["city", "phone"], ANN)

        customer = Customer.objects.get()
        assert (customer.city, customer.phone) == ("Lyon", "+33 1")
        record = ChangeRecord.objects.latest("id")
        assert (record.actor_name, record.reason) == ("Ann", "They know better")
        assert record.changes["city"] == ["Paris", "Lyon"]
        assert Comparison.objects.get().differing == []

    def test_leaves_the_other_addresses_of_the_list(self, sides, stripe):
        next(iter(stripe.customers.values()))["email"] = "zoe@a.co"
        compare.compare(sides)

        compare.take_over(sides, ["email"], ANN)

        assert Customer.objects.get().email == "zoe@a.co, bob@a.co"

    def test_refuses_what_was_never_seen(self, sides):
        before = ChangeRecord.objects.count()

        with pytest.raises(NotAllowed):
            compare.take_over(sides, ["city"], ANN)
        compare.compare(sides)
        with pytest.raises(NotAllowed):
            compare.take_over(sides, ["city", "metadata"], ANN)

        assert ChangeRecord.objects.count() == before


class TestPush:
    def test_sends_ours_and_empties_what_only_they_have(self, sides, stripe):
        """Red when the digests of what was sent stay: Stripe is believed to have it."""
        compare.compare(sides)

        compare.push(sides)
        work_off(now=True)

        theirs = next(iter(stripe.customers.values()))
        assert (theirs["address"]["city"], theirs["phone"]) == ("Paris", None)
        assert not Comparison.objects.exists()
        assert Mirror.objects.get().state == Mirror.State.OK

    def test_waits_for_who_is_at_it(self, sides):
        compare.compare(sides)
        compare.push(sides)
        assert claim(sides.mirror.pk)

        with pytest.raises(NotAllowed, match="busy"):
            compare.push(sides)


class TestTryAgain:
    def test_does_what_had_failed(self, organization, at_stripe, stripe):
        at_stripe.secrets = {"secret_key": "sk_wrong"}
        at_stripe.save()
        configuration = {"payment_provider": "stripe", "sync_with_provider": True}
        post(organization, external_id="c1", name="Ann", billing_configuration=configuration)
        work_off()
        assert Mirror.objects.get().state == Mirror.State.FAILED
        at_stripe.secrets = {"secret_key": "sk_test"}
        at_stripe.save()

        compare.try_again(compare.sides_at(ProviderLink.objects.get()))
        work_off(now=True)

        assert ProviderLink.objects.get().provider_customer_id in stripe.customers
        assert Mirror.objects.get().state == Mirror.State.OK

    def test_refuses_when_nothing_waits(self, sides):
        with pytest.raises(NotAllowed):
            compare.try_again(sides)


class TestDetach:
    def test_takes_the_link_off_and_deletes_nothing_there(self, sides, stripe):
        compare.detach(ProviderLink.objects.get(), ANN)

        assert not ProviderLink.objects.exists()
        assert not PaymentMethod.objects.exists()
        assert len(stripe.customers) == 1
        assert ChangeRecord.objects.latest("id").reason == "They know better"

    def test_leaves_the_other_integrations_as_they_are(self, organization):
        make_integration(organization, code="ns", type="netsuite")
        make_integration(organization, code="an", type="anrok")
        netsuite = {"integration_type": "netsuite", "integration_code": "ns", "subsidiary_id": "3"}
        post(
            organization,
            external_id="c1",
            integration_customers=[
                netsuite | {"sync_with_provider": True},
                {"integration_type": "anrok", "external_customer_id": "9"},
            ],
        )

        compare.detach(IntegrationLink.objects.get(type="anrok"), ANN)

        [left] = IntegrationLink.objects.all()
        assert (left.type, left.sync_with_provider, left.subsidiary_id) == ("netsuite", True, "3")


def compared(link):
    """Ask the other side about a link, and return both sides."""
    sides = compare.sides_at(link)
    compare.compare(sides)
    return sides


def changed_there(program):
    """Change the name, the city and the e-mail there, and return what they are."""
    [theirs] = program.fake.customers.values()
    if program.kind == "netsuite":
        theirs |= {"companyName": "Ann & Co", "email": "zoe@acme.example"}
        theirs["addressBook"][0]["addressBookAddress"]["city"] = "Lyon"
        theirs["addressBook"][1]["addressBookAddress"]["city"] = "Nice"
        return {"name": "Ann & Co", "city": "Lyon", "shipping_address.city": "Nice"}
    theirs |= {"Name": "Ann & Co", "EmailAddress": "zoe@acme.example", "TaxNumber": "FR1"}
    theirs["Addresses"][0]["City"] = "Lyon"
    return {"name": "Ann & Co", "city": "Lyon", "tax_identification_number": "FR1"}


class TestPrograms:
    @pytest.fixture
    def link(self, organization, program):
        linked(organization, program, shipping_address={"city": "Lille", "country": "FR"})
        work_off()
        return IntegrationLink.objects.get()

    def test_are_the_same_after_the_creation(self, link):
        sides = compared(link)

        assert [row for row in compare.rows(sides, theirs(sides)) if row.differs] == []

    def test_show_what_was_changed_there(self, link, program):
        """Red for the shipping address with that of NetSuite's book left out of what is read."""
        expected = changed_there(program) | {"email": "zoe@acme.example"}

        sides = compared(link)

        found = {name: other for name, (_, other) in differing(sides).items()}
        assert found == expected
        assert set(compare.known(sides).differing) == set(expected)

    def test_are_taken_over_and_are_the_same_then(self, link, program):
        expected = changed_there(program)
        sides = compared(link)

        compare.take_over(sides, [*expected, "email"], ANN)
        work_off(now=True)

        customer = Customer.objects.get()
        assert (customer.name, customer.city) == ("Ann & Co", "Lyon")
        assert customer.email == "zoe@acme.example, bob@acme.example"
        assert compare.compare(compare.sides_at(link)).differing == []

    def test_leave_the_other_numbers_of_the_list(self, link, program):
        """Red with the e-mail taken for the only list."""
        [there] = program.fake.customers.values()
        if program.kind == "netsuite":
            there["phone"] = "+33 9"
        else:
            there["Phones"][0]["PhoneNumber"] = "+33 9"

        compare.take_over(compared(link), ["phone"], ANN)

        assert Customer.objects.get().phone == "+33 9, +33 2 66"

    def test_get_ours_when_it_is_sent(self, link, program):
        changed_there(program)
        compare.push(compared(link))

        work_off(now=True)

        assert compare.compare(compare.sides_at(link)).differing == []

    def test_say_that_the_customer_is_gone_there(self, link, program):
        program.fake.customers.clear()

        with pytest.raises(Refused):
            compared(link)


class TestGocardless:
    """Changes are not sent there, so what was changed here alone is no difference to look at."""

    @pytest.fixture
    def link(self, organization, at_gocardless, gocardless):
        wish = {"payment_provider": "gocardless", "sync_with_provider": True}
        post(organization, "c1", name="Ann", email="a@a.co", billing_configuration=wish)
        work_off()
        return ProviderLink.objects.get()

    def test_does_not_count_what_was_changed_here(self, link, organization):
        """Red with every field compared that is sent at the creation."""
        post(organization, "c1", name="Bob", email="b@a.co", lastname="Lee")

        sides = compared(link)

        assert set(differing(sides)) == {"company_name", "email", "lastname"}
        assert compare.known(sides).differing == []

    def test_counts_what_was_changed_there(self, link, gocardless):
        [there] = gocardless.customers.values()
        there |= {"company_name": "Zoe", "given_name": "Zoe"}

        sides = compared(link)

        assert compare.known(sides).differing == ["company_name"]
        compare.take_over(sides, ["company_name", "firstname"], ANN)
        customer = Customer.objects.get()
        assert (customer.legal_name, customer.firstname) == ("Zoe", "Zoe")
        assert Comparison.objects.get().differing == []

    def test_does_not_count_what_was_never_sent(self, link, organization):
        """Red with what was sent to another customer there taken for this one's."""
        other = {"provider_customer_id": "CU1"}
        post(organization, "c1", billing_configuration=other)
        sides = compare.sides_at(ProviderLink.objects.get())

        assert compare._differing(sides, {"email": "zoe@a.co"}) == []

    def test_is_sent_nothing(self, link):
        with pytest.raises(NotAllowed):
            compare.push(compared(link))
