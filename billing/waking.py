"""How work that waits in a table gets done: the tables are the queue, jobs only wake.

Whoever puts rows in place calls `billing_wake` (migration `wake`) in the same transaction; it adds
a job only where none is waiting. A transaction may see a job waiting that is taken before the
transaction's commit, and adds none: so a job that was woken looks again, for a while. What comes
later even than that waits for the minute's job.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime
from time import monotonic
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from procrastinate.contrib.django import app
from procrastinate.job_context import JobContext
from procrastinate.worker import Worker

from billing.statements import run

# How often a job that was woken looks again, and for how long after it found something.
PAUSE = 0.05  # seconds
PATIENCE = 1.0

_worker: ContextVar[Worker | None] = ContextVar("worker", default=None)
_at_work: set[Callable[[], bool]] = set()
Found = TypeVar("Found")


def wake(queue: str, task: str, at: datetime | None = None) -> None:
    """Have a worker look, once this transaction is committed or then."""
    run("SELECT billing_wake(%s, %s, %s)", (queue, task, at))


async def stops_with_worker(
    go_on: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker
) -> Any:
    """Let a job know when its worker is to stop, and another worker go on; a task's middleware."""
    _worker.set(worker)
    done = await go_on()
    if is_stopping():
        await in_database(wake, context.job.queue, context.job.task_name)
    return done


def is_stopping() -> bool:
    """Return whether the worker that runs this job is to stop."""
    worker = _worker.get()
    # The worker tells nobody else; its jobs would be waited for, and then be cancelled.
    return worker is not None and worker._stop_event.is_set()


class Watch:
    """Says how long to go on looking."""

    def __init__(self) -> None:
        self.found()

    def found(self) -> None:
        """Note that there was something to do."""
        self._until = monotonic() + PATIENCE

    @property
    def is_over(self) -> bool:
        """Return whether nothing has come for long enough, or the worker is to stop."""
        return is_stopping() or monotonic() > self._until


async def work_off(do: Callable[[], bool]) -> None:
    """Do what waits, and what comes soon after; at once over where this process is at it already.

    :param do: does what waits; returns whether there was something.
    """
    if do in _at_work:
        return
    _at_work.add(do)
    try:
        watch = Watch()
        while True:
            if await in_database(do):
                watch.found()
            if watch.is_over:
                return
            await asyncio.sleep(PAUSE)
    finally:
        _at_work.discard(do)


async def in_database(work: Callable[..., Found], *values: Any) -> Found:
    """Run a function that talks to the database, beside what else the worker does."""
    return await sync_to_async(_fresh, thread_sensitive=True)(work, *values)


def _fresh(work: Callable[..., Found], *values: Any) -> Found:
    close_old_connections()
    return work(*values)


async def retake(queue: str) -> None:
    """Start the jobs of a queue anew whose worker has died; each must bear to be done twice."""
    for job in await app.job_manager.get_stalled_jobs(queue=queue):
        await app.job_manager.retry_job(job)
