"""Deleting customers, one over HTTP and many at once (customers.md 6)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import transaction

import customers.delete as deleting
from billing.errors import NotFound, Stale
from billing.events.actor import SYSTEM, Actor
from billing.events.models import ChangeRecord
from billing.models import Organization
from billing.statements import Statement
from customers.delete import delete_customer, delete_customers
from customers.models import AppliedTax, Customer, CustomerCounter, CustomerMetadata
from customers.write import Precondition, RefusedBatch
from tests.billing.builders import (
    make_integration,
    make_organization,
    make_payment_provider,
    make_tax,
)
from tests.billing.racing import start, together, wait_until_waiting
from tests.customers.builders import make_customer, make_customers
from tests.customers.calls import CUSTOMERS, NOT_FOUND, post
from tests.customers.posting import API, everything, leaves_no_trace
from tests.customers.posting import post as write


def kept(organization: Organization) -> int:
    """Return how many customers the counter says are kept, having counted them as well."""
    counted = CustomerCounter.objects.get(organization=organization).kept
    assert counted == Customer.objects.filter(organization=organization).kept().count()
    return counted


class TestDelete:
    def test_answers_the_customer_as_it_was(self, api, organization):
        make_tax(organization, code="city")
        make_payment_provider(organization)
        make_integration(organization)
        body = {
            "external_id": "c1",
            "tax_codes": ["city"],
            "metadata": [{"key": "k", "value": "v"}],
            "shipping_address": {"city": "Lyon"},
            "billing_configuration": {"payment_provider": "stripe"},
            "integration_customers": [
                {"integration_type": "netsuite", "external_customer_id": "1"}
            ],
        }
        before = post(api, body)

        answer = api.delete(f"{CUSTOMERS}/c1")

        assert (answer.status, answer.body) == (200, before.body)
        assert "ETag" not in answer.headers
        assert answer.headers["Content-Type"] == "application/json"

    def test_hides_the_customer_and_keeps_what_hangs_on_it(self, api, organization):
        make_tax(organization, code="city")
        customer = make_customer(
            organization,
            external_id="c1",
            tax_codes=["city"],
            metadata=[{"key": "k", "value": "v"}],
        )

        api.delete(f"{CUSTOMERS}/c1")

        assert api.get(f"{CUSTOMERS}/c1").body == NOT_FOUND
        row = Customer.objects.get(pk=customer.pk)
        assert row.deleted_at is not None
        assert (row.version, row.updated_at) == (2, row.deleted_at)
        assert (row.external_id, row.sequential_id, row.slug) == (
            customer.external_id,
            customer.sequential_id,
            customer.slug,
        )
        assert AppliedTax.objects.filter(customer=customer).count() == 1
        assert CustomerMetadata.objects.filter(customer=customer).count() == 1

    def test_records_it_once_and_counts_it_off(self, api, organization):
        customer, _ = make_customers(organization, [{"external_id": "c1"}, {}])
        before = ChangeRecord.objects.count()

        api.delete(f"{CUSTOMERS}/c1")

        [*_, record] = ChangeRecord.objects.order_by("id")
        assert ChangeRecord.objects.count() == before + 1
        assert (record.resource, record.object_id) == ("customer", customer.id)
        assert (record.action, record.door, record.changes) == ("deleted", "api", {})
        assert record.actor_name == "tests"
        assert kept(organization) == 1
        assert CustomerCounter.objects.get(organization=organization).last_number == 2

    def test_is_not_found_a_second_time(self, api, organization):
        make_customer(organization, external_id="c1")
        api.delete(f"{CUSTOMERS}/c1")
        before = everything()

        answer = api.delete(f"{CUSTOMERS}/c1")

        assert (answer.status, answer.body) == (404, NOT_FOUND)
        assert everything() == before

    def test_is_replayed_with_an_idempotency_key(self, api, organization):
        make_customer(organization, external_id="c1")
        first = api.delete(f"{CUSTOMERS}/c1", headers={"Idempotency-Key": "k"})
        before = everything()

        again = api.delete(f"{CUSTOMERS}/c1", headers={"Idempotency-Key": "k"}, body=b"{ignored")

        assert (again.status, again.body) == (200, first.body)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert everything() == before

    def test_frees_the_id_for_a_newcomer_that_inherits_nothing(self, api, organization):
        old = make_customer(organization, external_id="c1", name="Ann", currency="EUR")
        api.delete(f"{CUSTOMERS}/c1")

        new = post(api, {"external_id": "c1"}, **{"If-None-Match": "*"}).json()["customer"]

        assert new["lago_id"] != str(old.id)
        assert (new["sequential_id"], new["slug"]) == (2, "ACM-1A2B-002")
        assert (new["name"], new["currency"]) == (None, None)
        assert kept(organization) == 1

    @pytest.mark.parametrize(
        "path, external_id",
        [("a%2Fportal_url", "a/portal_url"), ("%2E%2E", ".."), ("a/b/", "a/b/"), ("%C3%A9", "é")],
    )
    def test_takes_any_character_from_the_undecoded_path(
        self, api, organization, path, external_id
    ):
        make_customers(organization, [{"external_id": external_id}, {"external_id": "a"}])

        assert api.delete(f"{CUSTOMERS}/{path}").status == 200
        assert Customer.objects.kept().get().external_id == "a"

    def test_does_not_know_our_own_id(self, api, organization):
        customer = make_customer(organization)

        assert api.delete(f"{CUSTOMERS}/{customer.id}").body == NOT_FOUND
        assert kept(organization) == 1


class TestPrecondition:
    def test_deletes_if_a_tag_matches(self, api, organization):
        for header in ("*", "{}", '"no", {}'):
            tag = post(api, {"external_id": "c1"}).headers["ETag"]

            answer = api.delete(f"{CUSTOMERS}/c1", headers={"If-Match": header.format(tag)})

            assert answer.status == 200, header

    @pytest.mark.parametrize("header", ['"no"', "", "x", '"*"'])
    def test_refuses_if_none_matches_and_says_the_present_tag(self, api, header):
        tag = post(api, {"external_id": "c1"}).headers["ETag"]
        before = everything()

        answer = api.delete(f"{CUSTOMERS}/c1", headers={"If-Match": header})

        assert answer.status == 412
        assert answer.json()["code"] == "precondition_failed"
        assert answer.headers["ETag"] == tag
        assert everything() == before

    @pytest.mark.parametrize("header", ["*", '"no"', "x"])
    def test_looks_for_the_customer_first(self, api, organization, header):
        answer = api.delete(f"{CUSTOMERS}/none", headers={"If-Match": header})

        assert (answer.status, answer.body) == (404, NOT_FOUND)

    def test_ignores_if_none_match(self, api, organization):
        make_customer(organization, external_id="c1")

        assert api.delete(f"{CUSTOMERS}/c1", headers={"If-None-Match": "*"}).status == 200


class TestDeleteCustomers:
    ACTOR = Actor(ChangeRecord.Door.STAFF, "Ann", id="7", reason="closed")

    def test_deletes_many_in_one_go(self, organization):
        customers = make_customers(organization, [{"external_id": f"c{n}"} for n in range(5)])

        deleted = delete_customers(organization.id, ["c3", "c0", "c4"], self.ACTOR)

        assert deleted == [customers[n].id for n in (3, 0, 4)]
        assert {customer.external_id for customer in Customer.objects.kept()} == {"c1", "c2"}
        assert kept(organization) == 2
        records = ChangeRecord.objects.filter(action="deleted")
        assert {record.object_id for record in records} == set(deleted)
        assert {(record.door, record.actor_name, record.reason) for record in records} == {
            ("staff", "Ann", "closed")
        }

    def test_deletes_all_or_none_and_names_each_place(self, organization):
        make_customers(organization, [{"external_id": f"c{n}"} for n in range(3)])
        make_customer(make_organization(), external_id="theirs")

        with leaves_no_trace(RefusedBatch) as refusal:
            delete_customers(organization.id, ["c0", "x", "c0", "c1", "theirs"], self.ACTOR)

        assert {
            place: (type(error), error.resource) for place, error in refusal.value.refusals.items()
        } == dict.fromkeys((1, 2, 4), (NotFound, "customer"))

    def test_does_nothing_for_none(self, organization):
        before = everything()

        assert delete_customers(organization.id, [], self.ACTOR) == []
        assert everything() == before

    def test_refuses_one_that_changed_meanwhile(self, organization):
        opened = write(organization, "c1")
        now = write(organization, "c1", name="Ann")
        assert opened.tag is not None

        with leaves_no_trace(Stale) as refusal:
            delete_customer(organization.id, "c1", self.ACTOR, Precondition((opened.tag,)))

        assert refusal.value.current == now.tag

    def test_goes_back_with_the_callers_transaction(self, organization):
        make_customer(organization, external_id="c1")
        before = everything()

        with transaction.atomic():
            delete_customer(organization.id, "c1", SYSTEM)
            transaction.set_rollback(True)

        assert everything() == before


@pytest.mark.django_db(transaction=True)
class TestRaces:
    @pytest.fixture
    def acme(self) -> Organization:
        return make_organization()

    def delete(self, acme: Organization, external_id: str = "c1") -> Any:
        return lambda: delete_customer(acme.id, external_id, API)

    def test_one_of_two_deletes_it(self, acme):
        """Without `deleted_at IS NULL` where the row is deleted and locked, both do."""
        for _ in range(5):
            make_customer(acme, external_id="c1")

            answers = together(*[self.delete(acme)] * 4)

            assert sorted(type(answer).__name__ for answer in answers) == [
                *["NotFound"] * 3,
                "bytes",
            ]
            assert kept(acme) == 0
        assert ChangeRecord.objects.filter(action="deleted").count() == 5

    def test_shows_what_was_written_while_it_waited(self, acme):
        """With `_LOCK` replaced by SELECT 1, the old metadata are shown."""
        make_customer(acme, external_id="c1", name="Ann", metadata=[{"key": "k", "value": "old"}])

        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                write(acme, "c1", name="Bob", metadata=[{"key": "k", "value": "new"}])
                deletion = start(pool, self.delete(acme))
                wait_until_waiting(1)
            shown = deletion.result(20)

        assert b'"name":"Bob"' in shown
        assert b'"new"' in shown
        assert kept(acme) == 0

    def test_deletes_what_is_created_between_its_statements(self, acme, monkeypatch):
        """The statement that deletes finds a customer that the lock before it did not."""
        made: list[Customer] = []

        class Gate(Statement):
            def rows(self, values: Any) -> list[Any]:
                rows = super().rows(values)
                creation = start(pool, lambda: make_customer(acme, external_id="c1"))
                made.append(creation.result(20))
                return rows

        monkeypatch.setattr(deleting, "_LOCK", Gate(deleting._LOCK.text))
        with ThreadPoolExecutor(1) as pool, transaction.atomic():
            delete_customer(acme.id, "c1", API)

        assert Customer.objects.get(pk=made[0].pk).deleted_at is not None
        assert kept(acme) == 0

    def test_loses_no_count_beside_upserts_and_bulk_deletes(self, acme):
        """With the counter touched before the rows are locked, calls end in a deadlock."""
        names = [f"c{n}" for n in range(12)]
        wishes = [{"external_id": name} for name in names]

        def bulk() -> Any:
            try:
                return delete_customers(acme.id, names[::-1], API)
            except RefusedBatch:
                return []

        for _ in range(4):
            answers = together(
                lambda: make_customers(acme, wishes),
                lambda: make_customers(acme, wishes[::-1]),
                bulk,
                *[self.delete(acme, name) for name in names[:4]],
            )

            failed = [
                answer
                for answer in answers
                if isinstance(answer, Exception) and not isinstance(answer, NotFound)
            ]
            assert not failed
            kept(acme)
        counter = CustomerCounter.objects.get(organization=acme)
        numbers = Customer.objects.filter(organization=acme).order_by("sequential_id")
        assert list(numbers.values_list("sequential_id", flat=True)) == list(
            range(1, counter.last_number + 1)
        )
        actions = ChangeRecord.objects.filter(organization=acme).values_list("action", flat=True)
        assert [*actions].count("created") - [*actions].count("deleted") == counter.kept
