"""The limit: what Tarn's writer sends, sent without HTTP, Django or psycopg's own work.

`python -m benchmarks.limit SCENARIO CUSTOMERS RUN NUMBER CONNECTIONS SECONDS`, with DATABASE_URL
set, has the writer make the statements of NUMBER changes beforehand (nothing is sent), prints
"ready", waits for a line, then sends them over libpq: one at a time on each connection, prepared
and pipelined as the writer does it. Prints one line of JSON.
"""

import json
import os
import select
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, NoReturn

import django
import psycopg
from psycopg import pq
from psycopg.abc import PyFormat
from psycopg.adapt import Transformer

from benchmarks.scenarios import SCENARIOS, Bodies


class Sent(NamedTuple):
    """One statement as it goes over the wire."""

    text: bytes
    parameters: Sequence[Any]


def changes(scenario: str, customers: int, run: str, number: int) -> list[list[Sent]]:
    """Return what the writer sends for each of `number` changes."""
    django.setup()
    from billing import statements
    from billing.events.actor import Actor
    from billing.events.models import ChangeRecord
    from billing.models import Organization
    from customers.change import CustomerChange
    from customers.write import write_customer

    [organization] = Organization.objects.all()
    actor = Actor(ChangeRecord.Door.API, "bench", "00000000-0000-4000-8000-000000000009")
    statements.run_together = _note  # type: ignore[assignment]
    found = []
    for body in islice(Bodies(SCENARIOS[scenario], customers, run), number):
        change = CustomerChange.read(json.loads(body)["customer"])
        try:
            write_customer(organization.id, change, actor)
        except Noted as noted:
            found.append(noted.sent)
    return found


class Noted(Exception):
    """Stops the writer where it would send."""

    def __init__(self, sent: list[Sent]) -> None:
        self.sent = sent


def _note(
    connection: psycopg.Connection[Any], statements: Sequence[tuple[bytes, Sequence[Any]]]
) -> NoReturn:
    transformer = Transformer(connection)
    raise Noted([
        Sent(text, transformer.dump_sequence(values, [PyFormat.TEXT] * len(values)))
        for text, values in statements
    ])  # fmt: skip


class Line:
    """One connection, with one change under way."""

    def __init__(self, address: str) -> None:
        self.raw = pq.PGconn.connect(address.encode())
        if self.raw.status != pq.ConnStatus.OK:
            raise SystemExit(self.raw.error_message.decode())
        self.prepared: dict[bytes, bytes] = {}
        self.raw.nonblocking = 1
        self.raw.enter_pipeline_mode()
        self.began = 0.0

    def send(self, change: list[Sent]) -> None:
        """Send the statements of one change and ask for the commit."""
        self.began = time.perf_counter()
        for one in change:
            name = self.prepared.get(one.text)
            if name is None:
                name = self.prepared[one.text] = f"s{len(self.prepared)}".encode()
                self.raw.send_prepare(name, one.text)
            self.raw.send_query_prepared(name, one.parameters)
        self.raw.pipeline_sync()
        while self.raw.flush():
            pass

    def receive(self) -> bool:
        """Take what has arrived; return whether the change is committed."""
        self.raw.consume_input()
        while not self.raw.is_busy():
            result = self.raw.get_result()
            if result is None:
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                return True
            if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
                raise SystemExit(result.error_message.decode())
            if result.ntuples and result.nfields > 2 and result.get_value(0, 2) is None:
                raise SystemExit("the writer refused a change")
        return False


def drive(lines: list[Line], found: Iterator[list[Sent]], seconds: float) -> dict[str, Any]:
    """Keep every connection busy for `seconds` or until the changes are used up."""
    poll = select.epoll()
    by_descriptor = {line.raw.socket: line for line in lines}
    latencies: deque[float] = deque()
    cpu, began = time.process_time(), time.perf_counter()
    deadline = began + seconds
    for line in lines:
        poll.register(line.raw.socket, select.EPOLLIN)
        line.send(next(found))
    busy = len(lines)
    while busy:
        for descriptor, _ in poll.poll():
            line = by_descriptor[descriptor]
            if not line.receive():
                continue
            now = time.perf_counter()
            latencies.append(now - line.began)
            following = next(found, None) if now < deadline else None
            if following is None:
                busy -= 1
            else:
                line.send(following)
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
    lines = [Line(os.environ["DATABASE_URL"]) for _ in range(int(connections))]
    print("ready", flush=True)
    # Warm up as HTTP peers do: plans are made and pages read before the clock runs.
    drive(lines, found, float(sys.stdin.readline()))
    print("warm", flush=True)
    sys.stdin.readline()
    print(json.dumps(drive(lines, found, float(seconds))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
