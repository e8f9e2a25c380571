"""The timed runs."""

import argparse
import json
import os
import subprocess
import sys
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median

from benchmarks import load, world
from benchmarks.peers import ROOT, TARN, Peer
from benchmarks.processes import tree_cpu, tree_memory
from benchmarks.scenarios import SCENARIOS, Scenario, requests
from benchmarks.wire import Count, Proxy
from config.embedded import Cluster

LIMIT_PROCESSES = 2
LIMIT_RATE = 8_000  # changes a second that the limit will not pass on the machines we know


@dataclass
class Run:
    """One timed run: the load's sample, and the CPU seconds of both sides of the database."""

    sample: load.Sample
    app_cpu: float
    database_cpu: float


@dataclass
class Measured:
    """Everything measured, by (scenario, peer)."""

    runs: dict[tuple[str, str], list[Run]] = field(default_factory=lambda: defaultdict(list))
    counts: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)


def run(cluster: Cluster, peers: dict[str, Peer], asked: argparse.Namespace) -> Measured:
    """Run every scenario in rounds: each peer in turn, then again."""
    measured = Measured()
    for name in asked.scenario:
        for number in range(1, asked.rounds + 1):
            for peer in peers.values():
                if peer.name in asked.only and name in peer.scenarios:
                    done = _http_run(cluster, peer, SCENARIOS[name], f"r{number}", asked)
                    _note(measured, name, peer.name, done)
            if "limit" in asked.only and SCENARIOS[name].writes and name in peers["tarn"].scenarios:
                done = _limit_run(cluster, peers["tarn"], name, f"r{number}", asked)
                _note(measured, name, "limit", done)
    for peer in peers.values():
        assert peer.server is not None
        measured.memory[peer.name] = tree_memory(peer.server.pid)
    return measured


def _note(measured: Measured, scenario: str, peer: str, done: Run) -> None:
    measured.runs[scenario, peer].append(done)
    sample = done.sample
    print(
        f"{scenario:8} {peer:8} {sample.rate:8.0f}/s   p50 {sample.percentile(0.5) * 1000:6.2f} ms"
        f"   app {done.app_cpu / sample.requests * 1000:6.3f} ms"
        f"   database {done.database_cpu / sample.requests * 1000:6.3f} ms",
        file=sys.stderr,
    )


def _http_run(
    cluster: Cluster, peer: Peer, scenario: Scenario, name: str, asked: argparse.Namespace
) -> Run:
    server, database = peer.server, postmaster(cluster)
    assert server is not None
    if scenario.writes:
        world.restore(peer.address)
    before = world.fetch(peer.address, peer.records)[0]
    port, connections = server.port, asked.connections
    asking = requests(scenario, asked.customers, name)
    warm = load.run(port, asking, connections, asked.warm_up)
    app_cpu, database_cpu = tree_cpu(server.pid), tree_cpu(database)
    sample = load.run(port, asking, connections, asked.seconds)
    done = Run(sample, tree_cpu(server.pid) - app_cpu, tree_cpu(database) - database_cpu)
    expected = warm.requests + sample.requests if scenario.writes else 0
    _check_records(peer, before, expected)
    return done


def _check_records(peer: Peer, before: object, expected: int) -> None:
    after = world.fetch(peer.address, peer.records)[0]
    if (before, after) != (before, int(str(before)) + expected):
        raise SystemExit(f"{peer.name} answered {expected} writes, recorded {before} to {after}")


def _limit_run(
    cluster: Cluster, tarn: Peer, scenario: str, name: str, asked: argparse.Namespace
) -> Run:
    world.restore(tarn.address)
    programs = [_limit_program(tarn, scenario, f"{name}{n}", asked) for n in range(LIMIT_PROCESSES)]
    for program in programs:
        _expect(program, "ready")
    for program in programs:
        _tell(program, str(asked.warm_up))
    for program in programs:
        _expect(program, "warm")
    database_cpu = tree_cpu(postmaster(cluster))
    for program in programs:
        _tell(program, "go")
    lines = [json.loads(program.stdout.readline()) for program in programs]  # type: ignore[union-attr]
    database_cpu = tree_cpu(postmaster(cluster)) - database_cpu
    for program in programs:
        program.communicate()
    return Run(_together(lines), sum(line["cpu"] for line in lines), database_cpu)


def _limit_program(
    tarn: Peer, scenario: str, name: str, asked: argparse.Namespace
) -> "subprocess.Popen[str]":
    number = int((asked.seconds + asked.warm_up) * LIMIT_RATE / LIMIT_PROCESSES)
    connections = asked.connections // LIMIT_PROCESSES
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.limit", scenario, str(asked.customers), name,
         str(number), str(connections), str(asked.seconds)],
        cwd=ROOT, env=os.environ | TARN | {"DATABASE_URL": tarn.address}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def _tell(program: "subprocess.Popen[str]", word: str) -> None:
    assert program.stdin is not None
    program.stdin.write(f"{word}\n")
    program.stdin.flush()


def _expect(program: "subprocess.Popen[str]", word: str) -> None:
    assert program.stdout is not None
    line = program.stdout.readline()
    if line.strip() != word:
        raise SystemExit(f"the limit stopped before it was {word}: {line}")


def _together(lines: list[dict[str, object]]) -> load.Sample:
    """Return the processes' samples as one; they ran at the same time."""
    sample = load.Sample(cpu=0.0, latencies=array("d"))
    for line in lines:
        sample.requests += line["requests"]  # type: ignore[operator]
        sample.seconds = max(sample.seconds, line["seconds"])  # type: ignore[call-overload]
        sample.latencies.extend(line["latencies"])  # type: ignore[arg-type]
    return sample


def postmaster(cluster: Cluster) -> int:
    """Return the database server's process id."""
    running = cluster.postmaster()
    if running is None:
        raise SystemExit("the database has died")
    return running.pid


def count_statements(
    cluster: Cluster, peers: dict[str, Peer], asked: argparse.Namespace, measured: Measured
) -> None:
    """Count what each peer sends for a request, once its statements are prepared."""
    running = cluster.postmaster()
    assert running is not None
    for peer in peers.values():
        if peer.name not in asked.only:
            continue
        proxy = Proxy(Path(running.sockets), peer.marker)
        peer.stop()
        try:
            peer.start(_through(peer.address, cluster, proxy))
            for name in (name for name in asked.scenario if name in peer.scenarios):
                measured.counts[name, peer.name] = _count(peer, SCENARIOS[name], proxy, asked)
        finally:
            peer.stop()
            proxy.stop()


def _through(address: str, cluster: Cluster, proxy: Proxy) -> str:
    return f"{address.partition('?')[0]}?host={proxy.directory.name}"


def _count(
    peer: Peer, scenario: Scenario, proxy: Proxy, asked: argparse.Namespace
) -> tuple[float, float]:
    assert peer.server is not None
    port = peer.server.port
    asking = requests(scenario, asked.customers, "count")
    load.run(port, asking, asked.connections, 2.0)
    # Medians of batches: some things happen once a minute, or once a connection.
    statements, round_trips = [], []
    number = 20
    for _ in range(5):
        proxy.count = Count()
        load.run(port, islice(asking, number), 1, 60.0)
        statements.append(proxy.count.statements / number)
        round_trips.append(proxy.count.round_trips / number)
    return median(statements), median(round_trips)
