"""Taking a change back: what comes back, what stands in the way, what the rules refuse."""

from typing import Any

import pytest

from billing.errors import Invalid, Stale
from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.models import Organization
from customers.history import ChangedSince, customer_as_of, revert_change, reverting, timeline
from customers.models import Customer, IntegrationLink, ProviderLink
from customers.write import Outcome
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.posting import everything, leaves_no_trace, post, shown
from tests.customers.test_history import LATER

ANN = Actor(ChangeRecord.Door.STAFF, "Ann", id="7", reason="wrong customer")


def last() -> int:
    """Return the id of the newest change record of a customer."""
    record = ChangeRecord.objects.filter(resource="customer").latest("id")
    return record.id


def revert(organization: Organization, record: int | None = None, **options: Any) -> Outcome:
    return revert_change(organization.id, record or last(), ANN, **options)


def values(organization: Organization) -> dict[str, Any]:
    """Return the present values by path, without the ids of entries."""
    customer = Customer.objects.get()
    then = customer_as_of(organization.id, customer.id, LATER)
    assert then is not None
    for path in ("metadata", "integration_customers"):
        for entry in then.values[path]:
            del entry["lago_id"]
        then.values[path].sort(key=str)
    return then.values


class TestPutsBack:
    @pytest.fixture(autouse=True)
    def world(self, organization):
        make_billing_entity(organization, code="fr")
        for code in ("c1", "c2"):
            make_tax(organization, code=code)
            make_section(organization, code=code)
        make_payment_provider(organization, type="stripe", code="s1")
        make_payment_provider(organization, type="stripe", code="s2")
        make_payment_provider(organization, type="adyen", code="a1")
        make_integration(organization, type="netsuite", code="n1")
        make_integration(organization, type="netsuite", code="n2")
        make_integration(organization, type="salesforce", code="sf")

    STRIPE = {
        "payment_provider": "stripe",
        "payment_provider_code": "s1",
        "provider_customer_id": "cus_1",
        "sync_with_provider": True,
        "provider_payment_methods": ["card", "sepa_debit"],
    }
    NETSUITE = {"integration_type": "netsuite", "integration_code": "n1"}
    LINKED = {**NETSUITE, "external_customer_id": "1", "subsidiary_id": "2"}
    SYNCED = {**NETSUITE, "sync_with_provider": True}
    SALESFORCE = {"integration_type": "salesforce", "external_customer_id": "sf1"}

    @pytest.mark.parametrize(
        "before, change",
        [
            ({"name": "Ann", "url": ""}, {"name": None, "url": None}),
            ({"email": "a@b.co, c@d.eu"}, {"email": "x@y.zz"}),
            ({"net_payment_term": 0}, {"net_payment_term": 30}),
            ({"finalize_zero_amount_invoice": "skip"}, {"finalize_zero_amount_invoice": None}),
            ({"account_type": "partner"}, {"account_type": "customer"}),
            ({"billing_entity_code": "fr"}, {"billing_entity_code": "acme_corp"}),
            ({}, {"shipping_address": {"city": "Lyon", "country": "FR"}}),
            ({"shipping_address": {"city": "Lyon"}}, {"shipping_address": {"city": None}}),
            ({"tax_codes": ["c1", "c2"]}, {"tax_codes": ["c2"]}),
            ({}, {"tax_codes": ["c1"]}),
            ({"metadata": [{"key": "a", "value": "x"}]}, {"metadata": []}),
            (
                {"metadata": [{"key": key, "value": "x"} for key in "abc"]},
                {"metadata": [{"key": "b", "value": "y", "display_in_invoice": True}]},
            ),
            ({"invoice_custom_section_codes": ["c1"]}, {"invoice_custom_section_codes": ["c2"]}),
            ({"invoice_custom_section_codes": ["c1"]}, {"skip_invoice_custom_sections": True}),
            ({"skip_invoice_custom_sections": True}, {"invoice_custom_section_codes": ["c1"]}),
            ({}, {"billing_configuration": {"document_locale": "fr", "invoice_grace_period": 3}}),
            ({}, {"billing_configuration": STRIPE}),
            ({"billing_configuration": STRIPE}, {"billing_configuration": {"sync": True}}),
            (
                {"billing_configuration": STRIPE},
                {"billing_configuration": {"payment_provider": None, "document_locale": "de"}},
            ),
            (
                {"billing_configuration": STRIPE},
                {"billing_configuration": {"payment_provider_code": "s2"}},
            ),
            (
                {"billing_configuration": STRIPE},
                {"billing_configuration": {"payment_provider": "adyen", "sync": True}},
            ),
            ({"integration_customers": [LINKED]}, {"integration_customers": []}),
            ({"integration_customers": [LINKED, SALESFORCE]}, {"integration_customers": [LINKED]}),
            (
                {"integration_customers": [LINKED]},
                {"integration_customers": [NETSUITE | {"integration_code": "n2"}]},
            ),
            ({}, {"integration_customers": [SYNCED]}),
            ({"integration_customers": [SYNCED]}, {"integration_customers": []}),
        ],
    )
    def test_what_there_was(self, organization, before, change):
        post(organization, phone="1", **before)
        was = values(organization)
        post(organization, **change)
        record = ChangeRecord.objects.get(id=last())

        outcome = revert(organization)

        assert values(organization) == was
        assert outcome.kind == "updated"
        assert outcome.diff.keys() == record.changes.keys()

    def test_a_link_that_is_synchronized_and_has_its_id_by_now(self, organization):
        post(organization, integration_customers=[self.SYNCED])
        IntegrationLink.objects.update(external_customer_id="8841")
        was = values(organization)
        post(organization, integration_customers=[self.NETSUITE | {"sync_with_provider": False}])

        revert(organization)

        assert values(organization) == was

    def test_entries_that_are_still_there_under_their_ids(self, organization):
        post(organization, metadata=[{"key": "a", "value": "x"}, {"key": "b", "value": "y"}])
        was = shown(organization)["metadata"]
        swapped = [
            {"id": one["lago_id"], "key": other["key"]}
            for one, other in zip(was, was[::-1], strict=True)
        ]
        post(organization, metadata=swapped)

        revert(organization)

        assert shown(organization)["metadata"] == was

    def test_a_reversion(self, organization):
        post(organization, name="Ann")
        post(organization, name="Bob")
        revert(organization)

        revert(organization)

        assert shown(organization)["name"] == "Bob"


class TestRecord:
    def test_names_what_was_reverted_and_why(self, organization):
        post(organization, name="Ann")
        customer_id = post(organization, name="Bob", city="Lyon").customer_id
        record = last()

        revert(organization)

        entry = timeline(organization.id, customer_id)[0]
        assert entry.reason == f"Reverts change {record} (name, city): wrong customer"
        assert (entry.action, entry.door, entry.actor_id) == ("updated", "staff", "7")
        assert [tuple(change) for change in entry.changes] == [
            ("name", "Bob", "Ann"),
            ("city", "Lyon", None),
        ]

    def test_is_not_written_if_all_is_as_it_was_already(self, organization):
        post(organization, name="Ann")
        post(organization, name="Bob")
        record = last()
        post(organization, name="Ann")
        before = everything()

        outcome = revert(organization, record)

        assert outcome.kind == "unchanged"
        assert everything() == before


class TestPaths:
    def test_puts_back_only_those(self, organization):
        post(organization, name="Ann", city="Nice")
        post(organization, name="Bob", city="Lyon", shipping_address={"city": "Metz"})

        revert(organization, paths=["city", "shipping_address.city"])

        found = shown(organization)
        assert (found["name"], found["city"], found["shipping_address"]["city"]) == (
            "Bob",
            "Nice",
            None,
        )

    def test_refuses_one_that_the_change_did_not_touch(self, organization):
        post(organization, name="Ann")
        post(organization, name="Bob")

        with leaves_no_trace(Invalid) as refusal:
            revert(organization, paths=["name", "city"])

        assert refusal.value.problems == {"city": ["not_in_change"]}

    def test_brings_a_provider_back_with_its_link(self, organization):
        make_payment_provider(organization, type="stripe")
        make_payment_provider(organization, type="adyen")
        stripe = {"payment_provider": "stripe", "provider_customer_id": "cus_1"}
        post(organization, name="Ann", billing_configuration=stripe)
        was = shown(organization)["billing_configuration"]
        post(organization, name="Bob", billing_configuration={"payment_provider": "adyen"})

        revert(organization, paths=["billing_configuration.provider_customer_id"])

        found = shown(organization)
        assert (found["name"], found["billing_configuration"]) == ("Bob", was)

    def test_leaves_the_rest_of_a_link_that_stayed(self, organization):
        make_payment_provider(organization, type="stripe")
        post(organization, billing_configuration={"payment_provider": "stripe"})
        post(
            organization,
            billing_configuration={"sync": True, "provider_payment_methods": ["sepa_debit"]},
        )

        revert(organization, paths=["billing_configuration.sync"])

        link = ProviderLink.objects.get()
        assert (link.sync, link.provider_payment_methods) == (False, ["sepa_debit"])


class TestChangedSince:
    @pytest.fixture
    def record(self, organization):
        """The change of name and city, before the name changed twice again."""
        post(organization, name="Ann", city="Nice")
        post(organization, name="Bob", city="Lyon")
        record = last()
        post(organization, name="Cid")
        post(organization, actor=ANN, name="Dan", phone="1")
        return record

    def test_refuses_all_and_shows_the_latest_change(self, organization, record):
        with leaves_no_trace(ChangedSince) as refusal:
            revert(organization, record)

        [(path, entry)] = refusal.value.latest.items()
        assert (path, entry.id, entry.actor_name) == ("name", last(), "Ann")

    def test_puts_back_the_paths_that_nobody_touched(self, organization, record):
        revert(organization, record, paths=["city"])

        found = shown(organization)
        assert (found["name"], found["city"]) == ("Dan", "Nice")

    def test_puts_back_what_is_forced(self, organization, record):
        revert(organization, record, force=["name"])

        found = shown(organization)
        assert (found["name"], found["city"], found["phone"]) == ("Ann", "Nice", "1")

    def test_forces_no_other_path(self, organization, record):
        post(organization, city="Metz")

        with leaves_no_trace(ChangedSince) as refusal:
            revert(organization, record, force=["city"])

        assert refusal.value.latest.keys() == {"name"}

    def test_puts_back_the_rest_of_a_change_taken_back_in_part(self, organization):
        post(organization, name="Ann", city="Nice")
        post(organization, name="Bob", city="Lyon")
        record = last()
        revert(organization, record, paths=["name"])

        revert(organization, record)

        found = shown(organization)
        assert (found["name"], found["city"]) == ("Ann", "Nice")

    def test_refuses_a_list_whatever_entry_of_it_changed(self, organization):
        post(organization, metadata=[{"key": "a", "value": "1"}])
        post(organization, metadata=[{"key": "a", "value": "2"}])
        record = last()
        post(organization, metadata=[{"key": "a", "value": "2"}, {"key": "b", "value": "2"}])

        with leaves_no_trace(ChangedSince) as refusal:
            revert(organization, record)

        assert refusal.value.latest.keys() == {"metadata"}

    def test_refuses_to_change_what_was_not_asked_for(self, organization):
        """Sections came off; then skipping them was switched on: their return switches it off."""
        make_section(organization, code="bank")
        post(organization, invoice_custom_section_codes=["bank"])
        post(organization, invoice_custom_section_codes=[])
        record = last()
        post(organization, skip_invoice_custom_sections=True)

        with leaves_no_trace(Invalid) as refusal:
            revert(organization, record)

        assert refusal.value.problems == {"skip_invoice_custom_sections": ["would_change_too"]}
        revert(organization, record, force=["skip_invoice_custom_sections"])
        assert shown(organization)["skip_invoice_custom_sections"] is False

    @pytest.mark.parametrize("others", [1, 9])
    def test_is_looked_for_again_if_somebody_is_faster(self, organization, monkeypatch, others):
        """With `_ATTEMPTS` at one, a change of something else meanwhile makes it stale."""
        post(organization, name="Ann")
        post(organization, name="Bob")
        record = last()
        write, phones = reverting.write_customer, iter(range(others))

        def slowly(*arguments: Any) -> Outcome:
            for phone in phones:
                post(organization, phone=str(phone))
                break
            return write(*arguments)

        monkeypatch.setattr(reverting, "write_customer", slowly)
        if others == 9:
            with pytest.raises(Stale):
                revert(organization, record)
        else:
            revert(organization, record)

        found = shown(organization)
        assert (found["name"], others) in (("Ann", 1), ("Bob", 9))
