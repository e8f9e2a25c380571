"""Webhooks: how many a worker delivers, and how soon. `python -m benchmarks.deliveries`."""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from uuid import uuid4

import psycopg

from benchmarks import world
from benchmarks.processes import tree_cpu

ROOT = Path(__file__).parent.parent
SNAPSHOT = ROOT / "customers" / "example.json"
LATENCIES = 40

_EVENT = """
WITH told AS (
    INSERT INTO billing_event
        (organization_id, event_type, object_type, object_id, snapshot, endpoint_ids)
    SELECT organization_id, 'customer.updated', 'customer', gen_random_uuid(), %s, ARRAY[id]
    FROM billing_webhookendpoint, generate_series(1, %s)
    RETURNING 1
)
INSERT INTO procrastinate_jobs (queue_name, task_name, args)
SELECT 'webhooks', 'billing.deliver_webhooks', '{}' FROM (SELECT FROM told LIMIT 1) one
"""


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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deliveries", description=__doc__)
    parser.add_argument("--events", type=int, default=3_000)
    parser.add_argument("--algorithm", nargs="+", choices=("hmac", "jwt"), default=["hmac", "jwt"])
    asked = parser.parse_args()
    cluster = world.start()
    try:
        for algorithm in asked.algorithm:
            address = world.make_database(cluster, "bench_deliveries")
            print(algorithm, _measure(address, asked.events, algorithm))
    finally:
        cluster.stop()


def _measure(address: str, events: int, algorithm: str) -> str:
    environment = os.environ | {
        "DATABASE_URL": address,
        "SECRET_KEY": uuid4().hex,
        "TARN_WEBHOOK_ALLOW_LOCAL": "1",
        "TARN_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    }
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "-v0"], env=environment, check=True)
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
            " SELECT gen_random_uuid(), id, %s, %s FROM billing_organization",
            [f"http://127.0.0.1:{port}/", algorithm],
        )
        worker = subprocess.Popen(
            [*manage, "procrastinate", "--skip-checks", "worker"], env=environment
        )
        try:
            return _deliver(connection, arrivals, worker.pid, events)
        finally:
            worker.terminate()
            worker.wait()


def _deliver(connection: psycopg.Connection, arrivals: Arrivals, pid: int, events: int) -> str:
    snapshot = SNAPSHOT.read_text()
    _tell(connection, snapshot, 1)
    arrivals.wait_for(1, 60)
    latencies = []
    for number in range(LATENCIES):
        time.sleep(0.3)
        _tell(connection, snapshot, 1)
        committed = time.time()
        arrivals.wait_for(number + 2, 30)
        latencies.append(arrivals.times[-1] - committed)
    before, cpu = len(arrivals.times), tree_cpu(pid)
    began = time.time()
    _tell(connection, snapshot, events)
    arrivals.wait_for(before + events, 600)
    seconds = time.time() - began
    spent = (tree_cpu(pid) - cpu) / events * 1_000
    return json.dumps(
        {
            "per_second": round(events / seconds),
            "worker_cpu_ms": round(spent, 2),
            "idle_latency_ms": round(median(latencies) * 1_000, 1),
            "idle_latency_worst_ms": round(max(latencies) * 1_000, 1),
        }
    )


def _tell(connection: psycopg.Connection, snapshot: str, count: int) -> None:
    connection.execute(_EVENT, [snapshot, count])


if __name__ == "__main__":
    main()
