"""Staff judge what customers propose."""

import pytest
from django.core.cache import cache

from billing.events.actor import SYSTEM
from customers.change import CustomerChange
from customers.history import timeline
from customers.models import Customer, Proposal
from customers.write import write_customer
from tests.billing.builders import make_organization
from tests.customers.pages import page_of
from tests.customers.portal.proposing import make_canal, make_proposal
from tests.customers.portal.test_judge import decide
from tests.staff import records, sign_in, text_of

QUEUE = "/admin/proposals/"


@pytest.fixture
def canal(organization):
    return make_canal(organization)


@pytest.fixture
def proposal(canal):
    return make_proposal(canal, "We moved.", city="Lyon", email="neu@canal.test")


@pytest.fixture
def clerk(organization):
    cache.clear()
    return sign_in(organization)


def where(proposal):
    return f"{QUEUE}{proposal.pk}/"


def send(client, proposal, tag=None, **values):
    """Send the form as the page shows it, with these values."""
    tag = tag or client.get(where(proposal)).context["version_tag"]
    return client.post(where(proposal), {"tag": tag, "do": "judge", "answer": "", **values})


YES = {"city": "accept", "email": "accept"}


class TestQueue:
    def test_shows_what_waits(self, clerk, proposal):
        words = text_of(clerk.get(QUEUE))

        assert "Canal SAS" in words
        assert proposal.reference in words

    def test_says_that_nothing_waits(self, clerk):
        assert "No customer waits for an answer." in text_of(clerk.get(QUEUE))

    def test_shows_what_was_decided(self, clerk, proposal):
        decide(proposal, "city", "email")

        assert "Canal SAS" not in text_of(clerk.get(QUEUE))
        assert "Accepted" in text_of(clerk.get(f"{QUEUE}?judged"))

    def test_is_counted_at_home(self, clerk, proposal):
        page = clerk.get("/admin/")

        [queue] = [one for one in page.context["queues"] if one["queue"].key == "proposals"]
        assert (queue["number"], queue["waits"]) == ("1", True)
        assert QUEUE in page.content.decode()


class TestProposal:
    def test_shows_ours_theirs_and_what_changed_since(self, organization, clerk, canal, proposal):
        change = CustomerChange.read({"external_id": "canal", "city": "Nice"})
        write_customer(organization.pk, change, SYSTEM)

        words = " ".join(text_of(clerk.get(where(proposal))).split())

        assert "We moved." in words
        for shown in ("Nice", "Lyon", "Changed since: Tarn", "The customer saw: Paris"):
            assert shown in words

    def test_is_accepted(self, organization, clerk, canal, proposal):
        answer = send(clerk, proposal, **YES)

        assert (answer.status_code, answer["Location"]) == (302, QUEUE)
        canal.refresh_from_db()
        assert (canal.city, canal.email) == ("Lyon", "neu@canal.test")
        assert timeline(organization.pk, canal.pk)[0].door == "staff"

    def test_is_accepted_in_part(self, clerk, canal, proposal):
        send(clerk, proposal, city="accept", email="refuse", answer="It bounces.")

        canal.refresh_from_db()
        proposal.refresh_from_db()
        assert (canal.city, canal.email) == ("Lyon", "compta@canal.test")
        assert (proposal.state, proposal.answer) == ("partly", "It bounces.")

    def test_is_refused(self, clerk, canal, proposal):
        send(clerk, proposal, **YES, do="refuse", answer="No.")

        proposal.refresh_from_db()
        assert proposal.state == "refused"

    def test_is_not_refused_without_a_word(self, clerk, proposal):
        page = send(clerk, proposal, city="refuse", email="accept")

        assert page.status_code == 422
        assert "Say why you refuse something." in text_of(page)
        assert 'name="city" value="refuse" checked' in page.content.decode()
        assert Proposal.objects.get().is_waiting

    def test_says_at_the_field_which_rule_it_breaks(self, clerk, proposal):
        proposal.changes["email"][1] = "no address"
        proposal.save()

        page = send(clerk, proposal, **YES)

        assert page.status_code == 422
        assert "not an e-mail address" in text_of(page)
        assert Customer.objects.get().city == "Paris"

    def test_is_shown_again_if_the_customer_was_changed(self, organization, clerk, proposal):
        tag = clerk.get(where(proposal)).context["version_tag"]
        change = CustomerChange.read({"external_id": "canal", "city": "Nice"})
        write_customer(organization.pk, change, SYSTEM)

        page = send(clerk, proposal, tag, **YES)

        assert page.status_code == 409
        assert "while you looked" in text_of(page)
        assert Customer.objects.get().city == "Nice"
        assert send(clerk, proposal, **YES).status_code == 302

    def test_is_judged_once(self, clerk, proposal):
        send(clerk, proposal, **YES)
        recorded = records()

        answer = send(clerk, proposal, "x", **YES)

        assert answer.status_code == 302
        assert "settled already" in text_of(clerk.get(answer["Location"]))
        assert records() == recorded

    def test_offers_nothing_to_those_who_may_not(self, organization, proposal):
        viewer = sign_in(organization, role="viewer")

        assert b"Save the decision" not in viewer.get(where(proposal)).content
        assert viewer.post(where(proposal), {"do": "judge", **YES}).status_code == 403
        assert Proposal.objects.get().is_waiting

    def test_is_nobody_s_of_another_organization(self, proposal):
        stranger = sign_in(make_organization(), role="finance_lead")

        assert stranger.get(where(proposal)).status_code == 404
        assert stranger.post(where(proposal), {"do": "refuse", "answer": "x"}).status_code == 404
        assert "Canal" not in text_of(stranger.get(QUEUE))

    def test_runs_nothing_that_the_customer_wrote(self, organization, clerk):
        evil = "\"><script>alert(1)</script>'"
        proposal = make_proposal(make_canal(organization, external_id="e"), evil, city=evil)

        for page in (clerk.get(where(proposal)), clerk.get(QUEUE)):
            assert "<script>alert" not in page.content.decode()


class TestCustomersPage:
    def test_says_that_something_waits(self, clerk, canal, proposal):
        page = clerk.get(page_of(canal))

        assert "The customer proposed 2 corrections" in text_of(page)
        assert where(proposal) in page.content.decode()

    def test_tells_in_the_timeline_where_a_change_came_from(self, clerk, canal, proposal):
        send(clerk, proposal, **YES)

        page = clerk.get(f"/admin/customers/customer/{canal.pk}/timeline/")

        assert "See what the customer proposed" in text_of(page)
        assert where(proposal) in page.content.decode()
        assert f"Proposed by the customer ({proposal.reference})" in text_of(page)
        assert "See the whole bulk change" not in text_of(page)
