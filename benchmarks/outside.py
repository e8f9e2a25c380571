"""What telling others costs an upsert: two endpoints and a link to Stripe, against none of them.

`python -m benchmarks.outside`. The worker stands still, so that what is measured is the request.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from statistics import median

from benchmarks import load, scenarios, world
from benchmarks.measure import postmaster
from benchmarks.peers import Tarn, http_peers
from benchmarks.processes import tree_cpu
from config.embedded import Cluster

MOST = 1.15
_ALONE = "DELETE FROM customers_providerlink"
_ENDPOINT = """
INSERT INTO billing_webhookendpoint (id, organization_id, webhook_url, signature_algo)
SELECT gen_random_uuid(), id, 'https://hooks.example.com/' || number, 'hmac'
FROM billing_organization, generate_series(1, 2) number
"""
_PROVIDER_KEYS = frozenset(
    {"payment_provider", "provider_customer_id", "sync", "sync_with_provider",
     "provider_payment_methods"}
)  # fmt: skip


class WebOnly(Tarn):
    """Tarn's web server without its worker."""

    def command(self, port: int) -> list[str]:
        """Return how it is started."""
        return [
            sys.executable, "-m", "gunicorn", "-c", "python:config.server",
            "--bind", f"127.0.0.1:{port}", "--workers", "2",
        ]  # fmt: skip


@dataclass
class Cost:
    """What a request took, in milliseconds: the caller's, and the CPU's on both sides."""

    caller: float
    cpu: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outside", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--customers", type=int, default=2_000)
    asked = parser.parse_args()
    cluster = world.start()
    peers: dict[str, WebOnly] = {}
    try:
        for name, statement in (("alone", _ALONE), ("told", _ENDPOINT)):
            peers[name] = _prepared(cluster, name, statement, asked.customers)
        costs: dict[str, list[Cost]] = {name: [] for name in peers}
        for number in range(asked.rounds):
            for name, peer in peers.items():
                costs[name].append(_run(cluster, peer, f"{name}-{number}", asked))
    finally:
        for peer in peers.values():
            peer.stop()
        cluster.stop()
    print(json.dumps(_summary(costs)))


def _prepared(cluster: Cluster, name: str, statement: str, customers: int) -> WebOnly:
    like = http_peers()["tarn"]
    peer = WebOnly(name, name, "", like.records, like.marker, environment=like.environment)
    peer.address = world.make_database(cluster, f"bench_{name}")
    peer.fill(customers)
    with world.connect(peer.address) as connection:
        connection.execute(statement.encode())
        connection.execute(b"DELETE FROM procrastinate_jobs")
    peer.start()
    return peer


def _run(cluster: Cluster, peer: WebOnly, run: str, asked: argparse.Namespace) -> Cost:
    assert peer.server is not None
    asking = _requests(asked.customers, run)
    load.run(peer.server.port, asking, asked.connections, 1.0)
    before = tree_cpu(peer.server.pid) + tree_cpu(postmaster(cluster))
    sample = load.run(peer.server.port, asking, asked.connections, asked.seconds)
    cpu = tree_cpu(peer.server.pid) + tree_cpu(postmaster(cluster)) - before
    return Cost(sample.percentile(0.5) * 1_000, cpu / sample.requests * 1_000)


def _requests(customers: int, run: str) -> Iterator[bytes]:
    """Return updates in which the name differs; they leave the link alone."""
    body = scenarios.body()
    configuration: dict[str, object] = dict(body["billing_configuration"])  # type: ignore[call-overload]
    kept = {key: value for key, value in configuration.items() if key not in _PROVIDER_KEYS}
    text = json.dumps({"customer": body | {"billing_configuration": kept, "external_id": "@id@",
                                           "name": "@name@"}})  # fmt: skip
    for number in count():
        filled = text.replace("@id@", f"bench-{number % customers + 1}")
        yield scenarios.post(filled.replace("@name@", f"Belson {run}-{number}").encode())


def _summary(costs: dict[str, list[Cost]]) -> dict[str, object]:
    caller = {name: median(one.caller for one in found) for name, found in costs.items()}
    cpu = {name: median(one.cpu for one in found) for name, found in costs.items()}
    return {
        "caller_ms": {name: round(value, 2) for name, value in caller.items()},
        "cpu_ms": {name: round(value, 2) for name, value in cpu.items()},
        "caller_ratio": round(caller["told"] / caller["alone"], 3),
        "cpu_ratio": round(cpu["told"] / cpu["alone"], 3),
        "at_most": MOST,
    }


if __name__ == "__main__":
    main()
