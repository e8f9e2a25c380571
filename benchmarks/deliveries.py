"""Webhooks: how many a worker delivers, how soon, and who keeps whom waiting.

`python -m benchmarks.deliveries`.
"""

import argparse
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median

import psycopg

from benchmarks import report, world
from benchmarks.peers import ROOT, TARN
from benchmarks.processes import tree_cpu
from config.embedded import Cluster

SNAPSHOT = ROOT / "customers" / "example.json"
LATENCIES = 40
EMPTY = "bench_deliveries_empty"
MANAGE = (sys.executable, str(ROOT / "manage.py"))

_EVENT = """
WITH told AS (
    INSERT INTO billing_event
        (organization_id, event_type, object_type, object_id, snapshot, endpoint_ids)
    SELECT id, 'customer.updated', 'customer', gen_random_uuid(), %s,
        (SELECT array_agg(id) FROM billing_webhookendpoint)
    FROM billing_organization, generate_series(1, %s)
    RETURNING 1
)
SELECT billing_wake('webhooks', 'billing.deliver_webhooks') WHERE EXISTS (SELECT FROM told)
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one worker came to."""

    rate: float
    median_ms: float
    worst_ms: float
    cpu_ms: float


class Arrivals:
    """When letters arrived."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.changed = threading.Condition()

    def wait_for(self, count: int, seconds: float) -> bool:
        """Wait until so many have come."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.times) >= count, seconds)


@contextmanager
def receiver(arrivals: Arrivals) -> Iterator[int]:
    """Run somebody who takes everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            with arrivals.changed:
                arrivals.times.append(time.time())
                arrivals.changed.notify_all()
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


@contextmanager
def troublemakers() -> Iterator[list[str]]:
    """Have one address that takes calls and never answers, and one where nobody listens."""
    with socket.create_server(("127.0.0.1", 0), backlog=1_000) as silent, socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        yield [f"http://127.0.0.1:{one.getsockname()[1]}/" for one in (silent, dead)]


def main() -> None:
    """Measure, print and write it if told to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deliveries", description=__doc__)
    parser.add_argument("--events", type=int, default=3_000)
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    asked = parser.parse_args()
    before = report.busy()
    cluster = world.start()
    try:
        empty = _environment(world.make_database(cluster, EMPTY))
        subprocess.run([*MANAGE, "migrate", "-v0"], env=empty, check=True)
        found = [_measure(cluster, asked.events, algorithm) for algorithm in ("hmac", "jwt")]
        with troublemakers() as others:
            found.append(_measure(cluster, asked.events, "hmac", others))
    finally:
        cluster.stop()
    table = _table(found)
    print(table)
    if asked.write:
        report.write_deliveries(asked.events, table, before)


def _table(found: list[Figures]) -> str:
    heads = ["", "hmac", "jwt", "hmac, beside a silent and a dead endpoint", "must"]
    rows = [
        ["webhooks a second", *(f"{one.rate:,.0f}" for one in found), "150"],
        ["commit to delivery, median", *(f"{one.median_ms:.0f} ms" for one in found), "100 ms"],
        [f"the slowest of {LATENCIES}", *(f"{one.worst_ms:.0f} ms" for one in found), ""],
        ["worker's CPU for a webhook", *(f"{one.cpu_ms:.2f} ms" for one in found), ""],
    ]
    return report.table(heads, rows)


def _environment(address: str) -> dict[str, str]:
    own = {"DATABASE_URL": address, "TARN_WEBHOOK_ALLOW_LOCAL": "1", "LOG_LEVEL": "ERROR"}
    return {**os.environ, **TARN, **own}


def _measure(cluster: Cluster, events: int, algorithm: str, others: Sequence[str] = ()) -> Figures:
    print(f"Delivering by {algorithm} ...", file=sys.stderr)
    address = world.copy_database(cluster, EMPTY, "bench_deliveries")
    arrivals = Arrivals()
    with receiver(arrivals) as port, world.connect(address) as connection:
        connection.execute(
            "INSERT INTO billing_organization (id, name, slug, document_number_prefix,"
            " default_currency, timezone, net_payment_term, finalize_zero_amount_invoice,"
            " email_settings, invoice_grace_period, document_locale, document_numbering, hmac_key,"
            " requires_second_factor) VALUES (gen_random_uuid(), 'Bench', 'bench', 'BEN', 'EUR',"
            " 'UTC', 0, true, '{}', 0, 'en', 'per_customer', gen_random_uuid(), false)"
        )
        connection.execute(
            "INSERT INTO billing_webhookendpoint (id, organization_id, webhook_url, signature_algo)"
            " SELECT gen_random_uuid(), id, unnest(%s::text[]), %s FROM billing_organization",
            [[f"http://127.0.0.1:{port}/", *others], algorithm],
        )
        words = ("procrastinate", "--skip-checks", "worker")
        worker = subprocess.Popen([*MANAGE, *words], env=_environment(address))
        try:
            return _deliver(connection, arrivals, worker.pid, events)
        finally:
            worker.terminate()
            worker.wait()


def _deliver(connection: psycopg.Connection, arrivals: Arrivals, pid: int, events: int) -> Figures:
    snapshot = SNAPSHOT.read_text()
    _tell(connection, snapshot, 1)
    arrivals.wait_for(1, 60)
    latencies = []
    for number in range(LATENCIES):
        time.sleep(0.3)
        _tell(connection, snapshot, 1)
        committed = time.time()
        arrivals.wait_for(number + 2, 30)
        latencies.append((arrivals.times[-1] - committed) * 1_000)
    before, cpu = len(arrivals.times), tree_cpu(pid)
    began = time.time()
    _tell(connection, snapshot, events)
    assert arrivals.wait_for(before + events, 600), "letters are missing"
    seconds = time.time() - began
    spent = (tree_cpu(pid) - cpu) / events * 1_000
    return Figures(events / seconds, median(latencies), max(latencies), spent)


def _tell(connection: psycopg.Connection, snapshot: str, count: int) -> None:
    connection.execute(_EVENT, [snapshot, count])


if __name__ == "__main__":
    main()
