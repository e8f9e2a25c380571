"""Clients that do something at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

WAIT = 60


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls on connections of their own, all from one barrier.

    Return what they return, or the exception they raise, in order.
    """
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(WAIT)
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(WAIT) for future in [pool.submit(run, call) for call in calls]]


def start(pool: ThreadPoolExecutor, call: Callable[[], Any]) -> Any:
    """Run a call on a connection of its own, and return its future."""

    def run() -> Any:
        try:
            return call()
        finally:
            connection.close()

    return pool.submit(run)


def is_waiting(count: int, *kinds: str) -> bool:
    """Return whether so many other connections wait for a lock: of these kinds, or of any."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(DISTINCT lock.pid) FROM pg_locks lock"
            " JOIN pg_stat_activity USING (pid) WHERE NOT lock.granted"
            " AND (lock.locktype = ANY(%(kinds)s) OR %(kinds)s = '{}')"
            " AND datname = current_database()",
            {"kinds": list(kinds)},
        )
        return bool(cursor.fetchone()[0] >= count)


def wait_until_waiting(count: int, *kinds: str) -> None:
    """Return once so many other connections wait for a lock: of these kinds, or of any."""
    pause = threading.Event()
    for _ in range(800):
        if is_waiting(count, *kinds):
            return
        pause.wait(0.025)
    raise AssertionError(f"nobody came to wait for a lock {kinds}")
