"""Jobs that wake: few of them, and none missing."""

import asyncio
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.worker import Worker

from billing import waking
from billing.waking import wake, work_off

pytestmark = pytest.mark.django_db


def jobs():
    found = ProcrastinateJob.objects.filter(task_name="tests.look", status="todo").order_by("id")
    return [job.scheduled_at for job in found]


def be_done(*, by_a_worker):
    """Have the job that waits be done."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        [worker] = cursor.fetchone()
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s",
            [worker if by_a_worker else None],
        )


class TestWake:
    def test_adds_a_job_where_none_waits(self):
        """Red without the look for one that waits."""
        for _ in range(3):
            wake("tests", "tests.look")

        assert jobs() == [None]

    def test_adds_one_for_later_while_somebody_is_at_it(self):
        """Red where every job is for now: under load each commit would wake all workers."""
        wake("tests", "tests.look")
        be_done(by_a_worker=True)

        wake("tests", "tests.look")
        wake("tests", "tests.look")

        [at] = jobs()
        assert at > timezone.now()

    def test_waits_for_nobody_who_is_gone(self):
        """Red where a job counts that no worker does any more."""
        wake("tests", "tests.look")
        be_done(by_a_worker=False)

        wake("tests", "tests.look")

        assert jobs() == [None]

    def test_adds_one_beside_what_comes_much_later(self):
        """Red where any job that waits counts: what retries wait for would keep the new back."""
        later = timezone.now() + timedelta(hours=1)
        wake("tests", "tests.look", later)
        wake("tests", "tests.look", later)
        wake("tests", "tests.look")
        wake("tests", "tests.look", later)

        assert jobs() == [later, None]


class Work:
    """Finds something to do at these looks."""

    def __init__(self, *finds):
        self.finds = finds
        self.looks = 0

    def __call__(self):
        self.looks += 1
        return self.looks in self.finds


@pytest.fixture
def quick(monkeypatch):
    """Look again at once, and not for long."""
    monkeypatch.setattr(waking, "PAUSE", 0.001)
    monkeypatch.setattr(waking, "PATIENCE", 0.05)

    async def look(do, *values):
        return do(*values)

    monkeypatch.setattr(waking, "in_database", look)


@pytest.mark.usefixtures("quick")
class TestWorkOff:
    def test_looks_again_before_it_ends(self):
        work = Work()

        asyncio.run(work_off(work))

        assert work.looks > 1

    def test_leaves_it_to_who_is_at_it(self):
        """Red without `_at_work`: each job that comes meanwhile would look for as long."""
        work = Work()

        async def twice():
            first = asyncio.create_task(work_off(work))
            await asyncio.sleep(0)
            before = work.looks
            await work_off(work)
            assert work.looks == before
            await first

        asyncio.run(twice())

    def test_stops_with_its_worker(self, monkeypatch):
        """Red without the look at the worker: where work never ends, neither would the worker. The
        worker is procrastinate's own: also red when another release ends it in another way."""
        woken = []
        monkeypatch.setattr(waking, "wake", lambda *what: woken.append(what))
        work = Work(*range(1, 10_000))

        context = Mock(job=Mock(queue="tests", task_name="tests.look"))

        async def stopped():
            worker = Worker(app)
            worker.stop()
            await waking.stops_with_worker(lambda: work_off(work), context, worker)

        asyncio.run(stopped())

        assert work.looks == 1
        assert woken == [("tests", "tests.look")]
