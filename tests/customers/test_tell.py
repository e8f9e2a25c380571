"""What is told of customers: one event for each real change, as it was at that moment."""

import json
from functools import partial

import pytest
from django.db import transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from billing.events.actor import Actor
from billing.models import ChangeRecord, Event
from customers.change import CustomerChange
from customers.delete import delete_customer, delete_customers
from customers.read import customer_json
from customers.restore import restore_customers
from customers.write import write_customer, write_customers
from tests.billing.builders import make_organization, make_tax, make_webhook_endpoint
from tests.billing.racing import together
from tests.customers.builders import make_customer
from tests.customers.posting import API

pytestmark = pytest.mark.django_db


@pytest.fixture
def listener(organization):
    return make_webhook_endpoint(organization, event_types=None)


def write(organization, external_id="c1", actor=API, **values):
    change = CustomerChange.read({"external_id": external_id} | values)
    return write_customer(organization.pk, change, actor)


def told():
    return list(Event.objects.order_by("id").values_list("event_type", flat=True))


def jobs():
    return ProcrastinateJob.objects.filter(task_name="billing.deliver_webhooks").count()


class TestTellingOfWrites:
    """Leave out a condition of tell.sql: each of these turns red."""

    def test_tells_of_a_new_customer_as_the_api_shows_it(self, organization, listener):
        write(organization, name="Ann", metadata=[{"key": "po", "value": "1"}])

        [event] = Event.objects.all()
        record = ChangeRecord.objects.get(resource="customer")
        assert (event.event_type, event.object_type) == ("customer.created", "customer")
        assert json.loads(event.snapshot) == json.loads(customer_json(organization.pk, "c1")[1])
        assert (event.endpoint_ids, event.record_id) == ([listener.pk], record.pk)
        assert jobs() == 1

    @pytest.mark.parametrize(
        "values",
        [
            {"name": "Bob"},
            # As the form is parted where the time of the write belongs.
            {"name": 'Bob "updated_at":null', "city": '"updated_at":null'},
            {"shipping_address": {"city": "Paris"}},
            {"metadata": [{"key": "po", "value": "2"}]},
            {"billing_configuration": {"invoice_grace_period": 3}},
        ],
    )
    def test_tells_of_a_change_with_the_values_it_left(self, organization, listener, values):
        write(organization, name="Ann")

        write(organization, **values)

        assert told() == ["customer.created", "customer.updated"]
        last = Event.objects.latest("id")
        assert json.loads(last.snapshot) == json.loads(customer_json(organization.pk, "c1")[1])

    def test_tells_of_each_of_two_quick_changes_its_own_state(self, organization, listener):
        for name in ("Ann", "Bob", "Cid"):
            write(organization, name=name)

        snapshots = Event.objects.order_by("id").values_list("snapshot", flat=True)
        assert [json.loads(one)["name"] for one in snapshots] == ["Ann", "Bob", "Cid"]

    def test_tells_nothing_of_what_changes_nothing(self, organization, listener):
        write(organization, name="Ann")
        write(organization, name="Ann")

        assert told() == ["customer.created"]

    def test_tells_nothing_of_keys_that_are_not_in_the_payload(self, organization, listener):
        make_tax(organization, code="vat")
        write(organization)

        write(organization, tax_codes=["vat"])

        assert told() == ["customer.created"]

    def test_tells_nothing_of_what_was_rolled_back(self, organization, listener):
        with transaction.atomic():
            write(organization)
            transaction.set_rollback(True)

        assert told() == []
        assert jobs() == 0

    def test_tells_nothing_of_what_a_provider_brought_about(self, organization, listener):
        write(organization, name="Ann")

        write(organization, actor=Actor(ChangeRecord.Door.PROVIDER, "Stripe"), name="Bob")

        assert told() == ["customer.created"]

    def test_tells_nobody_if_nobody_wants_to_know(self, organization):
        make_webhook_endpoint(organization, event_types=["customer.deleted"])
        make_webhook_endpoint(make_organization(), event_types=None)

        write(organization)

        assert told() == []
        assert jobs() == 0

    def test_tells_of_a_whole_batch_with_one_job(self, organization, listener):
        make_customer(organization, external_id="same", name="Ann")
        Event.objects.all().delete()
        ProcrastinateJob.objects.all()._raw_delete("default")
        names = {"same": "Ann", "b": "Bob", "c": "Cid"}
        changes = [CustomerChange.read({"external_id": k, "name": v}) for k, v in names.items()]

        write_customers(organization.pk, changes, API)

        snapshots = Event.objects.order_by("id").values_list("snapshot", flat=True)
        assert [json.loads(one)["name"] for one in snapshots] == ["Bob", "Cid"]
        assert jobs() == 1


@pytest.mark.django_db(transaction=True)
class TestTellingInARace:
    def test_tells_once_of_each_record(self):
        """Leave out `latest.at = now()`: who was too slow tells of the other's change as well."""
        organization = make_organization()
        make_webhook_endpoint(organization, event_types=None)
        write(organization)
        names = [f"Name {number}" for number in range(8)]

        together(*(partial(write, organization, name=name) for name in names))

        records = ChangeRecord.objects.filter(resource="customer").values_list("id", flat=True)
        assert sorted(Event.objects.values_list("record_id", flat=True)) == sorted(records)
        assert len(records) == 9


class TestTellingOfEnds:
    def test_tells_of_a_deletion_only_those_who_name_it(self, organization, listener):
        named = make_webhook_endpoint(organization, event_types=["customer.deleted"])
        write(organization, name="Ann")

        delete_customer(organization.pk, "c1", API)

        last = Event.objects.latest("id")
        assert (last.event_type, last.endpoint_ids) == ("customer.deleted", [named.pk])
        assert json.loads(last.snapshot)["name"] == "Ann"

    def test_tells_of_each_of_many_deletions(self, organization):
        make_webhook_endpoint(organization, event_types=["customer.deleted"])
        for external_id in ("a", "b"):
            write(organization, external_id)

        delete_customers(organization.pk, ["a", "b"], API)

        assert told() == ["customer.deleted", "customer.deleted"]

    def test_tells_of_a_restored_customer_as_of_a_new_one(self, organization, listener):
        customer = make_customer(organization, external_id="c1")
        delete_customer(organization.pk, "c1", API)
        Event.objects.all().delete()

        restore_customers(organization.pk, [customer.pk], API)

        assert told() == ["customer.created"]
