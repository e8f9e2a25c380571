"""A million customers from a file, beside COPY of the same rows: `python -m benchmarks.imports`."""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks import load, report, world
from benchmarks.peers import ROOT, TARN, Peer, http_peers
from benchmarks.scenarios import UPDATE, body, requests
from config.embedded import Cluster

# What an import leaves behind, in the order of the foreign keys.
TABLES = (
    "customers_customer", "customers_shippingaddress", "customers_customermetadata",
    "customers_appliedtax", "customers_providerlink", "billing_changerecord",
)  # fmt: skip
EMPTY, WORK, COPIED = "bench_imports_empty", "bench_imports", "bench_imports_copied"
PREVIEWED = 50_000
SMALL = 10_000


def main() -> None:
    """Measure in turn, print the table and write it if told to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imports", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    asked = parser.parse_args()
    before = report.busy()
    cluster = world.start()
    try:
        _prepare(cluster)
        rounds = [_round(cluster, asked.rows) for _ in range(asked.rounds)]
        small = _small(cluster)
        waits = _waits(cluster, asked)
    finally:
        cluster.stop()
    table = _table(rounds, small, waits)
    print(table)
    if asked.write:
        report.write_imports(asked.rows, table, before)


def _prepare(cluster: Cluster) -> None:
    """Make the database that every round starts from: an organization without customers."""
    address = world.make_database(cluster, EMPTY)
    _python(address, "-m", "benchmarks.tarn_seed", "0")


def _python(address: str, *words: str) -> str:
    environment = {**os.environ, **TARN, "DATABASE_URL": address}
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, check=True,
                          capture_output=True, text=True)  # fmt: skip
    return done.stdout


def make_file(rows: int) -> Path:
    """Write the documented customer so many times, each with a name of its own."""
    path = world.HERE / ".data" / f"import-{rows}.csv"
    if not path.exists():
        flat = _flat(body())
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(flat)
            for number in range(1, rows + 1):
                own = {"external_id": f"bench-{number}", "name": f"Customer {number}"}
                writer.writerow((flat | own).values())
    return path


def _flat(customer: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in customer.items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": _cell(one) for key, one in value.items()}
        else:
            found[name] = _cell(value, as_json=name in ("metadata", "integration_customers"))
    return found


def _cell(value: Any, *, as_json: bool = False) -> str:
    if as_json:
        return json.dumps(value)
    if isinstance(value, list):
        return "|".join(value)
    return "" if value is None else str(value)


def _work(address: str, what: str, rows: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        _python(address, "-m", "benchmarks.imports_work", what, str(make_file(rows)))
    )
    return found


def _round(cluster: Cluster, rows: int) -> dict[str, Any]:
    """Import the file, import it again, and COPY what it made."""
    address = world.copy_database(cluster, EMPTY, WORK)
    fresh = _work(address, "run", rows)
    assert fresh["counts"] == [rows, 0, 0, 0], fresh
    with world.connect(address) as connection:
        connection.execute("VACUUM ANALYZE")
    again = _work(address, "run", rows)
    assert again["counts"] == [0, 0, rows, 0], again
    copied = world.copy_database(cluster, EMPTY, COPIED)
    return {"fresh": fresh, "again": again, "copy": _copy(address, copied)}


def _copy(source: str, target: str) -> float:
    """Return the seconds that COPY takes for the same rows, foreign keys and indexes and all."""
    for table in TABLES:
        with world.connect(source) as connection, connection.cursor() as cursor:
            columns = _columns(connection, table)
            with (
                _file(table).open("wb") as out,
                cursor.copy(f"COPY {table} ({columns}) TO STDOUT".encode()) as copy,
            ):
                out.writelines(bytes(piece) for piece in copy)
    began = time.perf_counter()
    with psycopg.connect(target) as connection, connection.cursor() as cursor:
        for table in TABLES:
            with (
                _file(table).open("rb") as file,
                cursor.copy(
                    f"COPY {table} ({_columns(connection, table)}) FROM STDIN".encode()
                ) as copy,
            ):
                while piece := file.read(1 << 16):
                    copy.write(piece)
    seconds = time.perf_counter() - began
    for table in TABLES:
        _file(table).unlink()
    return seconds


def _file(table: str) -> Path:
    return world.HERE / ".data" / f"{table}.copy"


def _columns(connection: Any, table: str) -> str:
    rows = connection.execute(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum", [table],
    )  # fmt: skip
    return ", ".join(name for (name,) in rows)


def _small(cluster: Cluster) -> dict[str, Any]:
    """Return the memory of a small import, and the preview of a middling one."""
    address = world.copy_database(cluster, EMPTY, WORK)
    run = _work(address, "run", SMALL)
    return {
        "run": run,
        "check": _work(world.copy_database(cluster, EMPTY, WORK), "check", PREVIEWED),
    }


def _waits(cluster: Cluster, asked: argparse.Namespace) -> dict[str, float]:
    """Return p99 of upserts in the same organization, without and during an import."""
    peer = http_peers()["tarn"]
    peer.address = world.make_database(cluster, "bench_imports_api")
    peer.fill(1_000)
    peer.start()
    # The file's customers are others than those the API writes.
    path = _renamed(make_file(max(asked.rows, 50_000)))
    try:
        return {
            name: _p99(peer, name, path, asked.seconds) for name in ("warm", "without", "during")
        }
    finally:
        peer.stop()


def _p99(peer: Peer, name: str, path: Path, seconds: float) -> float:
    assert peer.server is not None
    child = _background(peer.address, path) if name == "during" else None
    try:
        sample = load.run(peer.server.port, requests(UPDATE, 1_000, name), 2, seconds)
        assert child is None or child.poll() is None, "the import ended before the load did"
        return sample.percentile(0.99)
    finally:
        if child:
            child.kill()
            child.wait()


def _renamed(path: Path) -> Path:
    renamed = path.with_name("import-others.csv")
    with path.open() as file, renamed.open("w") as out:
        for line in islice(file, 100_001):
            out.write(line.replace("bench-", "other-"))
    return renamed


def _background(address: str, path: Path) -> "subprocess.Popen[bytes]":
    """Start an import and return once it has written rows."""
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.imports_work", "run", str(path)], cwd=ROOT,
        env={**os.environ, **TARN, "DATABASE_URL": address}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    while child.poll() is None and not _is_writing(address):
        time.sleep(0.2)
    return child


def _is_writing(address: str) -> bool:
    [found] = world.fetch(address, "SELECT count(*) FROM customers_import WHERE checkpoint > 0")
    return bool(found)


def _table(rounds: list[dict[str, Any]], small: dict[str, Any], waits: dict[str, float]) -> str:
    rows = rounds[0]["fresh"]["rows"]
    share = median(one["copy"] / one["fresh"]["seconds"] for one in rounds)
    faster = median(one["fresh"]["seconds"] / one["again"]["seconds"] for one in rounds)
    memory = max(one["fresh"]["memory"] for one in rounds)
    fresh = median(rows / one["fresh"]["seconds"] for one in rounds)
    copied = median(rows / one["copy"] for one in rounds)
    staging = median(one["fresh"]["staging"] / one["fresh"]["seconds"] for one in rounds)
    return report.table(
        [f"{rows:,} rows, everything on", "measured", "must", "aim"],
        [
            ["COPY of the same rows", f"{copied:,.0f} rows/s", "", ""],
            ["fresh import", f"{fresh:,.0f} rows/s, {share:.0%} of COPY", "65 %", "90 %"],
            ["of it, reading and staging", f"{staging:.0%}", "", ""],
            ["the same file again", f"{faster:.2f}x as fast", "1.8x", "3x"],
            ["Python's memory", f"{memory:.0f} MB", "100 MB", "64 MB"],
            [f"the same, {SMALL:,} rows", f"{small['run']['memory']:.0f} MB", "", ""],
            [f"preview of {PREVIEWED:,} rows", f"{small['check']['seconds']:.0f} s", "30 s", ""],
            ["p99 of upserts during an import",
             f"{waits['during'] / waits['without']:.2f}x ({waits['during'] * 1000:.0f} ms)",
             "2x", ""],
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
