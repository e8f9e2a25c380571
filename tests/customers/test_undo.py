"""Taking a batch back: all of it, but nothing that somebody else has done since."""

from uuid import uuid4

import pytest

from billing.errors import NotAllowed, NotFound
from billing.events.models import ChangeRecord
from customers.batches import Batch
from customers.bulk import run as running
from customers.change import CustomerChange
from customers.delete import delete_customers
from customers.models import Customer
from customers.undo import preview_undo, undo_batch
from customers.write import write_customers
from tests.billing.builders import make_organization, make_tax
from tests.customers.builders import make_customer, make_customers
from tests.customers.bulk.work import ANN, BOB, confirm, counts, left_out, preview, write


def imported(organization, *wishes):
    """Write these wishes as an import would: under a batch that runs elsewhere."""
    batch = Batch.objects.create(
        organization=organization, kind="import", state="done", door="import", actor_name="Ann"
    )
    changes = [CustomerChange.read(wish) for wish in wishes]
    for change in changes:
        write_customers(organization.id, [change], batch.actor)
    return batch


class TestUndoBatch:
    def test_puts_back_what_an_edit_changed(self, organization):
        make_tax(organization, code="vat")
        customers = make_customers(
            organization,
            [
                {"net_payment_term": 10, "metadata": [{"key": "po", "value": "1"}]},
                {"tax_codes": ["vat"]},
            ],
        )
        batch = confirm(
            preview(
                organization,
                customers,
                net_payment_term={"to": 30},
                tax_codes={"how": "set", "codes": []},
                metadata={"how": "remove", "key": "po"},
            )
        )

        undo = undo_batch(organization.id, batch.id, ANN)

        assert (undo.undoes, undo.state, counts(undo)) == (batch, "done", (2, 0, 0))
        one, two = customers
        one.refresh_from_db()
        two.refresh_from_db()
        assert (one.net_payment_term, two.net_payment_term) == (10, None)
        assert one.metadata.get().value == "1"
        assert two.applied_taxes.get().tax.code == "vat"

    def test_leaves_alone_what_somebody_changed_since(self, organization):
        """Fails when `_put_back` takes no notice of the records of others."""
        one, two = make_customers(organization, [{"net_payment_term": 10}, {"currency": "EUR"}])
        batch = confirm(
            preview(organization, [one, two], net_payment_term={"to": 30}, currency={"to": "USD"})
        )
        write(organization, one, net_payment_term=14)
        write(organization, two, net_payment_term=14, currency="GBP")

        undo = undo_batch(organization.id, batch.id, ANN)

        assert counts(undo) == (1, 0, 1)
        one.refresh_from_db()
        two.refresh_from_db()
        assert (one.net_payment_term, one.currency) == (14, None)
        assert (two.net_payment_term, two.currency) == (14, "GBP")
        why = undo.items.get(result="partly").why
        assert (why["code"], why["by"], why["paths"]) == (
            "changed_since", "shop", ["net_payment_term"],
        )  # fmt: skip

    def test_takes_a_field_that_somebody_put_back_as_undone(self, organization):
        customer = make_customer(organization, net_payment_term=10)
        batch = confirm(preview(organization, [customer], net_payment_term={"to": 30}))
        write(organization, customer, net_payment_term=10)

        assert counts(undo_batch(organization.id, batch.id, ANN)) == (0, 1, 0)

    def test_does_nothing_the_second_time(self, organization):
        customers = make_customers(organization, [{}, {}])
        batch = confirm(preview(organization, customers, net_payment_term={"to": 30}))
        undo_batch(organization.id, batch.id, ANN)
        before = ChangeRecord.objects.count()

        again = undo_batch(organization.id, batch.id, ANN)

        assert counts(again) == (0, 2, 0)
        assert ChangeRecord.objects.count() == before

    def test_can_be_taken_back_itself(self, organization):
        customer = make_customer(organization, net_payment_term=10)
        batch = confirm(preview(organization, [customer], net_payment_term={"to": 30}))
        undo = undo_batch(organization.id, batch.id, ANN)

        undo_batch(organization.id, undo.id, ANN)

        customer.refresh_from_db()
        assert customer.net_payment_term == 30

    @pytest.mark.parametrize("kind", ["delete", "restore"])
    def test_takes_deletions_and_restorations_back(self, organization, kind):
        customers = make_customers(organization, [{}, {}])
        if kind == "restore":
            delete_customers(organization.id, [one.external_id for one in customers], BOB)
        batch = confirm(preview(organization, customers, Batch.Kind(kind)))

        undo = undo_batch(organization.id, batch.id, ANN)

        assert counts(undo) == (2, 0, 0)
        assert Customer.objects.kept().count() == (2 if kind == "delete" else 0)

    def test_takes_an_import_back(self, organization):
        """Created ones go, changed ones are as before, whoever was named twice as well."""
        old = make_customer(organization, external_id="old", name="Old")
        batch = imported(
            organization,
            {"external_id": "new", "name": "New"},
            {"external_id": "old", "name": "A", "city": "Lyon"},
            {"external_id": "old", "name": "B"},
            {"external_id": "new", "name": "Newer"},
        )

        undo = undo_batch(organization.id, batch.id, ANN)

        assert counts(undo) == (2, 0, 0)
        assert Customer.objects.kept().get() == old
        old.refresh_from_db()
        assert (old.name, old.city) == ("Old", None)

    def test_keeps_what_an_import_created_once_somebody_worked_on_it(self, organization):
        """Fails when `_undo_arrival` deletes whatever others did."""
        batch = imported(organization, {"external_id": "new"})
        write(organization, Customer.objects.get(), name="Ours now")

        undo = undo_batch(organization.id, batch.id, ANN)

        assert counts(undo) == (0, 0, 1)
        assert set(left_out(undo).values()) == {"changed_since"}
        assert Customer.objects.kept().count() == 1

    def test_leaves_a_customer_deleted_that_somebody_deleted_since(self, organization):
        customer = make_customer(organization)
        batch = confirm(preview(organization, [customer], net_payment_term={"to": 30}))
        delete_customers(organization.id, [customer.external_id], BOB)

        undo = undo_batch(organization.id, batch.id, ANN)

        assert left_out(undo) == {customer.id: "changed_since"}

    def test_gives_an_external_id_back_that_the_batch_itself_took(self, organization, monkeypatch):
        """Fails when the items stand in the order of the changes."""
        monkeypatch.setattr(running, "CHUNK", 1)
        first = make_customer(organization, external_id="c1")
        batch = imported(organization, {"external_id": "c1", "name": "x"})
        delete_customers(organization.id, ["c1"], batch.actor)
        imported_again = CustomerChange.read({"external_id": "c1"})
        write_customers(organization.id, [imported_again], batch.actor)

        undo = undo_batch(organization.id, batch.id, ANN)

        assert counts(undo) == (2, 0, 0)
        assert Customer.objects.kept().get() == first
        first.refresh_from_db()
        assert first.name is None

    def test_goes_on_where_it_was_interrupted(self, organization, monkeypatch):
        monkeypatch.setattr(running, "CHUNK", 2)
        customers = make_customers(organization, [{} for _ in range(5)])
        batch = confirm(preview(organization, customers, net_payment_term={"to": 30}))

        def interrupt(undo):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            undo_batch(organization.id, batch.id, ANN, interrupt)
        half = Customer.objects.filter(net_payment_term=30).count()
        undo = undo_batch(organization.id, batch.id, ANN)

        assert half == 3
        assert counts(undo) == (5, 0, 0)
        assert Batch.objects.filter(undoes=batch).count() == 1

    def test_refuses_a_batch_of_another_organization(self, organization):
        batch = imported(make_organization(), {"external_id": "theirs"})

        for stranger in (batch.id, uuid4()):
            with pytest.raises(NotFound):
                undo_batch(organization.id, stranger, ANN)

    def test_refuses_a_batch_under_way(self, organization):
        batch = preview(organization, [make_customer(organization)], net_payment_term={"to": 1})

        with pytest.raises(NotAllowed):
            undo_batch(organization.id, batch.id, ANN)


class TestPreviewUndo:
    def test_foresees_and_changes_nothing(self, organization):
        one, two = make_customers(organization, [{}, {}])
        batch = confirm(preview(organization, [one, two], net_payment_term={"to": 30}))
        write(organization, two, net_payment_term=7)
        before = ChangeRecord.objects.count()

        undo = preview_undo(organization.id, batch.id, ANN)

        assert (undo.state, undo.forecast) == (
            "previewed", {"done": 1, "unchanged": 0, "skipped": 1},
        )  # fmt: skip
        assert ChangeRecord.objects.count() == before
