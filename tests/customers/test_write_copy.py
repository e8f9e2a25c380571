"""Customers from another system: what they bring along, and what they can't have."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from billing.errors import Invalid
from billing.events.actor import SYSTEM
from billing.events.models import ChangeRecord
from customers.change import CustomerChange
from customers.identity import Identity
from customers.models import Customer, CustomerMetadata
from customers.write import RefusedBatch, write_customers
from tests.billing.builders import make_organization
from tests.customers.builders import make_customer

MADE_AT = datetime(2020, 2, 29, 12, tzinfo=UTC)


def copy_of(external_id, number, *, key=None, parts=None, **values):
    identity = Identity(key or uuid4(), number, f"OLD-{number:03}", MADE_AT, parts or {})
    return CustomerChange.read({"external_id": external_id, **values}).keeping(identity)


def write(organization, *changes):
    outcomes = write_customers(organization.id, changes, SYSTEM)
    return [Customer.objects.get(pk=outcome.customer_id) for outcome in outcomes]


class TestWriteCustomers:
    def test_keeps_what_a_newcomer_is_known_by(self, organization):
        key = uuid4()

        [found] = write(organization, copy_of("a", 41, key=key))

        assert (found.id, found.sequential_id, found.slug) == (key, 41, "OLD-041")
        assert found.created_at == MADE_AT
        record = ChangeRecord.objects.get(object_id=key)
        assert record.action == "created"

    def test_numbers_others_after_those_that_bring_theirs(self, organization):
        """Take the numbers first, and the one in between gets 1, or breaks the unique index."""
        plain = CustomerChange.read({"external_id": "b"})

        found = write(organization, copy_of("a", 7), plain, copy_of("c", 3))
        [after] = write(organization, CustomerChange.read({"external_id": "d"}))

        assert [one.sequential_id for one in found] == [7, 8, 3]
        assert after.sequential_id == 9
        assert organization.customer_counter.kept == 4

    def test_leaves_a_customer_that_is_here_its_own(self, organization):
        before = make_customer(organization, external_id="a")

        [found] = write(organization, copy_of("a", 41, name="Ann"))

        assert found.name == "Ann"
        assert (found.id, found.sequential_id, found.slug, found.created_at) == (
            before.id, before.sequential_id, before.slug, before.created_at,
        )  # fmt: skip

    def test_refuses_a_number_that_is_taken(self, organization):
        make_customer(organization, external_id="first")
        records = ChangeRecord.objects.count()

        with pytest.raises(RefusedBatch) as refused:
            write(organization, copy_of("b", 2), copy_of("a", 1))

        assert isinstance(refused.value.refusals[1], Invalid)
        assert Customer.objects.filter(organization=organization).count() == 1
        assert ChangeRecord.objects.count() == records
        assert make_customer(organization).sequential_id == 2

    def test_takes_a_number_that_another_organization_has(self, organization):
        """Red when the numbers of all organizations are looked at."""
        make_customer(make_organization())

        [found] = write(organization, copy_of("a", 1))

        assert found.sequential_id == 1

    def test_gives_another_id_where_one_is_taken(self, organization):
        """Keep the id all the same, and the write breaks the primary key."""
        other = make_customer(make_organization(), external_id="a")

        [found] = write(organization, copy_of("a", 41, key=other.id))

        assert found.id != other.id
        assert found.sequential_id == 41

    def test_never_touches_metadata_of_another_organization(self, organization):
        """Keep a taken id, and this entry comes to hold what the copy says."""
        other = make_customer(make_organization(), metadata=[{"key": "k", "value": "theirs"}])
        entry = other.metadata.get()
        item = {"id": str(entry.id), "key": "k", "value": "ours"}

        write(organization, copy_of("a", 41, metadata=[item], parts={str(entry.id): None}))

        entry.refresh_from_db()
        assert (entry.value, entry.customer_id) == ("theirs", other.id)

    def test_keeps_ids_and_times_of_metadata(self, organization):
        key = str(uuid4())
        item = {"id": key, "key": "k", "value": "v"}
        parts = {key: "2021-01-01T00:00:00+00:00"}

        write(organization, copy_of("a", 41, metadata=[item], parts=parts))

        entry = CustomerMetadata.objects.get(pk=UUID(key))
        assert entry.created_at == datetime(2021, 1, 1, tzinfo=UTC)
