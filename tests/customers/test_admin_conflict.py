"""Two people, or a person and a program, edit one customer at once."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from billing.events.actor import SYSTEM
from billing.models import Organization
from customers.admin.values import values_of
from customers.change import CustomerChange
from customers.delete import delete_customer
from customers.models import Customer
from customers.write import write_customers
from tests.customers.builders import make_customer
from tests.customers.pages import (
    ADD,
    form_of,
    send,
    typed,
    what_a_browser_sends,
)
from tests.staff import records, sign_in, text_of


@pytest.fixture
def clerk(organization: Organization) -> Client:
    """The browser of a finance clerk of the organization."""
    return sign_in(organization)


class TestTwoEditors:
    """Seen to fail with the precondition taken out of CustomerForm."""

    def stale(
        self, client: Client, customer: Customer, theirs: dict[str, Any], **edits: Any
    ) -> HttpResponse:
        """Send a form that was opened before somebody else changed the customer."""
        sent = what_a_browser_sends(customer) | edits
        others = CustomerChange.read({"external_id": customer.external_id} | theirs)
        write_customers(customer.organization_id, [others], SYSTEM)
        return send(client, form_of(customer), sent)

    def test_never_overwrite_each_other_unseen(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann")
        recorded = records()

        response = self.stale(clerk, customer, {"name": "Zoe"}, name="Bob")

        assert response.status_code == 409
        [row] = response.context["rows"]
        assert (row.label, row.theirs, row.mine) == ("Name", "Zoe", "Bob")
        assert row.entry.actor_name == "Tarn"
        customer.refresh_from_db()
        assert customer.name == "Zoe"
        assert records() == recorded + 1

    @pytest.mark.parametrize(("choice", "name"), [("mine", "Bob"), ("theirs", "Zoe")])
    def test_choose_field_by_field(
        self, clerk: Client, organization: Organization, choice: str, name: str
    ) -> None:
        customer = make_customer(organization, name="Ann")
        page = self.stale(clerk, customer, {"name": "Zoe"}, name="Bob", phone="1")

        reviewed = send(clerk, form_of(customer), typed(page) | {"choose-name": choice})
        saved = send(clerk, form_of(customer), typed(reviewed) | {"step": "save"})

        assert saved.status_code == 302
        customer.refresh_from_db()
        assert (customer.name, customer.phone) == (name, "1")

    def test_choose_their_notes_as_a_whole(self, clerk: Client, organization: Organization) -> None:
        customer = make_customer(organization, metadata=[{"key": "a", "value": "1"}])
        theirs = {"metadata": [{"key": "b", "value": "2"}]}
        page = self.stale(clerk, customer, theirs, metadata_1_value="9", phone="1")

        reviewed = send(clerk, form_of(customer), typed(page) | {"choose-metadata": "theirs"})
        send(clerk, form_of(customer), typed(reviewed) | {"step": "save"})

        found = values_of(Customer.objects.get(pk=customer.pk))
        assert (found["metadata_1_key"], found["metadata_1_value"]) == ("b", "2")
        assert found["phone"] == "1"

    def test_take_over_what_only_the_other_changed(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann")

        page = self.stale(clerk, customer, {"name": "Zoe"}, phone="1")

        assert page.context["rows"] == []
        assert [(row.label, row.theirs) for row in page.context["taken"]] == [("Name", "Zoe")]
        saved = send(clerk, form_of(customer), typed(page) | {"step": "save"})
        assert saved.status_code == 302
        customer.refresh_from_db()
        assert (customer.name, customer.phone) == ("Zoe", "1")

    def test_are_stopped_again_by_a_third_one(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann")
        page = self.stale(clerk, customer, {"name": "Zoe"}, name="Bob")
        third = CustomerChange.read({"external_id": customer.external_id, "name": "Eve"})
        write_customers(organization.pk, [third], SYSTEM)

        again = send(clerk, form_of(customer), typed(page) | {"choose-name": "mine"})

        assert again.status_code == 409
        [row] = again.context["rows"]
        assert (row.theirs, row.mine) == ("Eve", "Bob")

    def test_going_back_to_the_form_overwrites_nobody_unseen(
        self, clerk: Client, organization: Organization
    ) -> None:
        """Seen to fail when going back takes over what others changed."""
        customer = make_customer(organization, name="Ann")
        form = self.stale(clerk, customer, {"name": "Zoe"}, name="Bob", step="edit")

        sent = what_a_browser_sends(customer) | {
            "seen": form.context["form"]["seen"].value(), "name": "Bob",
        }  # fmt: skip

        assert send(clerk, form_of(customer), sent).status_code == 409

    def test_learn_that_the_customer_is_gone(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann")
        sent = what_a_browser_sends(customer) | {"name": "Bob"}
        delete_customer(organization.pk, customer.external_id, SYSTEM)

        gone = send(clerk, form_of(customer), sent)
        copy = send(clerk, ADD, typed(gone) | {"step": "edit"})

        assert gone.status_code == 410
        assert "This customer was deleted" in text_of(gone)
        assert 'value="Bob"' in copy.content.decode()
        assert not Customer.objects.filter(name="Bob").exists()
