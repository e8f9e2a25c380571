"""Restoring deleted customers: what comes back, what stands in the way, who wins a race."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, transaction
from django.db.models import F

import customers.restore as restoring
from billing.errors import Invalid, NotAllowed, NotFound
from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.models import Organization
from billing.organizations.write import archive_billing_entity
from billing.sections.write import delete_section
from billing.statements import Statement
from billing.taxes.write import delete_tax
from customers.delete import delete_customers
from customers.models import Customer, CustomerCounter
from customers.restore import restore_customers
from customers.write import RefusedBatch
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.billing.racing import start, together, wait_until_waiting
from tests.customers.builders import make_customer, make_customers
from tests.customers.posting import API, everything, leaves_no_trace, post, shown

STAFF = Actor(ChangeRecord.Door.STAFF, "Ann", id="7", reason="deleted by mistake")


def kept(organization: Organization) -> int:
    """Return how many customers the counter says are kept, having counted them as well."""
    counted = CustomerCounter.objects.get(organization=organization).kept
    assert counted == Customer.objects.filter(organization=organization).kept().count()
    return counted


def make_deleted(organization: Organization, external_id: str = "c1", **values: Any) -> Customer:
    """Make a customer and delete it."""
    customer = make_customer(organization, external_id=external_id, **values)
    delete_customers(organization.id, [external_id], API)
    return customer


class TestRestoreCustomers:
    def test_brings_everything_back(self, organization):
        make_tax(organization, code="city")
        make_section(organization, code="bank")
        make_payment_provider(organization)
        make_integration(organization)
        post(
            organization,
            name="Ann",
            tax_codes=["city"],
            invoice_custom_section_codes=["bank"],
            metadata=[{"key": "k", "value": "v"}],
            shipping_address={"city": "Lyon"},
            billing_configuration={"payment_provider": "stripe"},
            integration_customers=[{"integration_type": "netsuite", "external_customer_id": "1"}],
        )
        before = shown(organization)
        [customer] = Customer.objects.all()
        delete_customers(organization.id, ["c1"], API)

        restore_customers(organization.id, [customer.id], STAFF)

        after = shown(organization)
        assert after | {"updated_at": ""} == before | {"updated_at": ""}
        row = Customer.objects.get()
        assert (row.deleted_at, row.version) == (None, customer.version + 2)
        assert row.updated_at >= customer.updated_at
        assert (row.sequential_id, row.slug) == (customer.sequential_id, customer.slug)

    def test_records_it_and_counts_it(self, organization):
        gone = [make_deleted(organization, name) for name in ("a", "b", "c")]
        make_customer(organization)
        before = ChangeRecord.objects.count()

        restore_customers(organization.id, [gone[2].id, gone[0].id], STAFF)

        records = ChangeRecord.objects.filter(action="restored")
        assert {record.object_id for record in records} == {gone[2].id, gone[0].id}
        assert ChangeRecord.objects.count() == before + 2
        assert {
            (one.resource, one.door, one.actor_id, one.actor_name, one.reason, str(one.changes))
            for one in records
        } == {("customer", "staff", "7", "Ann", STAFF.reason, "{}")}
        assert kept(organization) == 3
        assert CustomerCounter.objects.get(organization=organization).last_number == 4

    def test_comes_without_taxes_and_sections_deleted_meanwhile(self, organization):
        for code in ("city", "vat"):
            make_tax(organization, code=code)
            make_section(organization, code=code)
        codes = ["city", "vat"]
        customer = make_deleted(organization, tax_codes=codes, invoice_custom_section_codes=codes)
        delete_tax(organization.id, "city", API)
        delete_section(organization.id, "vat", API)

        restore_customers(organization.id, [customer.id], STAFF)

        found = shown(organization)
        assert [tax["code"] for tax in found["taxes"]] == ["vat"]
        sections = found["applicable_invoice_custom_sections"]
        assert [section["code"] for section in sections] == ["city"]

    def test_stays_with_an_archived_billing_entity(self, organization):
        make_billing_entity(organization, code="fr")
        customer = make_deleted(organization, billing_entity_code="fr")
        archive_billing_entity(organization.id, "fr", API)

        restore_customers(organization.id, [customer.id], STAFF)

        assert shown(organization)["billing_entity_code"] == "fr"

    def test_can_be_written_and_deleted_again(self, organization):
        customer = make_deleted(organization)
        restore_customers(organization.id, [customer.id], STAFF)

        outcome = post(organization, name="Bob")
        delete_customers(organization.id, ["c1"], API)

        assert (outcome.customer_id, outcome.kind) == (customer.id, "updated")
        assert kept(organization) == 0

    def test_does_nothing_for_none(self, organization):
        before = everything()

        restore_customers(organization.id, [], STAFF)

        assert everything() == before

    def test_refuses_an_external_id_that_is_taken(self, organization):
        first, free = make_deleted(organization), make_deleted(organization, "c2")
        make_customer(organization, external_id="c1")

        with leaves_no_trace(RefusedBatch) as refusal:
            restore_customers(organization.id, [free.id, first.id], STAFF)

        [(place, error)] = refusal.value.refusals.items()
        assert (place, type(error)) == (1, Invalid)
        assert error.problems == {"external_id": ["value_already_exist"]}

    def test_refuses_the_second_of_two_that_had_one_external_id(self, organization):
        first, second = make_deleted(organization), make_deleted(organization)

        with leaves_no_trace(RefusedBatch) as refusal:
            restore_customers(organization.id, [second.id, first.id], STAFF)

        assert {n: type(one) for n, one in refusal.value.refusals.items()} == {1: Invalid}

    def test_refuses_all_if_one_is_not_there_or_not_deleted(self, organization):
        gone, present = make_deleted(organization), make_customer(organization)
        theirs = make_deleted(make_organization())
        ids = [gone.id, present.id, theirs.id, uuid4(), gone.id]

        with leaves_no_trace(RefusedBatch) as refusal:
            restore_customers(organization.id, ids, STAFF)

        found = refusal.value.refusals
        assert {n: type(error) for n, error in found.items()} == {
            1: NotAllowed,
            2: NotFound,
            3: NotFound,
            4: NotFound,
        }
        assert found[1].code == "customer_not_deleted"

    def test_lets_another_organization_have_the_same_external_id(self, organization):
        customer = make_deleted(organization)
        make_customer(make_organization(), external_id="c1")

        restore_customers(organization.id, [customer.id], STAFF)

        assert kept(organization) == 1

    def test_goes_back_with_the_callers_transaction(self, organization):
        customer = make_deleted(organization)
        before = everything()

        with transaction.atomic():
            restore_customers(organization.id, [customer.id], STAFF)
            transaction.set_rollback(True)

        assert everything() == before


@pytest.mark.django_db(transaction=True)
class TestRaces:
    @pytest.fixture
    def acme(self) -> Organization:
        return make_organization()

    def restore(self, acme: Organization, *customers: Customer) -> Any:
        ids = [customer.id for customer in customers]
        return lambda: restore_customers(acme.id, ids, STAFF)

    def test_either_comes_back_or_a_newcomer_has_its_external_id(self, acme):
        for number in range(1, 9):
            name = f"c{number}"
            customer = make_deleted(acme, name)

            restored, *upserts = together(
                self.restore(acme, customer),
                *[partial(post_only, acme, name, phone=str(n)) for n in range(3)],
            )

            if restored is None:
                assert upserts == [customer.id] * 3
                assert Customer.objects.kept().get(external_id=name).id == customer.id
            else:
                assert isinstance(restored, RefusedBatch)
                assert Customer.objects.kept().get(external_id=name).id == upserts[0]
            assert kept(acme) == number

    def test_is_refused_after_a_newcomer_that_was_first_at_the_counter(self, acme):
        """Seen to fail with `_ATTEMPTS` at one (an error of the database), and below."""
        restored, created = self.queue_at_the_counter(acme)

        [refusal] = restored.refusals.values()
        assert refusal.problems == {"external_id": ["value_already_exist"]}
        assert Customer.objects.kept().get().id == created
        assert kept(acme) == 1

    def test_ends_in_a_deadlock_with_the_counter_last(self, acme, monkeypatch):
        """The broken twin: it holds the external id while it waits for the counter."""

        class CounterLast(Statement):
            def rows(self, values: Any) -> list[Any]:
                Customer.objects.filter(id__in=values["ids"]).update(deleted_at=None)
                CustomerCounter.objects.filter(organization=acme).update(kept=F("kept") + 1)
                return []

        monkeypatch.setattr(restoring, "_RESTORE", CounterLast(restoring._RESTORE.text))

        answers = self.queue_at_the_counter(acme)

        assert any(isinstance(answer, OperationalError) for answer in answers)

    def queue_at_the_counter(self, acme: Organization) -> tuple[Any, Any]:
        """Have a newcomer, then a restore of the same external id wait for the counter."""
        customer = make_deleted(acme)
        with ThreadPoolExecutor(2) as pool:
            with transaction.atomic():
                CustomerCounter.objects.select_for_update().get(organization=acme)
                created = start(pool, lambda: post_only(acme, "c1"))
                wait_until_waiting(1)
                restored = start(pool, self.restore(acme, customer))
                wait_until_waiting(2)
            return _answer(restored), _answer(created)

    def test_one_of_two_restores_it(self, acme):
        for _ in range(4):
            customer = make_deleted(acme)

            answers = together(*[self.restore(acme, customer)] * 3)

            assert [type(answer) for answer in answers].count(RefusedBatch) == 2
            assert kept(acme) == 1
            delete_customers(acme.id, ["c1"], API)
        assert ChangeRecord.objects.filter(action="restored").count() == 4

    def test_one_of_two_that_had_the_same_external_id_comes_back(self, acme):
        twins = [make_deleted(acme), make_deleted(acme)]

        answers = together(*[self.restore(acme, customer) for customer in twins])

        assert sorted(type(answer).__name__ for answer in answers) == ["NoneType", "RefusedBatch"]
        assert kept(acme) == 1

    def test_loses_no_count_beside_deletes_and_upserts(self, acme):
        names = [f"c{n}" for n in range(10)]
        wishes = [{"external_id": name} for name in names]
        customers = make_customers(acme, wishes)

        for _ in range(4):
            delete_customers(acme.id, names[:5], API)
            answers = together(
                *[self.restore(acme, customer) for customer in customers[:3]],
                self.restore(acme, *customers[:5][::-1]),
                lambda: delete_customers(acme.id, names[::-1], API),
                lambda: make_customers(acme, wishes[3:]),
            )

            failed = [answer for answer in answers if isinstance(answer, Exception)]
            assert {type(answer) for answer in failed} <= {RefusedBatch}
            kept(acme)
            customers = make_customers(acme, wishes)
        actions = [*ChangeRecord.objects.values_list("action", flat=True)]
        came = actions.count("created") + actions.count("restored")
        assert came - actions.count("deleted") == kept(acme) == 10


def post_only(organization: Organization, external_id: str, **values: Any) -> Any:
    return make_customer(organization, external_id=external_id, **values).id


def _answer(future: Any) -> Any:
    try:
        return future.result(30)
    except Exception as error:
        return error
