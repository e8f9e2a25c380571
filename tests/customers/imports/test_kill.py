"""Imports killed at any moment go on, and every row counts exactly once."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

from billing.models import ChangeRecord
from customers.imports.run import run_import
from customers.intakes import Import
from customers.models import Customer, CustomerCounter
from tests.contract.server import ROOT
from tests.customers.imports.bringing import counts, staged
from tests.customers.imports.files import write
from tests.customers.imports.killed import database_url

# `make soak` asks for fifty.
KILLS = int(os.environ.get("TARN_SOAK_KILLS", "3"))
ROWS = 1_000 + 250 * KILLS
REFUSED = 7  # every so many rows one is refused
SEED = int(os.environ.get("TARN_SOAK_SEED", "20261122"))
# Whoever still waits then waits for ever.
WAIT = 120

pytestmark = pytest.mark.django_db(transaction=True)


class Runners:
    """Runs imports in processes of their own, each started within milliseconds."""

    def __init__(self):
        self._root = subprocess.Popen(
            [sys.executable, "-m", "tests.customers.imports.killed"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "DATABASE_URL": database_url(),
                 "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )  # fmt: skip
        assert self._root.stdout is not None
        assert self._root.stdout.readline() == "ready\n"

    def start(self, intake, *words):
        """Return the number of a process that goes on with the import."""
        return self._ask("run", intake.pk, *words)

    def wait(self, number):
        """Return how a process ended."""
        return self._ask("wait", number)

    def kill(self, number):
        """Kill a process as nothing can catch it, unless it has come to its end."""
        os.kill(number, signal.SIGKILL)
        self.wait(number)

    def close(self):
        self._root.stdin.close()
        self._root.wait(WAIT)

    def _ask(self, *words):
        print(*words, file=self._root.stdin, flush=True)
        return int(self._root.stdout.readline())


@pytest.fixture(scope="module")
def runners(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), closing(Runners()) as found:
        yield found


def big_file(directory):
    lines = ["external_id,name,country"]
    lines += [f"c{n},Name {n},{'XX' if n % REFUSED == 0 else 'FR'}" for n in range(ROWS)]
    return write(directory, "\n".join(lines))


def kill_again_and_again(runners, intake, *words):
    """Kill it so many times at moments that the seed decides; return how often it was at work."""
    moments = random.Random(SEED)  # noqa: S311
    hits = 0
    for _ in range(KILLS):
        child = runners.start(intake, *words)
        wait_for_batches(intake, moments.randint(0, 2))
        time.sleep(moments.uniform(0.0, 0.05))
        runners.kill(child)
        intake.refresh_from_db()
        hits += intake.state == Import.State.RUNNING
        if intake.state == Import.State.DONE:
            break
    return hits


def wait_for_batches(intake, count):
    """Return once so many batches were written, or all of them."""
    place, deadline = intake.checkpoint, time.monotonic() + WAIT
    while count and intake.state != Import.State.DONE:
        assert time.monotonic() < deadline
        time.sleep(0.005)
        intake.refresh_from_db()
        count -= intake.checkpoint > place
        place = intake.checkpoint


def finish(runners, intake, *words):
    assert runners.wait(runners.start(intake, "whole", *words)) == 0
    intake.refresh_from_db()


class TestKill:
    def test_counts_every_row_once(self, organization, tmp_path, runners):
        """Fails when the checkpoint moves in a transaction of its own: see the next test."""
        print(f"seed {SEED}")  # noqa: T201
        intake = staged(organization, big_file(tmp_path))

        assert kill_again_and_again(runners, intake) > 0
        finish(runners, intake)

        refused = len(range(0, ROWS, REFUSED))
        assert counts(intake) == (ROWS - refused, 0, 0, refused)
        assert intake.behind == intake.total == ROWS
        assert Customer.objects.count() == ROWS - refused
        assert ChangeRecord.objects.filter(batch_id=intake.pk).count() == ROWS - refused
        numbers = Customer.objects.order_by("sequential_id").values_list("sequential_id", flat=True)
        assert list(numbers) == list(range(1, ROWS - refused + 1))
        counter = CustomerCounter.objects.get(organization=organization)
        assert (counter.last_number, counter.kept) == (ROWS - refused, ROWS - refused)

    def test_sees_the_broken_twin_lose_rows(self, organization, tmp_path, runners):
        """The twin moves the checkpoint first and writes after it: what was between is lost."""
        intake = staged(organization, big_file(tmp_path))

        kill_again_and_again(runners, intake, "twin")
        finish(runners, intake, "twin")

        assert Customer.objects.count() < ROWS - len(range(0, ROWS, REFUSED))

    def test_does_no_harm_when_two_go_on_at_once(self, organization, tmp_path, runners):
        intake = staged(organization, big_file(tmp_path))

        children = [runners.start(intake), runners.start(intake)]
        assert [runners.wait(child) for child in children] == [0, 0]

        intake.refresh_from_db()
        refused = len(range(0, ROWS, REFUSED))
        assert counts(run_import(intake)) == (ROWS - refused, 0, 0, refused)
        assert ChangeRecord.objects.filter(batch_id=intake.pk).count() == ROWS - refused
