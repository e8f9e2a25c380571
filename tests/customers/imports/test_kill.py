"""Imports killed at any moment go on, and every row counts exactly once."""

import os
import random
import subprocess
import sys
import time

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
ROWS = 1_000 + 400 * KILLS
REFUSED = 7  # every so many rows one is refused
SEED = int(os.environ.get("TARN_SOAK_SEED", "20261122"))

pytestmark = pytest.mark.django_db(transaction=True)


def big_file(directory):
    lines = ["external_id,name,country"]
    lines += [f"c{n},Name {n},{'XX' if n % REFUSED == 0 else 'FR'}" for n in range(ROWS)]
    return write(directory, "\n".join(lines))


def start(intake, *words):
    """Return a process that is about to go on with the import."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.customers.imports.killed", str(intake.pk), *words],
        cwd=ROOT, stdout=subprocess.PIPE,
        env={**os.environ, "DATABASE_URL": database_url(),
             "DJANGO_SETTINGS_MODULE": "tests.settings"},
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


def kill_again_and_again(intake, *words):
    """Kill it so many times at moments that the seed decides; return how often it was at work."""
    moments = random.Random(SEED)  # noqa: S311
    hits = 0
    for _ in range(KILLS):
        before = Import.objects.get(pk=intake.pk).checkpoint
        child = start(intake, *words)
        wait_until_past(intake, before, child)
        time.sleep(moments.uniform(0.0, 0.15))
        child.kill()
        child.wait()
        after = Import.objects.get(pk=intake.pk)
        hits += after.state == Import.State.RUNNING
        if after.state == Import.State.DONE:
            break
    return hits


def wait_until_past(intake, checkpoint, child):
    """Return once the child has written something, or is done."""
    deadline = time.monotonic() + 60
    while Import.objects.get(pk=intake.pk).checkpoint <= checkpoint and child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def finish(intake, *words):
    child = start(intake, *words)
    assert child.wait(120) == 0
    intake.refresh_from_db()


class TestKill:
    def test_counts_every_row_once(self, organization, tmp_path):
        """Fails when the checkpoint moves in a transaction of its own: see the next test."""
        print(f"seed {SEED}")  # noqa: T201
        intake = staged(organization, big_file(tmp_path))

        assert kill_again_and_again(intake) > 0
        finish(intake)

        refused = len(range(0, ROWS, REFUSED))
        assert counts(intake) == (ROWS - refused, 0, 0, refused)
        assert intake.behind == intake.total == ROWS
        assert Customer.objects.count() == ROWS - refused
        assert ChangeRecord.objects.filter(batch_id=intake.pk).count() == ROWS - refused
        numbers = Customer.objects.order_by("sequential_id").values_list("sequential_id", flat=True)
        assert list(numbers) == list(range(1, ROWS - refused + 1))
        counter = CustomerCounter.objects.get(organization=organization)
        assert (counter.last_number, counter.kept) == (ROWS - refused, ROWS - refused)

    def test_sees_the_broken_twin_lose_rows(self, organization, tmp_path):
        """The twin moves the checkpoint first and writes after it: what was between is lost."""
        intake = staged(organization, big_file(tmp_path))

        kill_again_and_again(intake, "twin")
        finish(intake, "twin")

        assert Customer.objects.count() < ROWS - len(range(0, ROWS, REFUSED))

    def test_does_no_harm_when_two_go_on_at_once(self, organization, tmp_path):
        intake = staged(organization, big_file(tmp_path))

        children = [start(intake), start(intake)]
        assert [child.wait(120) for child in children] == [0, 0]

        intake.refresh_from_db()
        refused = len(range(0, ROWS, REFUSED))
        assert counts(run_import(intake)) == (ROWS - refused, 0, 0, refused)
        assert ChangeRecord.objects.filter(batch_id=intake.pk).count() == ROWS - refused
