"""How staff judge what customers propose."""

import threading
from uuid import uuid4

import pytest
from django.db import connections

from billing.errors import Invalid, NotAllowed, NotFound, Stale
from billing.events.actor import SYSTEM, Actor
from billing.models import ChangeRecord
from customers.change import CustomerChange
from customers.delete import delete_customer
from customers.history import customer_now, timeline
from customers.models import Customer
from customers.portal.judge import Verdict, compared, judge, proposals_among, waiting_proposals
from customers.write import write_customer
from tests.billing.builders import make_organization
from tests.customers.portal.proposing import make_canal, make_proposal

ANN = Actor(ChangeRecord.Door.STAFF, "Ann", "7")


@pytest.fixture
def canal(organization):
    return make_canal(organization)


@pytest.fixture
def proposal(canal):
    return make_proposal(canal, city="Lyon", email="neu@canal.test")


def tag_of(customer):
    return customer_now(customer.organization_id, customer.pk).tag


def change(customer, **values):
    """Have somebody change the customer meanwhile."""
    wish = CustomerChange.read({"external_id": customer.external_id, **values})
    write_customer(customer.organization_id, wish, SYSTEM)


def decide(proposal, *accepted, answer="", tag=None):
    """Have Ann accept these fields and refuse the others."""
    verdict = Verdict(accepted, answer, tag or tag_of(proposal.customer))
    outcome = judge(proposal.organization_id, proposal.pk, verdict, ANN)
    proposal.refresh_from_db()
    proposal.customer.refresh_from_db()
    return outcome


class TestJudge:
    def test_takes_everything_over(self, proposal):
        outcome = decide(proposal, "city", "email")

        assert outcome.diff.keys() == {"city", "email"}
        assert (proposal.customer.city, proposal.customer.email) == ("Lyon", "neu@canal.test")
        assert (proposal.state, proposal.accepted) == ("accepted", ["email", "city"])
        assert proposal.judged_by == "Ann"

    def test_records_the_person_and_where_it_came_from(self, organization, canal, proposal):
        decide(proposal, "city", "email", answer="Checked by phone")

        entry = timeline(organization.pk, canal.pk)[0]
        assert (entry.actor_name, entry.door, entry.batch_id) == ("Ann", "staff", proposal.pk)
        assert entry.reason == (
            f"Proposed by the customer ({proposal.reference}): Checked by phone"
        )
        assert proposals_among(organization.pk, [None, uuid4(), proposal.pk]) == {
            proposal.pk: proposal.reference
        }

    def test_takes_over_single_fields(self, proposal):
        decide(proposal, "city", answer="That address bounces.")

        assert (proposal.customer.city, proposal.customer.email) == ("Lyon", "compta@canal.test")
        assert (proposal.state, proposal.accepted) == ("partly", ["city"])

    def test_refuses_all_and_writes_nothing(self, canal, proposal):
        recorded, tag = ChangeRecord.objects.count(), tag_of(canal)

        assert decide(proposal, answer="Please send a document.") is None

        assert (proposal.state, proposal.accepted) == ("refused", [])
        assert (ChangeRecord.objects.count(), tag_of(canal)) == (recorded, tag)

    @pytest.mark.parametrize("accepted", [(), ("city",), ("legal_name",)])
    def test_asks_why_something_is_refused(self, proposal, accepted):
        with pytest.raises(Invalid) as refused:
            decide(proposal, *accepted)

        assert refused.value.problems == {"answer": ["reason_is_missing"]}
        assert proposal.is_waiting

    def test_takes_nothing_over_that_was_not_proposed(self, proposal):
        decide(proposal, "city", "email", "legal_name", "nonsense")

        assert proposal.accepted == ["email", "city"]
        assert proposal.customer.legal_name == "Canal SAS"

    def test_sends_values_through_the_rules_of_the_api(self, canal, proposal):
        """A rule may be stricter by now than when it was proposed."""
        proposal.changes["email"][1] = "no address"
        proposal.save()

        with pytest.raises(Invalid) as refused:
            decide(proposal, "city", "email")

        assert refused.value.problems == {"email": ["invalid_email_format"]}
        canal.refresh_from_db()
        assert (proposal.is_waiting, canal.city) == (True, "Paris")

    def test_refuses_what_was_decided_on_an_old_page(self, canal, proposal):
        tag = tag_of(canal)
        change(canal, phone="1")

        with pytest.raises(Stale):
            decide(proposal, "city", "email", tag=tag)

        proposal.refresh_from_db()
        assert proposal.is_waiting

    def test_is_final(self, proposal):
        decide(proposal, "city", "email")

        with pytest.raises(NotAllowed, match="proposal_is_settled"):
            decide(proposal, answer="No.")

    def test_leaves_alone_what_the_customer_replaced(self, canal, proposal):
        make_proposal(canal, city="Nice")

        with pytest.raises(NotAllowed, match="proposal_is_settled"):
            decide(proposal, "city", "email")

    def test_refuses_the_proposal_of_a_deleted_customer(self, organization, canal, proposal):
        tag = tag_of(canal)
        delete_customer(organization.pk, "canal", SYSTEM)

        with pytest.raises(NotAllowed, match="customer_not_found"):
            decide(proposal, "city", "email", tag=tag)

    def test_does_not_know_those_of_other_organizations(self, proposal):
        verdict = Verdict(["city", "email"], "", tag_of(proposal.customer))

        with pytest.raises(NotFound):
            judge(make_organization().pk, proposal.pk, verdict, ANN)


class TestCompared:
    def test_shows_what_changed_since(self, organization, canal, proposal):
        change(canal, city="Nice")

        email, city = compared(proposal, customer_now(organization.pk, canal.pk))

        assert (city.seen, city.now, city.proposed) == ("Paris", "Nice", "Lyon")
        assert city.since.actor_name == SYSTEM.name
        assert (email.path, email.since, email.is_so_already) == ("email", None, False)

    def test_knows_what_is_so_already(self, organization, canal, proposal):
        change(canal, city="Lyon")

        _, city = compared(proposal, customer_now(organization.pk, canal.pk))

        assert city.is_so_already


class TestQueue:
    def test_holds_what_waits_oldest_first(self, organization, canal, proposal):
        other = make_proposal(make_canal(organization, external_id="c2"), city="Lyon")
        make_proposal(make_canal(make_organization(), external_id="c3"), city="Lyon")

        assert list(waiting_proposals(organization.pk)) == [proposal, other]

    def test_holds_nothing_of_deleted_customers(self, organization, proposal):
        delete_customer(organization.pk, "canal", SYSTEM)

        assert not waiting_proposals(organization.pk).exists()


class TestRaces:
    @pytest.mark.django_db(transaction=True)
    def test_let_one_person_judge(self, organization):
        """Seen to fail without the lock in `_hold`: both then write their answer."""
        proposal = make_proposal(make_canal(organization), city="Lyon")
        tag, barrier, said = tag_of(proposal.customer), threading.Barrier(4), []

        def answer(n):
            barrier.wait()
            try:
                judge(organization.pk, proposal.pk, Verdict([], f"No {n}", tag), ANN)
                said.append("judged")
            except NotAllowed as refusal:
                said.append(refusal.code)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=answer, args=[n]) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(said) == ["judged", *["proposal_is_settled"] * 3]
        assert Customer.objects.get().city == "Paris"
