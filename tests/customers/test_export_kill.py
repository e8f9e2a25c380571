"""An export whose worker was killed is taken up again by itself, and written whole."""

import csv
import io
import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from customers import export as module
from customers.export import ask_for_export, write_export
from customers.models import Export
from customers.search import CustomerQuery
from customers.tasks import take_up_exports
from tests.contract.server import ROOT
from tests.customers.builders import make_customers
from tests.customers.imports.killed import database_url

# Writes an export, and stands still once it has begun.
STANDS_STILL = """
import sys, time, uuid
import django
django.setup()
from customers import export
def stand_still(cell):
    print("begun", flush=True)
    time.sleep(600)
export._text = stand_still
export.write_export(uuid.UUID(sys.argv[1]))
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_export_is_taken_up_again(organization, monkeypatch):
    """Red when the hold of a dead worker stays, or only waiting exports are looked for."""
    make_customers(organization, [{"external_id": f"c{n}"} for n in range(30)])
    person = get_user_model().objects.create_user("ann")
    export = ask_for_export(CustomerQuery(organization.pk), person.pk, ("customer",), "csv", "en")
    worker = subprocess.Popen(
        [sys.executable, "-c", STANDS_STILL, str(export.pk)],
        cwd=ROOT, stdout=subprocess.PIPE,
        env={**os.environ, "DATABASE_URL": database_url(),
             "DJANGO_SETTINGS_MODULE": "tests.settings"},
    )  # fmt: skip
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"begun\n"
    write_export(export.pk)  # held by the worker: nothing is done
    assert Export.objects.get().state == "running"

    worker.kill()
    worker.wait()
    Export.objects.update(touched_at=timezone.now() - timedelta(minutes=2))
    monkeypatch.setattr("customers.tasks.ask_to_write", _write_soon)
    take_up_exports(0)

    data = b"".join(module.pieces(Export.objects.get(state="done")))
    assert len(list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))) == 31


def _write_soon(export_id):
    """Do what a worker does at its next tries: the server may notice the death a moment later."""
    for _ in range(50):
        write_export(export_id)
        if Export.objects.get(pk=export_id).state == "done":
            return
        time.sleep(0.1)
