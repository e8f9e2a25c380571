"""The page of likely duplicates: two customers side by side, called different by who may edit."""

import pytest

from customers.models import DuplicatePair
from customers.pairs import search_pairs
from tests.billing.builders import make_organization
from tests.customers.builders import make_customers
from tests.staff import sign_in, text_of

PAGE = "/admin/customers/duplicates/"


@pytest.fixture
def pair(organization):
    make_customers(
        organization,
        [
            {"external_id": "c1", "name": "Hooli & Co", "email": "a@b.test", "phone": "1"},
            {"external_id": "c2", "name": "Hooli", "email": "A@b.test", "city": "Lyon"},
        ],
    )
    search_pairs(organization.pk)
    return DuplicatePair.objects.get()


def send(client, one, do="dismiss", **instead):
    form = {"organization": str(one.organization_id), "pair": str(one.pk), "do": do}
    return client.post(PAGE, form | instead)


class TestDuplicatesPage:
    def test_shows_what_both_have(self, organization, pair):
        page = text_of(sign_in(organization).get(PAGE))

        for words in ("1 pair", "Same e-mail", "Hooli & Co", "c2", "Lyon", "Not the same"):
            assert words in page
        assert "Same tax number" not in page

    def test_says_when_there_are_none(self, organization):
        page = text_of(sign_in(organization).get(PAGE))

        assert "Nobody has looked for duplicates yet" in page

    def test_shows_pairs_of_its_organization_alone(self, pair):
        """Red when the page forgets the organization."""
        assert "Hooli" not in text_of(sign_in(make_organization()).get(PAGE))

    @pytest.mark.parametrize("before", ["x", "-1", "9" * 5_000, "\u0661"])
    def test_begins_anew_at_a_place_that_is_none(self, organization, pair, before):
        assert "Hooli" in text_of(sign_in(organization).get(PAGE, {"before": before}))

    def test_goes_on_where_a_page_ends(self, organization, pair, monkeypatch):
        clerk = sign_in(organization)
        monkeypatch.setattr("customers.admin.duplicates._SHOWN", 1)
        make_customers(organization, [{"external_id": "c3", "email": "a@b.test"}])
        search_pairs(organization.pk)

        first = clerk.get(PAGE)
        newest = DuplicatePair.objects.latest("pk")

        assert f"before={newest.pk}" in first.content.decode()
        assert "c2" not in text_of(first)
        assert "c2" in text_of(clerk.get(PAGE, {"before": newest.pk}))


class TestDecisions:
    def test_take_a_pair_off_and_bring_it_back(self, organization, pair):
        clerk = sign_in(organization)

        answer = send(clerk, pair)

        assert answer["Location"] == PAGE
        assert "are two customers" in text_of(clerk.get(PAGE))
        kept = text_of(clerk.get(PAGE, {"dismissed": ""}))
        assert "Called different by" in kept
        send(clerk, pair, "reopen")
        assert "Not the same" in text_of(clerk.get(PAGE))

    def test_are_left_to_who_may_edit(self, organization, pair):
        """Red without the `require` of the form."""
        assert send(sign_in(organization, role="viewer"), pair).status_code == 403

        pair.refresh_from_db()
        assert pair.dismissed_at is None

    def test_do_nothing_in_another_organization(self, organization, pair):
        other = make_organization()

        send(sign_in(other), pair)
        send(sign_in(other), pair, organization=str(other.pk))

        pair.refresh_from_db()
        assert pair.dismissed_at is None

    @pytest.mark.parametrize("more", [{"pair": "x"}, {"do": "merge"}, {"pair": "0"}])
    def test_do_nothing_for_a_form_nobody_made(self, organization, pair, more):
        send(sign_in(organization), pair, **more)

        pair.refresh_from_db()
        assert pair.dismissed_at is None

    def test_cost_a_few_statements_however_many_pairs(
        self, organization, django_assert_max_num_queries
    ):
        """Red when a customer is read pair by pair."""
        clerk = sign_in(organization)
        make_customers(organization, [{"email": "a@b.test"} for _ in range(15)])
        search_pairs(organization.pk)

        with django_assert_max_num_queries(12):
            clerk.get(PAGE)
