"""What no request can do: making organizations, and which billing entity is active and default."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction

from billing.errors import Invalid, NotFound
from billing.events.actor import SYSTEM
from billing.models import BillingEntity, Organization
from billing.organizations.change import BillingEntityChange, NewBillingEntity, NewOrganization
from billing.organizations.write import (
    archive_billing_entity,
    change_billing_entity,
    create_billing_entity,
    create_organization,
    default_prefix,
    make_default,
    restore_billing_entity,
)
from customers.models import CustomerCounter
from customers.write import write_customer
from tests.billing.builders import make_billing_entity, make_organization, make_tax
from tests.billing.racing import start, wait_until_waiting
from tests.billing.traces import everything, records
from tests.customers.posting import wish


class TestCreateOrganization:
    def test_starts_the_numbering_of_customers(self, db):
        organization = create_organization(NewOrganization(name="Acme", slug="acme"), SYSTEM)

        assert CustomerCounter.objects.get().organization_id == organization.id

    def test_makes_a_prefix_of_name_and_id(self, db):
        organization = create_organization(NewOrganization(name="acme inc", slug="acme"), SYSTEM)

        tail = organization.id.hex[-4:].upper()
        assert organization.document_number_prefix == f"ACM-{tail}"
        assert default_prefix("éa", organization.id) == f"ÉA-{tail}"

    def test_reports_all_problems(self, organization):
        before = everything()

        with pytest.raises(Invalid) as refusal:
            create_organization(NewOrganization(slug=organization.slug), SYSTEM)

        assert refusal.value.problems == {
            "name": ["value_is_mandatory"],
            "slug": ["value_already_exist"],
        }
        assert everything() == before


class TestCreateBillingEntity:
    def test_makes_the_first_one_the_default_with_the_organization_s_values(self, db):
        new = NewOrganization(
            name="Acme", slug="acme", timezone="Europe/Paris", default_currency="EUR"
        )
        organization = create_organization(new, SYSTEM)

        first, second = (
            create_billing_entity(organization.id, NewBillingEntity(code=c, name=c), SYSTEM)
            for c in "ab"
        )

        assert (first.is_default, first.timezone, first.default_currency) == (
            True,
            "Europe/Paris",
            "EUR",
        )
        assert (second.is_default, second.timezone, second.default_currency) == (
            False,
            "UTC",
            "EUR",
        )

    def test_records_its_lists_with_it(self, organization):
        make_tax(organization, code="vat")
        new = NewBillingEntity(code="b", name="B", tax_codes=["vat"])

        create_billing_entity(organization.id, new, SYSTEM)

        [(_, action, changes)] = records()
        assert (action, changes["tax_codes"]) == ("created", [[], ["vat"]])

    def test_makes_nothing_with_an_unknown_tax(self, organization):
        before = everything()

        with pytest.raises(NotFound):
            create_billing_entity(
                organization.id, NewBillingEntity(code="b", name="B", tax_codes=["x"]), SYSTEM
            )

        assert everything() == before


class TestMakeDefault:
    def test_moves_the_flag_and_records_both(self, organization):
        make_billing_entity(organization, code="b")

        assert make_default(organization.id, "b", SYSTEM) is True
        assert make_default(organization.id, "b", SYSTEM) is False

        assert BillingEntity.objects.get(is_default=True).code == "b"
        assert records() == [
            ("billing_entity", "updated", {"is_default": [True, False]}),
            ("billing_entity", "updated", {"is_default": [False, True]}),
        ]

    def test_needs_an_active_one(self, organization):
        make_billing_entity(organization, code="b")
        archive_billing_entity(organization.id, "b", SYSTEM)

        for code in ("b", "none"):
            with pytest.raises(NotFound):
                make_default(organization.id, code, SYSTEM)


class TestArchiveBillingEntity:
    def test_archives_once_and_can_be_undone(self, organization):
        make_billing_entity(organization, code="b")

        done = [
            act(organization.id, "b", SYSTEM)
            for act in [archive_billing_entity] * 2 + [restore_billing_entity] * 2
        ]

        assert done == [True, False, True, False]
        assert BillingEntity.objects.get(code="b").archived_at is None
        assert len(records()) == 2

    def test_spares_the_default(self, organization):
        before = everything()

        with pytest.raises(Invalid):
            archive_billing_entity(organization.id, "acme_corp", SYSTEM)

        assert everything() == before

    @pytest.mark.django_db(transaction=True)
    def test_lets_no_customer_come_meanwhile(self):
        """Seen to fail when `freeze_configuration` locks nothing: nobody waits."""
        organization = make_organization()
        make_billing_entity(organization, code="b")
        change = wish("c1", billing_entity_code="b")

        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                archive_billing_entity(organization.id, "b", SYSTEM)
                customer = start(pool, lambda: write_customer(organization.id, change, SYSTEM))
                wait_until_waiting(1)
            with pytest.raises(NotFound):
                customer.result(20)

        assert Organization.objects.get().customers.count() == 0


class TestOtherOrganizations:
    @pytest.mark.parametrize("act", [make_default, archive_billing_entity, restore_billing_entity])
    def test_keep_their_billing_entities_to_themselves(self, organization, act):
        """Red when a billing entity is looked up by its code alone."""
        make_billing_entity(make_organization(), code="theirs")

        with pytest.raises(NotFound):
            act(organization.id, "theirs", SYSTEM)

    def test_have_codes_and_a_default_of_their_own(self, db):
        """Red when a new entity, or a change of one, looks at those of all organizations."""
        theirs = make_organization()  # with a default of the code acme_corp
        mine = create_organization(NewOrganization(name="Acme", slug="acme"), SYSTEM)

        made = create_billing_entity(
            mine.id, NewBillingEntity(code="acme_corp", name="Mine"), SYSTEM
        )
        for place, city in ((mine, "Ulm"), (theirs, "Bern")):
            change = BillingEntityChange(city=city)
            change_billing_entity(place.id, "acme_corp", change, SYSTEM)

        assert made.is_default
        cities = BillingEntity.objects.values_list("organization_id", "city")
        assert set(cities) == {(mine.id, "Ulm"), (theirs.id, "Bern")}
