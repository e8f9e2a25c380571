"""PostgreSQL dies under load: clients hear 503, nothing acknowledged is lost, all goes on."""

import itertools
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.conftest import Answer
from tests.contract.server import SETUP, LiveServer, served

# `make soak` asks for more.
KILLS = int(os.environ.get("TARN_SOAK_KILLS", "2"))
WRITERS = 6


class Writer(threading.Thread):
    """Posts one new customer after the other, and keeps what it was told."""

    def __init__(self, server: LiveServer, key: str, name: str) -> None:
        super().__init__(daemon=True)
        self.client = server.client(key)
        self.prefix = name
        self.acknowledged: list[str] = []
        self.refused: list[Answer] = []
        self.ended = threading.Event()

    def run(self) -> None:
        numbers = itertools.count()
        while not self.ended.is_set():
            external_id = f"{self.prefix}-{next(numbers)}"
            body = {"customer": {"external_id": external_id, "name": "x"}}
            answer = self.client.post("/api/v1/customers", json=body)
            if answer.status == 200:
                self.acknowledged.append(external_id)
            else:
                self.refused.append(answer)
                time.sleep(0.05)
        self.client.close()


@pytest.fixture(scope="module")
def frail() -> Iterator[LiveServer]:
    """A server of its own, whose database is going to die."""
    with served() as server:
        server.manage("apply", str(SETUP))
        yield server


def wait_for_news(writers: list[Writer], count: int = 3) -> None:
    """Return once every writer has been told of so many more successes."""
    goals = [len(writer.acknowledged) + count for writer in writers]
    deadline = time.monotonic() + 60
    while any(len(one.acknowledged) < goal for one, goal in zip(writers, goals, strict=True)):
        assert time.monotonic() < deadline, [len(writer.refused) for writer in writers]
        assert all(writer.is_alive() for writer in writers)
        time.sleep(0.02)


def stored(server: LiveServer, key: str) -> dict[str, Any]:
    """Return all customers by external id, read page by page."""
    client, found, cursor = server.client(key), {}, ""
    while cursor is not None:
        answer = client.get(f"/api/v1/customers?per_page=1000&cursor={cursor}")
        assert answer.status == 200, answer.body
        found |= {one["external_id"]: one for one in answer.json()["customers"]}
        cursor = answer.json()["meta"]["next_cursor"]
    return found


class TestOutage:
    def test_loses_nothing_and_needs_no_restart(self, frail):
        """Fails with `synchronous_commit=off`, or when a dead connection stays in its thread."""
        key = frail.create_api_key("acme")
        before = {child.pid for child in psutil.Process(frail.process.pid).children(recursive=True)}
        writers = [Writer(frail, key, f"writer{number}") for number in range(WRITERS)]
        for writer in writers:
            writer.start()

        for _ in range(KILLS):
            wait_for_news(writers)
            frail.kill_database()
            wait_for_news(writers)
        for writer in writers:
            writer.ended.set()
            writer.join(30)

        found = stored(frail, key)
        refused = [answer for writer in writers for answer in writer.refused]
        assert {name for writer in writers for name in writer.acknowledged} <= found.keys()
        assert sorted(one["sequential_id"] for one in found.values()) == [*range(1, len(found) + 1)]
        assert refused
        for answer in refused:
            assert (answer.status, answer.headers["content-type"]) == (503, "application/json")
            assert answer.json()["code"] == "service_unavailable"
            assert int(answer.headers["Retry-After"]) > 0
        web = {child.pid for child in psutil.Process(frail.process.pid).children(recursive=True)}
        assert len(before & web) >= 3  # gunicorn and both of its workers

    def test_is_ready_again(self, frail):
        assert frail.client(None).get("/ready").status == 200
