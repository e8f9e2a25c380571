"""Links to a customer's own page that staff make and end in the back office."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from billing.events.actor import SYSTEM
from billing.models import ChangeRecord
from customers.delete import delete_customer
from customers.history import customer_as_of
from customers.housekeeping import forget_old_proposals
from customers.models import Proposal
from customers.portal.links import LinkEnded, end_links, make_link, make_token, read_token
from customers.restore import restore_customers
from tests.customers.builders import make_customer
from tests.customers.portal.proposing import make_canal, make_proposal
from tests.staff import sign_in, text_of


@pytest.fixture
def customer(organization):
    return make_customer(organization, external_id="c1", name="Canal")


def page_of(customer: Any) -> str:
    return f"/admin/customers/customer/{customer.pk}/portal/"


def make(browser: Any, customer: Any, token: Any = None) -> Any:
    sent = {"do": "make", "token": str(token or uuid4())}
    return browser.post(page_of(customer), sent)


class TestMake:
    def test_shows_a_link_that_works_and_when_it_ends(self, organization, customer):
        page = make(sign_in(organization), customer)

        made = page.context["made"]
        assert made.url in page.content.decode()
        assert read_token(made.url.rpartition("/")[2]) == customer
        assert timedelta(hours=11) < made.ends_at - timezone.now() <= timedelta(hours=12)
        assert "no-store" in page.headers["Cache-Control"]

    def test_is_told_in_the_timeline_and_the_history(self, organization, customer):
        browser = sign_in(organization)

        make(browser, customer)

        told = "made a link to the customer's own page"
        assert told in text_of(browser.get(f"/admin/customers/customer/{customer.pk}/timeline/"))
        assert "made a link to the page of" in text_of(browser.get("/admin/history/"))

    def test_keeps_no_link_anywhere(self, organization, customer):
        page = make(sign_in(organization), customer)

        token = page.context["made"].url.rpartition("/")[2]
        record = ChangeRecord.objects.latest("id")
        assert (record.resource, record.object_id, record.changes) == (
            "portal_link",
            customer.pk,
            {},
        )
        assert token not in str(vars(record))

    def test_makes_one_link_of_a_form_that_is_sent_twice(self, organization, customer):
        browser, token = sign_in(organization), uuid4()

        make(browser, customer, token)
        again = make(browser, customer, token)

        assert "This form was sent before" in text_of(again)
        assert ChangeRecord.objects.filter(resource="portal_link").count() == 1

    def test_makes_none_for_a_deleted_customer(self, organization, customer):
        type(customer).objects.update(deleted_at=timezone.now())

        answer = make(sign_in(organization), customer)

        assert answer.status_code == 302
        assert not ChangeRecord.objects.filter(resource="portal_link").exists()

    @pytest.mark.parametrize("role", ["viewer", "auditor", "operator"])
    def test_is_for_those_who_edit_customers(self, organization, customer, role):
        browser = sign_in(organization, role=role)

        assert browser.get(page_of(customer)).status_code == 403
        assert make(browser, customer).status_code == 403


@pytest.mark.django_db(transaction=True)
class TestEnd:
    def test_ends_what_staff_and_programs_made(self, client, organization, customer):
        browser = sign_in(organization)
        by_staff = make(browser, customer).context["made"].url.rpartition("/")[2]
        by_program = make_link(organization.pk, "c1").rpartition("/")[2]

        browser.post(page_of(customer), {"do": "end"})

        for token in (by_staff, by_program):
            with pytest.raises(LinkEnded):
                read_token(token)
            shown = client.get(f"/customer-portal/{token}")
            assert shown.status_code == 410
            assert "no longer valid" in text_of(shown)
            assert "Canal" not in text_of(shown)

    def test_leaves_new_links_and_those_of_others_alone(self, organization, customer):
        other = make_customer(organization, external_id="c2")
        theirs = make_token(organization.pk, other.pk)

        sign_in(organization).post(page_of(customer), {"do": "end"})

        assert read_token(make_token(organization.pk, customer.pk)) == customer
        assert read_token(theirs) == other

    def test_changes_nothing_of_the_customer_itself(self, organization, customer):
        """Red without `resource` in `past.sql`: the record is taken for the customer's deletion."""
        delete_customer(organization.pk, "c1", SYSTEM)
        while_deleted = timezone.now()
        customer.refresh_from_db()

        end_links(customer, SYSTEM)

        assert type(customer).objects.get().version == customer.version
        restore_customers(organization.pk, [customer.pk], SYSTEM)
        then = customer_as_of(organization.pk, customer.pk, while_deleted)
        assert then is not None
        assert then.is_deleted


class TestOldProposals:
    def test_are_forgotten_a_year_after_they_were_decided(self, organization):
        kept, gone, waiting = (
            make_proposal(make_canal(organization, external_id=f"c{number}"), city="Lyon")
            for number in range(3)
        )
        long_ago = timezone.now() - timedelta(days=366)
        Proposal.objects.update(created_at=long_ago)
        judged = {"state": "refused", "judged_by": "Ann"}
        Proposal.objects.filter(pk=gone.pk).update(judged_at=long_ago, **judged)
        Proposal.objects.filter(pk=kept.pk).update(judged_at=timezone.now(), **judged)

        forget_old_proposals(0)

        assert set(Proposal.objects.values_list("pk", flat=True)) == {kept.pk, waiting.pk}
