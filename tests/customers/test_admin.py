"""The plain admin: people find what is theirs, create and delete it, as their role lets them."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from billing.models import BillingEntity, ChangeRecord, Membership, Organization
from customers.models import Customer
from tests.billing.builders import (
    make_organization,
)
from tests.customers.builders import make_customer
from tests.customers.pages import ADD, LIST, edit, page_of
from tests.staff import records, sign_in, text_of


@pytest.fixture
def clerk(organization: Organization) -> Client:
    """The browser of a finance clerk of the organization."""
    return sign_in(organization)


@pytest.fixture
def lead(organization: Organization) -> Client:
    """The browser of a finance lead of the organization."""
    return sign_in(organization, role="finance_lead")


class TestListOfCustomers:
    def test_shows_the_customers_of_the_clerks_organizations_alone(
        self, clerk: Client, organization: Organization
    ) -> None:
        make_customer(organization, external_id="mine", name="Mine GmbH")
        make_customer(make_organization(), external_id="theirs", name="Theirs Ltd")

        page = text_of(clerk.get(LIST))

        assert "Mine GmbH" in page
        assert "Theirs Ltd" not in page

    def test_shows_a_superuser_every_organization_one_at_a_time(
        self, organization: Organization
    ) -> None:
        make_customer(organization, name="Mine GmbH")
        theirs = make_organization(name="Hooli")
        make_customer(theirs, name="Theirs Ltd")
        client = sign_in(is_superuser=True)

        first = text_of(client.get(LIST))
        client.post("/admin/organization/", {"organization": str(theirs.pk)})
        second = text_of(client.get(LIST))

        assert ("Mine GmbH" in first, "Theirs Ltd" in first) == (True, False)
        assert ("Mine GmbH" in second, "Theirs Ltd" in second) == (False, True)

    @pytest.mark.parametrize(
        ("term", "found"), [("brasserie", True), ("CANAL", True), ("c/47", True), ("100%", False)]
    )
    def test_finds_a_part_of_a_name_in_any_case(
        self, clerk: Client, organization: Organization, term: str, found: bool
    ) -> None:
        make_customer(
            organization, external_id="c/4711", name="Brasserie", legal_name="Du Canal SAS"
        )

        page = clerk.get(LIST, {"q": term})

        assert ("c/4711" in text_of(page)) is found

    def test_leaves_out_deleted_customers(self, clerk: Client, organization: Organization) -> None:
        customer = make_customer(organization, name="Gone GmbH")
        Customer.objects.filter(pk=customer.pk).update(deleted_at="2026-01-01T00:00:00Z")

        assert "Gone GmbH" not in text_of(clerk.get(LIST))

    @pytest.mark.parametrize("value", ["%00", "%FF"])
    @pytest.mark.parametrize(
        "name",
        ["q", "organization", "billing_entity", "country", "account_type__exact", "nope"],
    )
    def test_survives_whatever_its_address_says(
        self, clerk: Client, organization: Organization, name: str, value: str
    ) -> None:
        make_customer(organization)

        response = clerk.get(f"{LIST}?{name}={value}")

        assert response.status_code < 500


class TestNewCustomer:
    def test_is_created_by_the_writer(self, clerk: Client, organization: Organization) -> None:
        response = clerk.post(
            ADD, {"organization": organization.pk, "external_id": "new", "name": "Ann"}
        )

        customer = Customer.objects.get(external_id="new")
        assert response["Location"] == page_of(customer)
        assert (customer.name, customer.sequential_id) == ("Ann", 1)
        assert ChangeRecord.objects.get(object_id=customer.pk).door == "staff"

    def test_never_changes_one_that_is_there(
        self, clerk: Client, organization: Organization
    ) -> None:
        make_customer(organization, external_id="c1", name="Ann")
        recorded = records()

        response = clerk.post(
            ADD, {"organization": organization.pk, "external_id": "c1", "name": "Bob"}
        )

        assert response.status_code == 422
        assert "“c1” already belongs to Ann" in " ".join(text_of(response).split())
        assert Customer.objects.get(external_id="c1").name == "Ann"
        assert records() == recorded

    def test_is_billed_by_the_organization_s_own_entity_at_first(
        self, organization: Organization
    ) -> None:
        """Red when the default of any organization is proposed."""
        hooli = make_organization()
        BillingEntity.objects.filter(organization=hooli).update(code="hooli")

        for place, code in ((organization, "acme_corp"), (hooli, "hooli")):
            form = sign_in(place).get(ADD).context["form"]
            assert form["billing_entity_code"].value() == code

    def test_needs_the_organization_where_the_clerk_works(
        self, clerk: Client, organization: Organization
    ) -> None:
        response = clerk.post(ADD, {"organization": make_organization().pk, "external_id": "new"})

        assert response.status_code == 409
        assert 'value="new"' in response.content.decode()
        assert not Customer.objects.exists()


class TestRoles:
    @pytest.mark.parametrize("role", ["viewer", "auditor", "operator"])
    def test_that_only_look_can_not_write(self, organization: Organization, role: str) -> None:
        client = sign_in(organization, role=role)
        customer = make_customer(organization, name="Ann", phone="12345")
        recorded = records()

        page = client.get(page_of(customer))
        answers = [
            edit(client, customer, name="Bob").status_code,
            client.post(f"{LIST}{customer.pk}/delete/", {"post": "yes"}).status_code,
            client.post(ADD, {"organization": organization.pk, "external_id": "n"}).status_code,
        ]

        assert "12345" in text_of(page)
        assert '<input type="text" name="name"' not in page.content.decode()
        assert answers == [403, 403, 403]
        customer.refresh_from_db()
        assert (customer.name, customer.deleted_at, records()) == ("Ann", None, recorded)

    def test_count_in_their_own_organization_alone(self, organization: Organization) -> None:
        other = make_organization()
        client = sign_in(organization)
        viewer = get_user_model().objects.get()
        Membership.objects.create(organization=other, user=viewer, role="viewer")
        customer = make_customer(other, name="Ann")

        response = edit(client, customer, name="Bob")

        assert response.status_code == 403

    @pytest.mark.usefixtures("db")
    def test_without_membership_show_nothing(self) -> None:
        assert sign_in().get(LIST).status_code == 403
