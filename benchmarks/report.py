"""Tables of what was measured, beside what is aimed at; RESULTS.md."""

import argparse
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.measure import Measured, Run
from benchmarks.peers import OTHER_PYTHON, ROOT, Peer
from benchmarks.scenarios import SCENARIOS

RESULTS = Path(__file__).parent / "RESULTS.md"
LARGE = "## A million customers"
IMPORTS = "## A million rows from a file"
DELIVERIES = "## Webhooks"
LIMIT_TITLE = "the statements without HTTP"
LIMIT_DOES = (
    "Tarn's own rules and prepared statements, the wishes read beforehand; two processes of four "
    "connections send them over libpq, pipelined, one change at a time each. App CPU is that of "
    "the senders."
)


def tables(measured: Measured, peers: dict[str, Peer]) -> str:
    """Return all tables as Markdown."""
    titles = {name: peer.title for name, peer in peers.items()} | {"limit": LIMIT_TITLE}
    parts = [_scenario(measured, scenario, titles) for scenario in _scenarios(measured)]
    return "\n\n".join([_goals(measured), *parts, _generator(measured)]).strip()


def _scenarios(measured: Measured) -> list[str]:
    return list(dict.fromkeys(scenario for scenario, _ in measured.runs))


def table(heads: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    align = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [heads, align, *rows])


def _over(runs: list[Run], value: Callable[[Run], float]) -> float:
    return median(value(run) for run in runs)


def _app_cpu(run: Run) -> float:
    return run.app_cpu / run.sample.requests * 1_000


def _database_cpu(run: Run) -> float:
    return run.database_cpu / run.sample.requests * 1_000


def _spread(run: Run) -> float:
    return run.sample.percentile(0.99) / run.sample.percentile(0.5)


def _scenario(measured: Measured, scenario: str, titles: dict[str, str]) -> str:
    heads = [
        "", "requests/s", "Tarn is", "p50 ms", "p99 ms", "app CPU ms", "database CPU ms",
        "statements", "round trips", "memory MB",
    ]  # fmt: skip
    rows = []
    for (of, peer), runs in measured.runs.items():
        if of != scenario:
            continue
        counts = measured.counts.get((scenario, peer))
        ratio = _ratio(measured, scenario, peer)
        rows.append([
            titles[peer],
            f"{_over(runs, lambda run: run.sample.rate):,.0f}",
            f"{ratio:.2f}x" if ratio and peer != "tarn" else "",
            f"{_over(runs, lambda run: run.sample.percentile(0.5)) * 1_000:.2f}",
            f"{_over(runs, lambda run: run.sample.percentile(0.99)) * 1_000:.2f}",
            f"{_over(runs, _app_cpu):.3f}",
            f"{_over(runs, _database_cpu):.3f}",
            f"{counts[0]:.1f}" if counts else "",
            f"{counts[1]:.1f}" if counts else "",
            f"{measured.memory[peer]:,.0f}" if peer in measured.memory else "",
        ])  # fmt: skip
    return f"### {SCENARIOS[scenario].title.capitalize()}\n\n{table(heads, rows)}"


def _ratio(measured: Measured, scenario: str, peer: str) -> float | None:
    """Return the median of the rounds' ratios, Tarn's rate over the peer's."""
    ours, theirs = measured.runs.get((scenario, "tarn")), measured.runs.get((scenario, peer))
    if not ours or not theirs:
        return None
    return median(a.sample.rate / b.sample.rate for a, b in zip(ours, theirs, strict=True))


def _goals(measured: Measured) -> str:
    """Return what must be, what is aimed at, and what was measured."""
    rows = []
    for title, must, aim, measure in _GOALS:
        found = measure(measured)
        if found:
            rows.append([title, must, aim, found])
    return table(["", "must", "aim", "measured"], rows) if rows else ""


def _rates(peer: str, form: Callable[[float], str]) -> Callable[[Measured], str]:
    def measure(measured: Measured) -> str:
        found = [(scenario, _ratio(measured, scenario, peer)) for scenario in ("update", "create")]
        return ", ".join(f"{form(ratio)} {scenario}" for scenario, ratio in found if ratio)

    return measure


def _ours(value: Callable[[Run], float], form: str, *scenarios: str) -> Callable[[Measured], str]:
    def measure(measured: Measured) -> str:
        found = [
            (scenario, measured.runs[scenario, "tarn"])
            for scenario in scenarios
            if (scenario, "tarn") in measured.runs
        ]
        one = len(scenarios) == 1
        return ", ".join(
            form.format(_over(runs, value)) + ("" if one else f" {scenario}")
            for scenario, runs in found
        )

    return measure


def _counted(*scenarios: str) -> Callable[[Measured], str]:
    def measure(measured: Measured) -> str:
        found = [(name, measured.counts.get((name, "tarn"))) for name in scenarios]
        return ", ".join(
            f"{count[0]:g} and {count[1]:g}" + ("" if len(scenarios) == 1 else f" {name}")
            for name, count in found
            if count
        )

    return measure


def _told(measured: Measured) -> str:
    telling, silent = (measured.runs.get(("told", name)) for name in ("telling", "silent"))
    if not telling or not silent:
        return ""
    caller = _between(telling, silent, lambda run: run.sample.percentile(0.5))
    cpu = _between(telling, silent, lambda run: _app_cpu(run) + _database_cpu(run))
    return f"{caller:.2f}x at the caller, {cpu:.2f}x CPU"


def _between(ours: list[Run], theirs: list[Run], value: Callable[[Run], float]) -> float:
    return median(value(a) / value(b) for a, b in zip(ours, theirs, strict=True))


_TIMES = "{:.2f}x".format
_GOALS: list[tuple[str, str, str, Callable[[Measured], str]]] = [
    ("upsert, against FastAPI + asyncpg", "1.0x update, 1.2x create", "1.3x both",
     _rates("fastapi", _TIMES)),
    ("upsert, against DRF with nested writes", "20x", "30x", _rates("drf", _TIMES)),
    ("upsert, share of the statements without HTTP", "22 % update, 30 % create", "35 %, 45 %",
     _rates("limit", lambda ratio: f"{ratio * 100:.0f} %")),
    ("upsert that is told, against one that is not", "1.15x", "1.1x", _told),
    ("app CPU per upsert", "0.6 ms", "0.4 ms", _ours(_app_cpu, "{:.2f} ms", "update", "create")),
    ("statements and round trips per upsert", "3 and 2", "2 and 1", _counted("update", "create")),
    ("p99 at 8 connections", "4x p50", "2.5x p50", _ours(_spread, "{:.1f}x", "update", "create")),
    ("page of 100, app CPU", "3 ms", "1.2 ms", _ours(_app_cpu, "{:.2f} ms", "page")),
    ("page of 100, statements (and round trips)", "2", "2", _counted("page")),
]  # fmt: skip


def _generator(measured: Measured) -> str:
    runs = [run for (_, peer), found in measured.runs.items() if peer != "limit" for run in found]
    if not runs:
        return ""
    each = median(run.sample.cpu / run.sample.requests for run in runs) * 1_000
    share = max(run.sample.cpu / run.sample.seconds for run in runs) * 100
    return (
        f"The load generator took {each:.3f} ms of CPU per request (median of the runs), and "
        f"{share:.0f} % of one core at most."
    )


def write(asked: argparse.Namespace, peers: dict[str, Peer], shown: str, before: str) -> None:
    """Write the first part of RESULTS.md; the rest stays."""
    does = "\n".join(
        f"- **{peer.title}** ({_versions(name)}): {peer.does}"
        for name, peer in peers.items()
        if name in asked.only
    )
    text = f"""\
# How fast Tarn is

Written by `make bench`. {machine()} {before}

{asked.connections} keep-alive connections; {asked.rounds} rounds of {asked.seconds:g} seconds, \
every peer in turn in each round, {asked.warm_up:g} seconds of warm-up not counted; medians. \
"Tarn is" and the ratios are medians of the rounds' ratios. {asked.customers:,} customers each, \
in databases of their own on one embedded PostgreSQL 18 with fsync, put back and analyzed before \
every run that writes, after a checkpoint. Load, applications and database share the machine: \
ratios and CPU times mean something, rates alone do not.

Every upsert carries the documented body with a shipping address, and every peer finds the key by \
its hash, validates, numbers, writes customer, shipping address, metadata, tax link, provider \
link and a change record with old and new values, and answers with all keys. Before the clock \
runs their answers are compared whole; after each run the change records are counted. Tarn alone \
keeps an index for searching, foreign keys that forbid links between organizations, and ETags, and \
has its worker see to what each of these writes asks of the payment provider. \
Statements and round trips are counted by a proxy in a run of their own (BEGIN, COMMIT and a \
pool's resetting of connections count too). CPU and memory are those of the whole process tree.

{does}
- **The {LIMIT_TITLE.removeprefix("the ")}**: {LIMIT_DOES}

{shown}

"""
    _write_part("", text)


def write_large(customers: int, shown: str, before: str) -> None:
    """Write the part of RESULTS.md about many customers; the rest stays."""
    text = f"""\
{LARGE}

Written by `make bench-large`. {machine()} {before}

{customers:,} customers beside 10,000, both made by the writer and multiplied in SQL, each with \
all that hangs on a customer; medians of interleaved rounds. CPU at 8 connections, times at one.

{shown}
"""
    _write_part(LARGE, text)


def write_imports(rows: int, shown: str, before: str) -> None:
    """Write the part of RESULTS.md about imports; the rest stays."""
    text = f"""\
{IMPORTS}

Written by `make bench-import`. {machine()} {before}

{rows:,} rows of CSV, each the documented customer with a shipping address, into an organization \
without customers; read, staged, checked by all rules, written with history and everything that \
undo needs, and then the same file again. Beside it COPY of the very rows that the import left \
(customers, shipping addresses, metadata, taxes, provider links, change records) into the same \
tables with their indexes and foreign keys. Medians of interleaved rounds, each on a database of \
its own. p99 is that of API upserts in the same organization on two connections.

{shown}
"""
    _write_part(IMPORTS, text)


def write_deliveries(events: int, shown: str, before: str) -> None:
    """Write the part of RESULTS.md about webhooks; the rest stays."""
    text = f"""\
{DELIVERIES}

Written by `make bench-deliveries`. {machine()} {before}

One worker, which shares the machine with PostgreSQL and the endpoint; the snapshot of the \
documented customer, signed and delivered over HTTP to an endpoint that takes everything. \
{events:,} events at once for the rate; for the latency one at a time, 0.3 seconds apart, from the \
commit of the event to the letter in the endpoint's hands. In the last column every event goes to \
two more endpoints as well: one that accepts calls and never answers, and one where nobody listens.

{shown}
"""
    _write_part(DELIVERIES, text)


def _write_part(head: str, text: str) -> None:
    """Put a part in its place in RESULTS.md; the first one has no head."""
    old = RESULTS.read_text() if RESULTS.exists() else ""
    heads = (LARGE, IMPORTS, DELIVERIES)
    first, *rest = re.split(rf"^({'|'.join(heads)})$", old, flags=re.MULTILINE)
    parts = {"": first} | {rest[at]: rest[at] + rest[at + 1] for at in range(0, len(rest), 2)}
    parts[head] = text
    kept = [parts.get(name, "").strip() for name in ("", *heads)]
    RESULTS.write_text("\n\n".join(part for part in kept if part) + "\n")


def busy() -> str:
    """Return how busy the machine is; ask before anything of ours runs."""
    waiting = os.getloadavg()[0]
    what = "idle" if waiting < 0.5 else f"busy with other work: load average {waiting:.1f}"
    return f"Before the run the machine was {what}."


def machine() -> str:
    """Return where and when this was measured."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine(),
    )  # fmt: skip
    cores = len(os.sched_getaffinity(0))
    memory = next(
        int(line.split()[1]) / 1_048_576
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemTotal")
    )
    commit = _output("git", "rev-parse", "--short", "HEAD") or "unknown"
    changed = " and changes" if _output("git", "status", "--porcelain", "-uno") else ""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}{changed}; {model}, {cores} cores shared by "
        f"everything, {memory:.0f} GB, Linux {platform.release().partition('-')[0]}."
    )


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _versions(peer: str) -> str:
    here = {
        "tarn": ("django", "djangorestframework", "pydantic", "psycopg", "gunicorn"),
        "drf": ("django", "djangorestframework", "psycopg", "gunicorn"),
    }
    python = f"Python {sys.version.split()[0]}"
    if peer in here:
        return ", ".join([python, *(f"{name} {version(name)}" for name in here[peer])])
    names = ("fastapi", "pydantic", "asyncpg", "uvicorn", "uvloop", "httptools")
    code = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    found = _output(str(OTHER_PYTHON), "-c", code, *names).split()
    pairs = zip(names, found, strict=True)
    return ", ".join([python, *(f"{name} {number}" for name, number in pairs)])
