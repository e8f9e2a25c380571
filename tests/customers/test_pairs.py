"""Pairs of customers that may be one: found by a job, judged when read, dismissed by staff."""

import re
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.errors import NotFound
from billing.events.actor import SYSTEM
from billing.models import Organization
from customers import pairs as module
from customers.delete import delete_customer
from customers.models import DuplicatePair, DuplicateSearch
from customers.pairs import (
    dismiss,
    open_pairs,
    pairs,
    search_duplicates,
    search_pairs,
    searched_at,
    take_back,
    with_reasons,
)
from customers.search import CustomerQuery
from customers.sort_name import sort_name
from tests.billing.builders import make_organization
from tests.customers.builders import make_customer, make_customers

SIREN = "FR40303265045"


@pytest.fixture
def person() -> Any:
    return get_user_model().objects.create_user("ann")


def found(organization: Organization) -> list[tuple[str, str]]:
    """Return the external ids of the open pairs."""
    ids = open_pairs(organization.pk).values_list("first__external_id", "second__external_id")
    return sorted(ids)


class TestSearchPairs:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (
                {"tax_identification_number": "FR 40.303 265-045"},
                {"tax_identification_number": "fr40303265045"},
            ),
            ({"email": "Billing@hooli.test"}, {"email": "billing@hooli.test"}),
            (
                {"name": "Café Élan", "city": "LYON", "country": "FR"},
                {"legal_name": "cafe elan", "city": "Lyon", "country": "FR"},
            ),
            (
                {"firstname": "Ann", "lastname": "Lee", "city": "Cork"},
                {"name": "Ann Lee", "city": "Cork"},
            ),
        ],
    )
    def test_finds_who_shares_something(
        self, organization: Organization, one: dict[str, Any], other: dict[str, Any]
    ) -> None:
        make_customer(organization, external_id="old", **one)
        make_customer(organization, external_id="new", **other)

        search_pairs(organization.pk)

        assert found(organization) == [("old", "new")]

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({"tax_identification_number": "-"}, {"tax_identification_number": "."}),
            ({"email": ""}, {"email": ""}),
            ({"name": "Hooli"}, {"name": "Hooli"}),
            ({"name": "Hooli", "city": "Lyon"}, {"name": "Hooli", "city": "Paris"}),
            (
                {"name": "Hooli", "city": "Lyon", "country": "FR"},
                {"name": "Hooli", "city": "Lyon", "country": "US"},
            ),
        ],
    )
    def test_leaves_who_shares_nothing(
        self, organization: Organization, one: dict[str, Any], other: dict[str, Any]
    ) -> None:
        make_customer(organization, **one)
        make_customer(organization, **other)

        search_pairs(organization.pk)

        assert found(organization) == []

    def test_sets_each_beside_the_oldest(self, organization: Organization) -> None:
        same = {"tax_identification_number": SIREN, "email": "a@b.test"}
        make_customers(organization, [{"external_id": f"c{n}", **same} for n in range(4)])

        search_pairs(organization.pk)

        assert found(organization) == [("c0", "c1"), ("c0", "c2"), ("c0", "c3")]

    def test_stays_within_the_organization(self, organization: Organization) -> None:
        """Red when those who share an e-mail address are looked for in all organizations."""
        other = make_organization()
        same = {"tax_identification_number": SIREN, "email": "a@b.test", "name": "A", "city": "B"}
        make_customers(organization, [{"external_id": f"c{n}", **same} for n in range(2)])
        make_customer(other, **same)

        search_pairs(organization.pk)
        search_pairs(other.pk)

        assert found(organization) == [("c0", "c1")]
        assert DuplicatePair.objects.count() == 1

    def test_keeps_no_more_than_there_is_room_for(
        self, organization: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Red when the room is not counted, or pairs that are none any more take it up."""
        monkeypatch.setattr(module, "PAIRS_MAX", 2)
        same = {"email": "a@b.test"}
        make_customers(organization, [{"external_id": f"c{n}", **same} for n in range(4)])
        search_pairs(organization.pk)
        search_pairs(organization.pk)
        assert DuplicatePair.objects.count() == 2

        make_customer(organization, external_id="c1", email="other@b.test")
        search_pairs(organization.pk)

        assert found(organization) == [("c0", "c2"), ("c0", "c3")]

    def test_forgets_what_is_no_pair_but_not_what_was_dismissed(
        self, organization: Organization, person: Any
    ) -> None:
        same = {"email": "a@b.test"}
        make_customers(organization, [{"external_id": f"c{n}", **same} for n in range(3)])
        search_pairs(organization.pk)
        dismiss(organization.pk, open_pairs(organization.pk)[0].pk, person.pk)

        make_customers(organization, [{"external_id": f"c{n}", "email": None} for n in range(3)])
        search_pairs(organization.pk)

        assert [one.dismissed_by for one in DuplicatePair.objects.all()] == [person]

    def test_makes_no_pair_across_organizations(self, organization: Organization) -> None:
        """Red without the composite foreign keys."""
        one = make_customer(organization)
        other = make_customer(make_organization())

        with pytest.raises(IntegrityError), transaction.atomic():
            DuplicatePair.objects.create(organization=organization, first=one, second=other)


class TestSearchDuplicates:
    def test_looks_where_customers_changed(
        self, organization: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Red when organizations are searched again though nobody changed there."""
        quiet = make_organization()
        long_ago = timezone.now() + timedelta(hours=1)
        search_duplicates()
        DuplicateSearch.objects.update(searched_at=long_ago)
        looked = []
        monkeypatch.setattr(module, "search_pairs", looked.append)

        search_duplicates()
        assert looked == []

        make_customer(organization)
        DuplicateSearch.objects.update(searched_at=timezone.now())
        search_duplicates()

        assert looked == [organization.pk]
        assert quiet.pk not in looked

    def test_looks_where_it_never_did(self, organization: Organization) -> None:
        make_customers(organization, [{"email": "a@b.test"}, {"email": "a@b.test"}])

        search_duplicates()

        assert open_pairs(organization.pk).count() == 1
        assert searched_at(organization.pk) is not None
        assert searched_at(make_organization().pk) is None  # nobody has looked there yet


class TestPairs:
    @pytest.fixture(autouse=True)
    def _pair(self, organization: Organization) -> None:
        make_customers(
            organization,
            [
                {"external_id": "c1", "email": "a@b.test", "name": "A", "city": "B"},
                {"external_id": "c2", "email": "a@b.test", "name": "a", "city": "b"},
            ],
        )
        search_pairs(organization.pk)

    def test_say_what_they_share(self, organization: Organization) -> None:
        [one] = with_reasons(open_pairs(organization.pk))

        told: Any = one
        assert (told.same_tax_number, told.same_email, told.same_name) == (None, True, True)

    def test_are_gone_once_one_was_corrected(self, organization: Organization) -> None:
        """Red when the table is believed without a look at the customers."""
        make_customer(organization, external_id="c2", email="other@b.test", city="Elsewhere")

        assert found(organization) == []

    def test_are_gone_once_one_was_deleted(self, organization: Organization) -> None:
        delete_customer(organization.pk, "c1", SYSTEM)

        assert found(organization) == []

    def test_are_not_brought_up_again_once_dismissed(
        self, organization: Organization, person: Any
    ) -> None:
        """Red when open pairs take in those that were dismissed."""
        [pair] = open_pairs(organization.pk)
        dismiss(organization.pk, pair.pk, person.pk)

        search_pairs(organization.pk)

        assert found(organization) == []
        assert pairs(organization.pk).count() == 1
        take_back(organization.pk, pair.pk)
        assert found(organization) == [("c1", "c2")]

    def test_keep_who_dismissed_them_first(self, organization: Organization, person: Any) -> None:
        [pair] = open_pairs(organization.pk)
        first = dismiss(organization.pk, pair.pk, person.pk)

        again = dismiss(organization.pk, pair.pk, person.pk)

        assert again.dismissed_at == first.dismissed_at

    def test_are_dismissed_by_their_own_organization(self, person: Any) -> None:
        with pytest.raises(NotFound):
            dismiss(make_organization().pk, DuplicatePair.objects.get().pk, person.pk)

        assert DuplicatePair.objects.get().dismissed_at is None

    def test_narrow_the_list(self, organization: Organization) -> None:
        make_customer(organization, external_id="alone")
        query = CustomerQuery(organization.pk, filters={"duplicates": ("likely",)})

        by_walk = sorted(query.queryset().values_list("external_id", flat=True))
        by_index = sorted(query.found_by_index().values_list("external_id", flat=True))

        assert by_walk == by_index == ["c1", "c2"]


class TestSortName:
    def test_is_the_expression_of_the_index(self) -> None:
        migration = import_module("customers.migrations.0029_order_by_name")

        assert re.sub(r"\n *", " ", migration.SORT_NAME) == sort_name()
