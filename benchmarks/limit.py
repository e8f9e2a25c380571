"""The limit: Tarn's writer without HTTP, Django's connections or psycopg's own work.

`python -m benchmarks.limit SCENARIO CUSTOMERS RUN NUMBER CONNECTIONS SECONDS`, with DATABASE_URL
set, reads NUMBER changes beforehand (nothing is sent), prints "ready", waits for a line, then
writes them over libpq: look, decide, put, one change at a time on each connection, prepared as the
writer does it. Prints one line of JSON.
"""

import json
import os
import select
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings
from psycopg import pq
from psycopg.abc import PyFormat
from psycopg.adapt import Transformer
from psycopg.conninfo import make_conninfo

from benchmarks.scenarios import SCENARIOS, Bodies

if TYPE_CHECKING:
    from billing.statements import Statement
    from customers.write import CustomerWrite


def changes(scenario: str, customers: int, run: str, number: int) -> list["CustomerWrite"]:
    """Return `number` changes, ready to be written."""
    django.setup()
    from customers.change import CustomerChange
    from customers.write import CustomerWrite

    bodies = islice(Bodies(SCENARIOS[scenario], customers, run), number)
    return [CustomerWrite(CustomerChange.read(json.loads(one)["customer"])) for one in bodies]


def actor() -> dict[str, Any]:
    """Return the values that every statement of the writer shares."""
    from billing.events.actor import Actor
    from billing.events.models import ChangeRecord
    from billing.models import Organization

    [organization] = Organization.objects.all()
    one = Actor(ChangeRecord.Door.API, "bench", "00000000-0000-4000-8000-000000000009")
    return {"organization": organization.id, **one.values()}


class Line:
    """One connection, with one change under way."""

    def __init__(self, address: str, shared: dict[str, Any]) -> None:
        # Plans as the writer's connections have them: made once, not for each execution.
        options = settings.DATABASES["default"]["OPTIONS"]["options"]
        self.raw = pq.PGconn.connect(make_conninfo(address, options=options).encode())
        if self.raw.status != pq.ConnStatus.OK:
            raise SystemExit(self.raw.error_message.decode())
        self.shared = shared
        self.transformer = Transformer()
        self.prepared: dict[bytes, bytes] = {}
        self.raw.nonblocking = 1
        self.raw.enter_pipeline_mode()
        self.began = 0.0
        self.change: CustomerWrite | None = None
        self.has_looked = False

    def begin(self, change: "CustomerWrite") -> None:
        """Look at what a change is about."""
        self.began = time.perf_counter()
        self._look(change)

    def _look(self, change: "CustomerWrite") -> None:
        self.change, self.has_looked = change, False
        self._send([change.look.statement()], self.shared | change.look.values)

    def _send(self, statements: "list[Statement]", values: dict[str, Any]) -> None:
        for one in statements:
            text, bound = one._sent, one._bind(values)
            name = self.prepared.get(text)
            if name is None:
                name = self.prepared[text] = f"s{len(self.prepared)}".encode()
                self.raw.send_prepare(name, text)
            dumped = self.transformer.dump_sequence(bound, [PyFormat.TEXT] * len(bound))
            self.raw.send_query_prepared(name, dumped)
        self.raw.pipeline_sync()
        while self.raw.flush():
            pass

    def go_on(self) -> bool:
        """Take what has arrived and do what comes next; return whether the change is committed."""
        self.raw.consume_input()
        found = None
        while not self.raw.is_busy():
            result = self.raw.get_result()
            if result is None:
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                return self._next(found)
            if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
                raise SystemExit(result.error_message.decode())
            if found is None and result.status == pq.ExecStatus.TUPLES_OK:
                found = result.get_value(0, 0) if result.ntuples else b""
        return False

    def _next(self, found: bytes | None) -> bool:
        change = self.change
        assert change is not None
        if self.has_looked and found:
            return True
        if self.has_looked:  # somebody was faster
            self._look(change)
        else:
            self.has_looked = True
            self._put(change, (found or b"").decode())
        return False

    def _put(self, change: "CustomerWrite", looked: str) -> None:
        from customers.read import ONE
        from customers.write import Looked, decide, put_statement

        case = decide(*change._wish, Looked(looked))
        if case.refusal() or not case.changes:
            raise SystemExit("the writer refused a change, or found nothing to do")
        statement, values = put_statement([case])
        more = [] if case.is_plain else [ONE]
        values["external_id"] = case.sent["external_id"]
        self._send([statement, *more], self.shared | change.look.values | values)


def drive(lines: list[Line], found: "Iterator[CustomerWrite]", seconds: float) -> dict[str, Any]:
    """Keep every connection busy for `seconds` or until the changes are used up."""
    poll = select.epoll()
    by_descriptor = {line.raw.socket: line for line in lines}
    latencies: deque[float] = deque()
    cpu, began = time.process_time(), time.perf_counter()
    deadline = began + seconds
    for line in lines:
        poll.register(line.raw.socket, select.EPOLLIN)
        line.begin(next(found))
    busy = len(lines)
    while busy:
        for descriptor, _ in poll.poll():
            line = by_descriptor[descriptor]
            if not line.go_on():
                continue
            now = time.perf_counter()
            latencies.append(now - line.began)
            following = next(found, None) if now < deadline else None
            if following is None:
                busy -= 1
            else:
                line.begin(following)
    return {
        "requests": len(latencies),
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "latencies": [round(one, 6) for one in latencies],
    }


def main(arguments: list[str]) -> None:
    """Make the changes, wait for the word, send them."""
    scenario, customers, run, number, connections, seconds = arguments
    found = iter(changes(scenario, int(customers), run, int(number)))
    shared = actor()
    lines = [Line(os.environ["DATABASE_URL"], shared) for _ in range(int(connections))]
    print("ready", flush=True)
    # Warm up as HTTP peers do: plans are made and pages read before the clock runs.
    drive(lines, found, float(sys.stdin.readline()))
    print("warm", flush=True)
    sys.stdin.readline()
    print(json.dumps(drive(lines, found, float(seconds))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
