"""Bulk work beside programs that write the same customers."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from billing.errors import NotFound
from billing.events.models import ChangeRecord
from customers.batches import Batch
from customers.bulk import run as running
from customers.bulk.run import advance, run, start
from customers.bulk.tasks import resume_batches, run_batch
from customers.change import CustomerChange
from customers.delete import delete_customer
from customers.models import Customer
from customers.write import write_customer
from tests.billing.builders import make_organization
from tests.billing.racing import start as begin
from tests.billing.racing import together, wait_until_waiting
from tests.customers.builders import make_customers
from tests.customers.bulk.work import ANN, BOB, counts, preview, write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme() -> Any:
    """An organization whose rows other connections see."""
    return make_organization(name="Acme")


class TestBesideUpserts:
    def test_overwrites_nothing_that_came_after_the_preview(self, acme: Any) -> None:
        customers = make_customers(acme, [{"net_payment_term": 10} for _ in range(60)])
        batch = preview(acme, customers, net_payment_term={"to": 30})
        start(batch, ANN)

        def upsert() -> None:
            for one in customers[::2]:
                change = CustomerChange.read(
                    {"external_id": one.external_id, "net_payment_term": 14, "name": "API"}
                )
                write_customer(acme.id, change, BOB)

        done, failure = together(lambda: run(batch.id), upsert)

        assert failure is None
        assert done.done + done.skipped == 60
        for one in customers:
            history = ChangeRecord.objects.filter(object_id=one.id, action="updated")
            terms = [record.changes.get("net_payment_term") for record in history.order_by("id")]
            # Each one's old value is the new value before it, and the API's word is the last.
            assert [10, *[new for _, new in filter(None, terms)]][:-1] == [
                old for old, _ in filter(None, terms)
            ]
        assert set(Customer.objects.values_list("net_payment_term", flat=True)) == {14, 30}
        skipped = set(batch.items.filter(result="skipped").values_list("customer_id", flat=True))
        assert skipped <= {one.id for one in customers[::2]}

    def test_waits_for_an_upsert_under_way_and_then_leaves_the_customer_out(
        self, acme: Any
    ) -> None:
        """Fails when the customers are not held before their changes are looked for."""
        [customer] = make_customers(acme, [{"net_payment_term": 10}])
        batch = preview(acme, [customer], net_payment_term={"to": 30})
        start(batch, ANN)

        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                write(acme, customer, net_payment_term=14)
                running_batch = begin(pool, lambda: run(batch.id))
                wait_until_waiting(1)
            assert counts(running_batch.result(30)) == (0, 0, 1)

        customer.refresh_from_db()
        assert customer.net_payment_term == 14

    def test_comes_to_an_end_beside_deletions(self, acme: Any) -> None:
        customers = make_customers(acme, [{} for _ in range(40)])
        batch = preview(acme, customers, net_payment_term={"to": 30})
        start(batch, ANN)

        def delete() -> None:
            for one in reversed(customers):
                delete_customer(acme.id, one.external_id, BOB)

        done, failure = together(lambda: run(batch.id), delete)

        assert not isinstance(failure, NotFound)
        assert failure is None
        assert (done.state, done.done + done.skipped) == ("done", 40)


class TestTwoWorkers:
    def test_do_each_customer_once(self, acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fails when `advance` does not lock the batch."""
        monkeypatch.setattr(running, "CHUNK", 7)
        customers = make_customers(acme, [{} for _ in range(60)])
        batch = preview(acme, customers, net_payment_term={"to": 30})
        start(batch, ANN)

        together(lambda: run(batch.id), lambda: run(batch.id))

        batch.refresh_from_db()
        assert counts(batch) == (60, 0, 0)
        assert ChangeRecord.objects.filter(batch_id=batch.id).count() == 60

    def test_start_it_once(self, acme: Any) -> None:
        batch = preview(acme, make_customers(acme, [{}]), net_payment_term={"to": 30})

        begun = together(lambda: start(batch, ANN), lambda: start(batch, ANN))

        assert sorted(begun) == [False, True]


class TestJobs:
    def test_go_on_after_a_worker_was_killed(
        self, acme: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Fails when `resume_batches` does not look for batches that have gone quiet."""
        monkeypatch.setattr(running, "CHUNK", 2)
        batch = preview(acme, make_customers(acme, [{} for _ in range(5)]), currency={"to": "EUR"})
        start(batch, ANN)
        advance(batch.id)
        Batch.objects.update(moved_at="2020-01-01T00:00Z")

        resume_batches(0)
        resume_batches(0)

        [job] = ProcrastinateJob.objects.filter(task_name="customers.run_batch")
        run_batch(**job.args)
        batch.refresh_from_db()
        assert (batch.state, counts(batch)) == ("done", (5, 0, 0))
