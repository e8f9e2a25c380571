"""Runs the benchmark: rounds of every peer in turn, so that a noisy machine is noisy for all."""

import argparse
import sys
from collections.abc import Sequence

from benchmarks import answers, measure, report, world
from benchmarks.peers import OTHER_PYTHON, Peer, http_peers
from benchmarks.scenarios import SCENARIOS

LIMIT = "limit"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what was asked for, print the table, and write RESULTS.md if told to."""
    asked = _parse(arguments)
    before = report.busy()
    cluster = world.start()
    peers: dict[str, Peer] = {}
    try:
        found = http_peers()
        names = [name for name in found if name in asked.only]
        if LIMIT in asked.only and "tarn" not in names:
            names = ["tarn", *names]  # the limit works on Tarn's database
        for name in names:
            print(f"Preparing {name} ...", file=sys.stderr)
            peers[name] = found[name]
            peers[name].prepare(cluster, asked.customers)
        if asked.check:
            answers.compare(peers, asked.customers)
        measured = measure.run(cluster, peers, asked)
        if asked.count:
            measure.count_statements(cluster, peers, asked, measured)
    finally:
        for peer in peers.values():
            peer.stop()
        cluster.stop()
    table = report.tables(measured, found)
    print(table)
    if asked.write:
        report.write(asked, found, table, before)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = ["tarn", "fastapi", "drf", "telling", "silent", LIMIT]
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=known, help=f"of {','.join(known)}"
    )
    parser.add_argument(
        "--scenario",
        type=lambda text: text.split(","),
        default=list(SCENARIOS),
        help=f"of {','.join(SCENARIOS)}",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run")
    parser.add_argument("--warm-up", type=float, default=1.5, help="seconds, not counted")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--no-check", dest="check", action="store_false",
                        help="do not compare the peers' answers")  # fmt: skip
    parser.add_argument("--no-count", dest="count", action="store_false",
                        help="do not count statements and round trips")  # fmt: skip
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    asked = parser.parse_args(arguments)
    unknown = {*asked.only} - {*known} | {*asked.scenario} - {*SCENARIOS}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if "fastapi" in asked.only and not OTHER_PYTHON.exists():
        parser.error(f"{OTHER_PYTHON} is missing: `make bench` makes it")
    return asked


if __name__ == "__main__":
    main()
