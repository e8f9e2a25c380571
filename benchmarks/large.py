"""A million customers: does anything grow that should not? `python -m benchmarks.large`."""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from statistics import median
from typing import Any
from urllib.parse import urlencode

from psycopg import sql

from benchmarks import load, report, world
from benchmarks.measure import postmaster
from benchmarks.peers import Peer, http_peers
from benchmarks.processes import tree_cpu
from benchmarks.scenarios import CREATE, UPDATE, Scenario, get, requests

SMALL = 10_000
CUSTOMER_PARTS = (
    "customers_shippingaddress", "customers_customermetadata", "customers_appliedtax",
    "customers_providerlink",
)  # fmt: skip
# From what nobody has to what everybody has.
SEARCHES = ("qqq", "bench-987654", "nkc", "nk", "brasserie", "piedpiper")


def main() -> None:
    """Make both databases, measure in turn, print the tables and write them if told to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--write", action="store_true", help="write RESULTS.md")
    asked = parser.parse_args()
    before = report.busy()
    cluster = world.start()
    peers: list[Peer] = []
    try:
        for name, customers in (("small", SMALL), ("large", asked.customers)):
            _say(f"Making {customers:,} customers")
            peer = http_peers()["tarn"]
            peer.name = name
            peer.address = world.make_database(cluster, f"bench_{name}")
            peer.fill(min(SMALL, customers))
            multiply(peer.address, customers)
            peer.start()
            peers.append(peer)
        database = postmaster(cluster)
        parts = [_growth(peers, database, asked), _pages(peers[1], asked), _searches(peers[1])]
        peers[1].stop()  # its worker would look for duplicates meanwhile
        _say("Opening screens, exporting")
        parts.append(peers[1].read_program("-m", "benchmarks.screens"))
        _say("Done")
    finally:
        for peer in peers:
            peer.stop()
        cluster.stop()
    table = "\n\n".join(parts)
    print(table)
    if asked.write:
        report.write_large(asked.customers, table, before)


def _say(words: str) -> None:
    """Show how far it is, and when that was."""
    print(f"{datetime.now():%H:%M:%S} {words}", file=sys.stderr)  # noqa: DTZ005


def multiply(address: str, wanted: int) -> None:
    """Copy the customers there are until there are as many as wanted."""
    _, copies, values = (world.HERE / "million.sql").read_text().split("\n-- :")
    own = dict(line.split(": ", 1) for line in values.splitlines()[2:])
    with world.connect(address) as connection:
        [present] = connection.execute("SELECT count(*) FROM customers_customer").fetchone() or [0]
        connection.execute("SET session_replication_role = replica")
        if wanted > present:
            numbers = {"present": present, "wanted": wanted}
            connection.execute(copies.partition("\n")[2].encode(), numbers)
            indexes = _drop_indexes(connection)
            _copy(connection, "customers_customer", "id", own)
            for table in CUSTOMER_PARTS:
                _copy(connection, table, "customer_id", {"id": "gen_random_uuid()"})
            for index in indexes:
                connection.execute(index.encode())
            connection.execute("UPDATE customers_customercounter SET last_number = (SELECT "
                               "count(*) FROM customers_customer), kept = (SELECT count(*) FROM "
                               "customers_customer)")  # fmt: skip
            connection.execute("DROP TABLE kept_copy")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _drop_indexes(connection: Any) -> list[str]:
    """Drop the indexes that are no constraint's; return what makes them again."""
    found = connection.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid = 'customers_customer'::regclass AND NOT indisunique"
    ).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(name)))
    return [definition for _, definition in found]


def _copy(connection: Any, table: str, key: str, own: dict[str, str]) -> None:
    columns = [
        name
        for (name,) in connection.execute(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
            "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
            [table],
        )
    ]
    values = [{**own, key: "copy.new_id"}.get(name, f"source.{name}") for name in columns]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} "
        f"FROM kept_copy copy JOIN {table} source ON source.{key} = copy.old_id"
    )


def _growth(peers: list[Peer], database: int, asked: argparse.Namespace) -> str:
    """Return how an upsert's CPU grows with the number of customers."""
    heads = ["", f"{SMALL:,}", f"{asked.customers:,}", "growth", "must", "aim"]
    _say("Writing")
    rows = []
    for scenario in (UPDATE, CREATE):
        cpu: dict[str, list[float]] = {"small": [], "large": []}
        for number in range(asked.rounds):
            for peer, customers in zip(peers, (SMALL, asked.customers), strict=True):
                asking = requests(scenario, customers, f"{scenario.name}{number}")
                cpu[peer.name].append(_cpu(peer, database, asking, asked.seconds))
        small, large = median(cpu["small"]), median(cpu["large"])
        growth = median(b / a for a, b in zip(cpu["small"], cpu["large"], strict=True))
        rows.append([_title(scenario), f"{small:.2f} ms", f"{large:.2f} ms", f"{growth:.2f}x",
                     "1.3x", "1.15x"])  # fmt: skip
    return report.table(heads, rows)


def _title(scenario: Scenario) -> str:
    return f"CPU of an upsert, {scenario.name}, application and database"


def _cpu(peer: Peer, database: int, asking: Iterator[bytes], seconds: float) -> float:
    """Return the milliseconds of CPU of one request, application and database together."""
    assert peer.server is not None
    load.run(peer.server.port, asking, 8, 1.0)
    before = tree_cpu(peer.server.pid) + tree_cpu(database)
    sample = load.run(peer.server.port, asking, 8, seconds)
    return (tree_cpu(peer.server.pid) + tree_cpu(database) - before) / sample.requests * 1_000


def _pages(peer: Peer, asked: argparse.Namespace) -> str:
    """Return how long a page takes at several depths, by cursor and by number."""
    _say("Turning pages")
    depths = (0.0, 0.1, 0.5, 0.9, 0.99)
    cursors = _walk(peer, asked.customers, depths)
    times: dict[tuple[float, str], list[float]] = {}
    for _ in range(asked.rounds):
        for depth, cursor in cursors.items():
            number = int(asked.customers * depth / 100) + 1
            for way, query in (("cursor", {"cursor": cursor}), ("page", {"page": number})):
                target = f"/api/v1/customers?{urlencode({'per_page': 100, **query})}"
                times.setdefault((depth, way), []).extend(_times(peer, target, 20))
    rows = []
    for way in ("cursor", "page"):
        found = [median(times[depth, way]) for depth in depths]
        cells = [f"{one * 1_000:.1f} ms ({one / found[0]:.2f}x)" for one in found]
        goal = ["1.5x", "1.2x"] if way == "cursor" else ["", ""]
        rows.append([f"page of 100 by `{way}`", *cells, *goal])
    heads = ["", "first", *(f"after {depth:.0%}" for depth in depths[1:]), "must", "aim"]
    return report.table(heads, rows)


def _walk(peer: Peer, customers: int, depths: tuple[float, ...]) -> dict[float, str]:
    """Follow the cursors as a client does, and return those that lead to each depth."""
    assert peer.server is not None
    found = {0.0: ""}
    cursor, passed = "", 0
    while len(found) < len(depths):
        query = urlencode({"per_page": 1_000, "cursor": cursor})
        page = json.loads(load.ask(peer.server.port, get(f"/api/v1/customers?{query}")))
        cursor, passed = page["meta"]["next_cursor"], passed + len(page["customers"])
        for depth in depths:
            if depth not in found and passed >= customers * depth:
                found[depth] = cursor
    return found


def _searches(peer: Peer) -> str:
    """Return how long searches take that find more or less."""
    rows = []
    for term in SEARCHES:
        _say(f"Searching {term}")
        target = f"/api/v1/customers?{urlencode({'per_page': 100, 'search_term': term})}"
        assert peer.server is not None
        answer = json.loads(load.ask(peer.server.port, get(target)))
        found = answer["meta"]["total_count"]
        # What everybody has takes seconds: there is no need to ask for it often.
        seconds = median(_times(peer, target, 15 if found < 10_000 else 3))
        must, aim = ("15 ms", "5 ms") if len(term) > 2 else ("", "50 ms")
        rows.append([f"`{term}`", f"{found:,}", f"{seconds * 1_000:.1f} ms", must, aim])
    return report.table(["search_term, 100 shown", "found", "p50", "must", "aim"], rows)


def _times(peer: Peer, target: str, number: int) -> list[float]:
    assert peer.server is not None
    asking = islice(iter(lambda: get(target), None), number)
    return list(load.run(peer.server.port, asking, 1, 600.0).latencies)


if __name__ == "__main__":
    main()
