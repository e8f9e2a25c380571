"""What customers propose, before anybody has judged it."""

import threading

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from billing.errors import Invalid, NotAllowed, NotFound
from billing.events.actor import SYSTEM
from billing.models import ChangeRecord
from customers.change import CustomerChange
from customers.delete import delete_customer
from customers.history import customer_now
from customers.models import Proposal
from customers.portal import propose as rules
from customers.portal.propose import propose, waiting_proposal, withdraw
from customers.write import write_customer
from tests.billing.builders import make_organization
from tests.customers.portal.proposing import draft, make_canal, make_proposal


@pytest.fixture
def canal(organization):
    return make_canal(organization)


class TestPropose:
    def test_keeps_what_was_edited_and_writes_nothing_else(self, organization, canal):
        recorded = ChangeRecord.objects.count()

        proposal = make_proposal(canal, "We moved.", city="Lyon", shipping_address__city="Nice")

        assert proposal.changes == {
            "city": ["Paris", "Lyon"],
            "shipping_address.city": [None, "Nice"],
        }
        assert (proposal.state, proposal.note) == ("waiting", "We moved.")
        assert customer_now(organization.pk, canal.pk).values["city"] == "Paris"
        assert ChangeRecord.objects.count() == recorded

    def test_keeps_values_as_the_writer_would_store_them(self, canal):
        proposal = make_proposal(canal, city="  Lyon ", address_line1="   ", email=" a@b.test ")

        assert proposal.changes == {
            "city": ["Paris", "Lyon"],
            "address_line1": ["12 quai de Valmy", None],
            "email": ["compta@canal.test", "a@b.test"],
        }

    @pytest.mark.parametrize("edits", [{}, {"city": " Paris "}, {"shipping_address__city": "  "}])
    def test_refuses_what_would_change_nothing(self, canal, edits):
        with pytest.raises(NotAllowed, match="nothing_proposed"):
            make_proposal(canal, **edits)

        assert not Proposal.objects.exists()

    def test_leaves_alone_what_staff_changed_while_the_page_was_open(self, organization, canal):
        sent = draft(canal, zipcode="69001")
        change = CustomerChange.read({"external_id": "canal", "city": "Lyon"})
        write_customer(organization.pk, change, SYSTEM)

        assert propose(canal, sent).changes == {"zipcode": ["75010", "69001"]}

    @pytest.mark.parametrize(
        "edits, problems",
        [
            ({"email": "no address"}, {"email": ["invalid_email_format"]}),
            ({"country": "XX"}, {"country": ["not_a_valid_country_code"]}),
            ({"city": "x" * 256}, {"city": ["value_is_too_long"]}),
            (
                {"shipping_address__zipcode": "x" * 256, "email": "@"},
                {
                    "shipping_address.zipcode": ["value_is_too_long"],
                    "email": ["invalid_email_format"],
                },
            ),
        ],
    )
    def test_refuses_what_the_api_refuses(self, canal, edits, problems):
        with pytest.raises(Invalid) as refused:
            make_proposal(canal, **edits)

        assert refused.value.problems == problems
        assert not Proposal.objects.exists()

    def test_takes_no_field_that_is_not_offered(self, canal):
        """Seen to fail with the wish read from what was typed instead of OFFERED."""
        proposal = make_proposal(canal, city="Lyon", legal_name="Mine", net_payment_term="999")

        assert proposal.changes == {"city": ["Paris", "Lyon"]}

    def test_keeps_a_form_once_however_often_it_is_sent(self, canal):
        sent = draft(canal, city="Lyon")

        assert propose(canal, sent) == propose(canal, sent)
        assert Proposal.objects.count() == 1

    def test_replaces_what_waits(self, canal):
        first = make_proposal(canal, city="Lyon")
        second = make_proposal(canal, city="Nice")

        first.refresh_from_db()
        assert first.state == "replaced"
        assert waiting_proposal(canal) == second

    def test_ends_a_flood(self, canal, monkeypatch):
        """Nothing of the one too many stays: the one before it still waits."""
        monkeypatch.setattr(rules, "PROPOSALS", 3)
        last = [make_proposal(canal, city=city) for city in ("A", "B", "C")][-1]

        with pytest.raises(NotAllowed, match="too_many_proposals"):
            make_proposal(canal, city="D")

        assert waiting_proposal(canal) == last
        Proposal.objects.update(created_at=timezone.now() - rules._DAY)
        assert make_proposal(canal, city="D").is_waiting

    def test_refuses_the_dead(self, organization, canal):
        sent = draft(canal, city="Lyon")
        delete_customer(organization.pk, "canal", SYSTEM)

        with pytest.raises(NotFound):
            propose(canal, sent)

    def test_can_be_taken_back(self, canal):
        proposal = make_proposal(canal, city="Lyon")

        withdraw(canal)

        proposal.refresh_from_db()
        assert proposal.state == "withdrawn"
        assert waiting_proposal(canal) is None


class TestRaces:
    @pytest.mark.django_db(transaction=True)
    def test_leave_one_proposal_waiting(self, organization):
        """Seen to fail with IntegrityError without the lock in `propose`."""
        canal = make_canal(organization)
        drafts = [draft(canal, city=f"City {n}") for n in range(6)]
        barrier, failed = threading.Barrier(len(drafts)), []

        def send(one):
            barrier.wait()
            try:
                propose(canal, one)
            except Exception as error:
                failed.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=send, args=[one]) for one in drafts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failed == []
        assert Proposal.objects.filter(state="waiting").count() == 1
        assert Proposal.objects.count() == len(drafts)


class TestTable:
    """Each constraint refuses alone what the rules above never write."""

    def refused(self, constraint, **values):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Proposal.objects.create(**values)

    def test_holds_one_waiting_proposal_of_a_customer(self, organization, canal):
        make_proposal(canal, city="Lyon")

        self.refused(
            "proposal_waiting_once",
            organization=organization,
            customer=canal,
            token="7c1f6a52-0b3e-4d8f-9a47-2f5e8c60d913",
            changes={"city": [None, "x"]},
        )

    def test_holds_no_form_twice(self, organization, canal):
        made = make_proposal(canal, city="Lyon")
        withdraw(canal)

        self.refused(
            "proposal_token_once",
            organization=organization,
            customer=canal,
            token=made.token,
            changes={"city": [None, "x"]},
        )

    def test_holds_no_proposal_of_nothing(self, organization, canal):
        self.refused(
            "proposal_changes_something",
            organization=organization,
            customer=canal,
            token="7c1f6a52-0b3e-4d8f-9a47-2f5e8c60d913",
            changes={},
        )

    @pytest.mark.parametrize(
        "values",
        [{"state": "accepted"}, {"state": "waiting", "judged_by": "Ann"}, {"state": "lost"}],
    )
    def test_knows_who_judged(self, organization, canal, values):
        self.refused(
            "proposal_judged_by_somebody",
            organization=organization,
            customer=canal,
            token="7c1f6a52-0b3e-4d8f-9a47-2f5e8c60d913",
            changes={"city": [None, "x"]},
            **values,
        )

    def test_links_no_customer_of_another_organization(self, canal):
        other = make_organization()
        self.refused(
            "proposal_customer_id_tenant",
            organization=other,
            customer=canal,
            token="7c1f6a52-0b3e-4d8f-9a47-2f5e8c60d913",
            changes={"city": [None, "x"]},
        )
