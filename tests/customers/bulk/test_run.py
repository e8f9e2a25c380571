"""Bulk work: what was previewed is what is done, and nothing else."""

import pytest
from django.utils import timezone

from billing.errors import NotAllowed
from billing.events.models import ChangeRecord
from customers.batches import Batch
from customers.bulk import run as running
from customers.bulk.run import prepare, run, start, stop
from customers.delete import delete_customers
from customers.models import Customer, CustomerCounter
from tests.billing.builders import make_billing_entity, make_organization, make_tax
from tests.customers.builders import make_customer, make_customers
from tests.customers.bulk.work import ANN, BOB, confirm, counts, left_out, preview, write


@pytest.fixture
def three(organization):
    """Three customers, payable in 10, 20 and 30 days."""
    return make_customers(organization, [{"net_payment_term": days} for days in (10, 20, 30)])


class TestPreview:
    def test_foresees_without_changing_anything(self, organization, three):
        """Fails when the savepoint is kept instead of rolled back."""
        before = ChangeRecord.objects.count()

        batch = preview(organization, three, net_payment_term={"to": 30})

        assert batch.forecast == {"done": 2, "unchanged": 1, "skipped": 0}
        assert batch.state == "previewed"
        assert ChangeRecord.objects.count() == before
        assert sorted(Customer.objects.values_list("net_payment_term", flat=True)) == [10, 20, 30]

    def test_foresees_what_a_rule_refuses(self, organization):
        notes = [{"key": f"k{n}", "value": "x"} for n in range(5)]
        full, free = make_customers(organization, [{"metadata": notes}, {}])

        batch = preview(
            organization, [full, free], metadata={"how": "set", "key": "po", "value": "1"}
        )

        assert batch.forecast == {"done": 1, "unchanged": 0, "skipped": 1}
        assert left_out(batch) == {full.id: "refused"}

    def test_begins_only_once(self, organization, three):
        """Fails when `start` does not ask for the state it leaves."""
        batch = preview(organization, three, net_payment_term={"to": 30})

        assert start(batch, ANN)
        assert not start(batch, ANN)

    def test_must_be_there_before_the_work_begins(self, organization, three):
        batch = prepare(organization.id, Batch.Kind.DELETE, ANN, Customer.objects.all())

        with pytest.raises(NotAllowed):
            start(batch, ANN)


class TestEdit:
    def test_changes_each_customer_with_a_record_of_the_batch(self, organization, three):
        batch = confirm(preview(organization, three, net_payment_term={"to": 30}))

        assert counts(batch) == (2, 1, 0)
        assert set(Customer.objects.values_list("net_payment_term", flat=True)) == {30}
        records = ChangeRecord.objects.filter(batch_id=batch.id)
        assert sorted(record.changes["net_payment_term"] for record in records) == [
            [10, 30], [20, 30],
        ]  # fmt: skip
        assert {(one.door, one.actor_name, one.reason) for one in records} == {
            ("staff", "Ann", "ticket 12")
        }

    def test_leaves_out_who_was_changed_in_that_field_since(self, organization, three):
        """Fails when `changes_since_seen` finds nothing."""
        batch = preview(organization, three, net_payment_term={"to": 30})
        write(organization, three[0], net_payment_term=14)

        confirm(batch)

        batch.refresh_from_db()
        assert counts(batch) == (1, 1, 1)
        [item] = batch.items.filter(result="skipped")
        assert item.customer_id == three[0].id
        assert (item.why["code"], item.why["by"]) == ("changed_since_preview", "shop")
        three[0].refresh_from_db()
        assert three[0].net_payment_term == 14

    def test_takes_who_was_changed_in_another_field_along(self, organization, three):
        batch = preview(organization, three, net_payment_term={"to": 30})
        write(organization, three[0], name="Ann Ltd", currency="USD")

        assert counts(confirm(batch)) == (2, 1, 0)
        three[0].refresh_from_db()
        assert (three[0].net_payment_term, three[0].name) == (30, "Ann Ltd")

    def test_touches_no_customer_that_matches_only_now(self, organization, three):
        batch = preview(organization, three, net_payment_term={"to": 30})
        late = make_customer(organization, net_payment_term=5)

        confirm(batch)

        late.refresh_from_db()
        assert late.net_payment_term == 5

    def test_leaves_out_who_was_deleted_since(self, organization, three):
        batch = preview(organization, three, net_payment_term={"to": 30})
        delete_customers(organization.id, [three[0].external_id], BOB)

        batch = confirm(batch)

        assert left_out(batch) == {three[0].id: "changed_since_preview"}

    @pytest.mark.parametrize(
        ("how", "codes"), [("add", ["a", "b", "c"]), ("set", ["b", "c"]), ("remove", ["a"])]
    )
    def test_sets_adds_and_removes_taxes(self, organization, how, codes):
        for code in "abc":
            make_tax(organization, code=code)
        customer = make_customer(organization, tax_codes=["a", "b"])

        confirm(preview(organization, [customer], tax_codes={"how": how, "codes": ["b", "c"]}))

        assert sorted(customer.applied_taxes.values_list("tax__code", flat=True)) == codes

    def test_sets_and_removes_one_note(self, organization):
        customer = make_customer(organization, metadata=[{"key": "po", "value": "1"}])

        confirm(preview(organization, [customer], metadata=_set("vip", "y")))
        confirm(preview(organization, [customer], metadata=_set("po", "2")))
        both = dict(customer.metadata.values_list("key", "value"))
        confirm(preview(organization, [customer], metadata={"how": "remove", "key": "po"}))

        assert both == {"po": "2", "vip": "y"}
        assert dict(customer.metadata.values_list("key", "value")) == {"vip": "y"}

    def test_says_so_if_what_it_names_is_gone(self, organization, three):
        make_billing_entity(organization, code="fr")
        batch = preview(organization, three, billing_entity_code={"to": "fr"})
        organization.billing_entities.filter(code="fr").update(archived_at=timezone.now())

        batch = confirm(batch)

        assert counts(batch) == (0, 0, 3)
        assert set(left_out(batch).values()) == {"billing_entity_not_found"}


class TestEnds:
    def test_deletes_and_restores(self, organization, three):
        """Red when external ids of other organizations count as taken."""
        make_customers(make_organization(), [{"external_id": one.external_id} for one in three])
        deleted = confirm(preview(organization, three, Batch.Kind.DELETE))
        gone = Customer.objects.kept().filter(organization=organization).count()
        restored = confirm(preview(organization, three, Batch.Kind.RESTORE))

        assert (counts(deleted), gone) == ((3, 0, 0), 0)
        assert counts(restored) == (3, 0, 0)
        assert CustomerCounter.objects.get(organization=organization).kept == 3

    def test_deletes_nobody_who_was_changed_since_the_preview(self, organization, three):
        batch = preview(organization, three, Batch.Kind.DELETE)
        write(organization, three[1], name="New")

        assert counts(confirm(batch)) == (2, 0, 1)
        assert Customer.objects.kept().get() == three[1]

    def test_restores_nobody_whose_external_id_was_taken(self, organization):
        customer = make_customer(organization, external_id="c1")
        delete_customers(organization.id, ["c1"], BOB)
        batch = preview(organization, [customer], Batch.Kind.RESTORE)
        make_customer(organization, external_id="c1")

        batch = confirm(batch)

        assert batch.forecast["done"] == 1
        assert left_out(batch) == {customer.id: "external_id_taken"}


class TestRun:
    def test_goes_on_exactly_where_a_killed_worker_left_it(self, organization, monkeypatch):
        """Fails when the position moves in a transaction of its own, before or after the write."""
        monkeypatch.setattr(running, "CHUNK", 2)
        customers = make_customers(organization, [{} for _ in range(5)])
        batch = preview(organization, customers, net_payment_term={"to": 30})
        start(batch, ANN)
        running.advance(batch.id)
        monkeypatch.setattr(running, "_note", _die)
        with pytest.raises(KeyboardInterrupt):
            running.advance(batch.id)
        half = Customer.objects.filter(net_payment_term=30).count()
        monkeypatch.undo()

        batch = run(batch.id)

        assert half == 2
        assert counts(batch) == (5, 0, 0)
        assert ChangeRecord.objects.filter(batch_id=batch.id).count() == 5

    def test_stops_where_it_is(self, organization, monkeypatch):
        monkeypatch.setattr(running, "CHUNK", 2)
        customers = make_customers(organization, [{} for _ in range(5)])
        batch = preview(organization, customers, net_payment_term={"to": 30})
        start(batch, ANN)
        running.advance(batch.id)

        assert stop(batch)

        assert run(batch.id).state == "stopped"
        assert Customer.objects.filter(net_payment_term=30).count() == 2

    def test_touches_no_other_organization(self, organization):
        """Fails when `freeze_matches` leaves the organization out."""
        theirs = make_customer(make_organization(), net_payment_term=5)

        batch = confirm(preview(organization, [theirs], net_payment_term={"to": 30}))

        theirs.refresh_from_db()
        assert (batch.total, theirs.net_payment_term) == (0, 5)


def _die(*_args):
    raise KeyboardInterrupt


def _set(key, value):
    return {"how": "set", "key": key, "value": value}
