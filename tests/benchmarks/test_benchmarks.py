"""The benchmark runs; no figure is looked at."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest

from benchmarks import __main__, load, report, world
from benchmarks.scenarios import CREATE, REWRITE, UPDATE, Bodies, Scenario, get


class Answering(BaseHTTPRequestHandler):
    """Answers 200 to everything but `/broken`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"x" * 300_000
        self.send_response(500 if self.path == "/broken" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


class TestRun:
    def test_counts_every_answer(self, port: int) -> None:
        sent = (get("/") for _ in range(20))

        sample = load.run(port, sent, connections=4, seconds=30)

        assert (sample.requests, len(sample.latencies)) == (20, 20)

    def test_stops_at_an_answer_that_is_no_success(self, port: int) -> None:
        sent = iter([get("/"), get("/broken")])

        with pytest.raises(load.UnexpectedAnswer, match="500"):
            load.run(port, sent, connections=1, seconds=30)


class TestBodies:
    @pytest.mark.parametrize("scenario", [UPDATE, REWRITE, CREATE])
    def test_makes_bodies_that_differ(self, scenario: Scenario) -> None:
        one, other = (json.loads(body)["customer"] for body in islice(Bodies(scenario, 5, "a"), 2))

        assert one["name"] != other["name"]
        assert one.keys() == other.keys()

    def test_makes_the_same_bodies_for_every_peer(self) -> None:
        assert [*islice(Bodies(UPDATE, 500, "a"), 9)] == [*islice(Bodies(UPDATE, 500, "a"), 9)]


class TestReport:
    def test_leaves_the_parts_of_others(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Seen to fail with a part missing among the heads."""
        monkeypatch.setattr(report, "RESULTS", tmp_path / "RESULTS.md")
        for write in (report.write_deliveries, report.write_imports, report.write_large) * 2:
            write(1, f"table of {write.__name__}", "")

        words = report.RESULTS.read_text()
        found = [words.index(head) for head in (report.LARGE, report.IMPORTS, report.DELIVERIES)]
        assert found == sorted(found)
        assert words.count("table of ") == 3


class TestMain:
    def test_measures_tarn_beside_its_limit(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sizes = ["--customers", "50", "--rounds", "1", "--seconds", "0.3", "--warm-up", "0.2"]

        # Not pytest's own directory: every run of it closes that to PostgreSQL's account.
        with TemporaryDirectory(prefix="tarn-tests-") as data:
            monkeypatch.setattr(world, "DATA", Path(data))
            __main__.main(["--only", "tarn,limit", "--scenario", "create", *sizes])

        table = capsys.readouterr().out
        assert "| upsert, share of the statements without HTTP |" in table
        assert "| statements and round trips per upsert |" in table
