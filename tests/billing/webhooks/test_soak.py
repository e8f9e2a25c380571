"""Many events, a receiver that fails a third of the time, a worker that is killed: all arrive."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from billing.models import Delivery, Event
from billing.webhooks.calls import CALLS_AT_ONCE
from tests.billing.builders import make_webhook_endpoint
from tests.contract.server import ROOT
from tests.customers.imports.killed import database_url

# `make soak` asks for ten thousand.
EVENTS = int(os.environ.get("TARN_SOAK_EVENTS", "240"))
ENDPOINTS = 3

pytestmark = pytest.mark.django_db(transaction=True)


class RolledBack(Exception):
    """Ends a transaction without its effect."""


@pytest.fixture
def answers(there):
    """Fail a third of the time; return which keys were told that all is well, and how often."""
    taken = Counter()
    luck = random.Random(5)  # noqa: S311  # no secret

    def answer(letter):
        with there.lock:
            is_bad = luck.random() < 1 / 3
            if not is_bad:
                taken[letter.headers["x-lago-unique-key"]] += 1
        return (500, {}, b"Oh no") if is_bad else (200, {}, b"")

    there.answer = answer
    return taken


def happen(organization, endpoints):
    """Commit the events, and roll back one more beside every tenth."""
    rows = [
        Event(
            organization=organization,
            event_type="customer.updated",
            object_type="customer",
            object_id=uuid4(),
            snapshot=json.dumps({"number": number}),
            endpoint_ids=[endpoints[number % len(endpoints)].pk],
        )
        for number in range(EVENTS)
    ]
    Event.objects.bulk_create(rows)
    for row in rows[::10]:
        try:
            with transaction.atomic():
                Event.objects.create(
                    organization=organization, event_type="customer.updated",
                    object_type="customer", object_id=uuid4(), snapshot='{"number": -1}',
                    endpoint_ids=row.endpoint_ids,
                )  # fmt: skip
                raise RolledBack
        except RolledBack:
            pass


def start():
    """Return a worker's process that is about to deliver."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.billing.webhooks.working"],
        cwd=ROOT, stdout=subprocess.PIPE,
        env={**os.environ, "DATABASE_URL": database_url(), "TARN_WEBHOOK_ALLOW_LOCAL": "1",
             "DJANGO_SETTINGS_MODULE": "tests.settings"},
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


def wait_for(count, there, child):
    deadline = time.monotonic() + 120
    while len(there.letters) < count and child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)


class TestSoak:
    def test_delivers_what_was_committed_although_a_worker_is_killed(
        self, organization, there, answers
    ):
        """Red when claims never end (what was in flight is lost), or the key changes by attempt."""
        endpoints = [
            make_webhook_endpoint(organization, webhook_url=f"{there.url}/{number}")
            for number in range(ENDPOINTS)
        ]
        happen(organization, endpoints)

        first = start()
        wait_for(EVENTS // 3, there, first)
        first.kill()
        first.wait()
        left = Delivery.objects.exclude(status="succeeded").count()
        # A minute passes.
        Delivery.objects.exclude(claimed_until=None).update(claimed_until=timezone.now())
        assert start().wait(60 + EVENTS / 20) == 0

        assert left > 0
        delivered = {
            str(pk)
            for pk in Delivery.objects.filter(status="succeeded").values_list("pk", flat=True)
        }
        assert len(delivered) == EVENTS == Delivery.objects.count()
        assert set(answers) == delivered
        numbers = {json.loads(one.body)["customer"]["number"] for one in there.letters}
        assert numbers == set(range(EVENTS))
        # At least once: twice only what was in flight when the first was killed.
        assert sum(answers.values()) - EVENTS <= CALLS_AT_ONCE
