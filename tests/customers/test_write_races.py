"""Clients that write at the same moment (customers.md 2.1, 2.12)."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

import customers.write as writer
from billing.models import Organization
from billing.statements import Statement
from customers.write import Outcome, write_customer
from tests.billing.builders import make_organization
from tests.customers.posting import API, shown, wish

pytestmark = pytest.mark.django_db(transaction=True)

GATE = 7_700_001
_WAIT = 20


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls on connections of their own, all from one barrier; return what they return."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(_WAIT)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(_WAIT) for future in [pool.submit(run, call) for call in calls]]


@contextmanager
def between_lock_and_write(
    monkeypatch: pytest.MonkeyPatch, call: Callable[[], Any], meanwhile: Callable[[], Any]
) -> Iterator["Future[Any]"]:
    """Run the call; once it has taken its locks, run `meanwhile`; then let it write."""
    before, _, _ = writer.LOCK.text.rpartition("FROM locked")
    gated = Statement(f"{before}, pg_advisory_xact_lock_shared({GATE}) FROM locked")
    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [GATE])
            with monkeypatch.context() as patch:
                patch.setattr(writer, "LOCK", gated)
                begun = start(pool, call)
                _until_waiting(1)
            start(pool, meanwhile).result(_WAIT)
        yield begun


def _until_waiting(count: int, kind: str = "advisory") -> None:
    """Return once so many others wait for a lock of this kind."""
    deadline = threading.Event()
    for _ in range(400):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(DISTINCT lock.pid) FROM pg_locks lock"
                " JOIN pg_stat_activity USING (pid)"
                " WHERE NOT lock.granted AND lock.locktype = %s AND datname = current_database()",
                [kind],
            )
            if cursor.fetchone()[0] >= count:
                return
        deadline.wait(0.025)
    raise AssertionError(f"nobody came to wait for {kind}")


def start(pool: ThreadPoolExecutor, call: Callable[[], Any]) -> "Future[Any]":
    """Run a call on a connection of its own."""

    def run() -> Any:
        try:
            return call()
        finally:
            connection.close()

    return pool.submit(run)


def write(organization: Organization, external_id: str, /, **values: Any) -> Outcome:
    return write_customer(organization.id, wish(external_id, **values), API)


class TestOneRow:
    def test_loses_no_field_of_a_customer_created_between_lock_and_look(self, monkeypatch):
        """A writer saw no customer to lock; somebody created it, and somebody else is changing it.

        Seen to lose the name with `unlocked` taken out of `compare.sql`: the writer then found
        the customer, wrote it without a lock, and put back what it had read.
        """
        acme = make_organization()
        written, enough = threading.Event(), threading.Event()

        def change_the_name() -> None:
            with transaction.atomic():
                write(acme, "c1", name="Ann")
                written.set()
                assert enough.wait(_WAIT)

        def create_it_and_begin_a_change() -> None:
            write(acme, "c1", city="Lyon")
            changes.append(start(pool, change_the_name))
            assert written.wait(_WAIT)

        changes: list[Future[Any]] = []
        with ThreadPoolExecutor(1) as pool:
            with between_lock_and_write(
                monkeypatch, lambda: write(acme, "c1", phone="1"), create_it_and_begin_a_change
            ) as late:
                _until_waiting(1, "transactionid")
                enough.set()
                outcome = late.result(_WAIT)
            changes[0].result(_WAIT)

        found = shown(acme)
        assert (found["name"], found["phone"], found["city"]) == ("Ann", "1", "Lyon")
        assert outcome.diff == {"phone": [None, "1"]}
