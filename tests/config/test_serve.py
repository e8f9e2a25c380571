"""`manage.py serve` as a process: what it starts, answers, writes and leaves behind."""

import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from django.db import connection

from config.embedded import running
from config.management.commands.serve import alone, curl
from tests.config.test_start import ROOT, SECRETS, manage


class Server:
    """A running `manage.py serve` with the embedded database in `data`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.log = data.with_suffix(".log")
        self.environment = {
            "PATH": os.environ["PATH"],
            "TARN_DATA_DIR": str(data),
            "TARN_INSECURE_HTTP": "1",
            "PORT": "0",
            **SECRETS,
        }
        begun = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a") as written:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "serve"],
                env=self.environment, stdout=written, stderr=written, cwd=ROOT,
            )  # fmt: skip
        self.port = int(self._awaited(r"Tarn serves http://127\.0\.0\.1:(\d+)", begun))

    def _awaited(self, pattern: str, begun: int) -> str:
        for _ in range(600):
            found = re.search(pattern, self.log.read_text()[begun:])
            if found:
                return found[1]
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def get(self, target: str, **headers: str) -> http.client.HTTPResponse:
        caller = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        caller.request("GET", target, headers=headers)
        return caller.getresponse()

    def send(self, text: bytes) -> tuple[int, dict[str, object]]:
        """Send raw bytes; return the status and the JSON body of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as wire:
            wire.sendall(text)
            answer = http.client.HTTPResponse(wire)
            answer.begin()
            assert answer.headers["Content-Type"] == "application/json"
            return answer.status, json.loads(answer.read())

    def family(self) -> list[psutil.Process]:
        """Return every process that works for this server, the database included."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return children + database_processes(self.data)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=40)


def database_processes(data: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres"
        and str(data / "postgres") in (process.info["cmdline"] or [])
    ]


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
def serve(places):
    """Start servers on one data directory; whatever happens, none outlives the module."""
    started: list[Server] = []
    data = places / "data"

    def serve() -> Server:
        started.append(Server(data))
        return started[-1]

    yield serve
    for server in started:
        if server.process.poll() is None:
            server.stop()
    with running(data):
        pass  # joined and left: a database that a killed server left running stops


@pytest.fixture(scope="module")
def server(serve):
    return serve()


class TestServe:
    def test_is_healthy_and_ready(self, server):
        assert server.get("/health").status == 200
        assert server.get("/ready").status == 200

    def test_shows_the_back_office_with_its_static_files(self, server):
        page = server.get("/admin/login/").read().decode()
        [*_, sheet] = re.findall(r'href="(/static/[^"]+\.css[^"]*)"', page)

        assert server.get(sheet).status == 200

    def test_tells_its_processes_where_it_can_be_reached(self, server):
        web, worker, *_ = psutil.Process(server.process.pid).children()

        home = f"http://127.0.0.1:{server.port}"
        assert web.environ()["TARN_PUBLIC_URL"] == worker.environ()["TARN_PUBLIC_URL"] == home

    def test_lets_a_command_use_the_database_and_leaves_it_running(self, server):
        done = manage("migrate", "--check", TARN_DATA_DIR=str(server.data))

        assert done.returncode == 0, done.stderr
        assert server.get("/ready").status == 200

    def test_says_in_a_sentence_that_the_port_is_taken(self, server, tmp_path):
        done = manage(
            "serve", "--port", str(server.port), TARN_DATA_DIR=str(tmp_path / "other"), **SECRETS
        )

        assert done.returncode == 1
        assert f"port {server.port} (Address already in use)" in done.stderr
        assert "Traceback" not in done.stderr

    def test_says_in_a_sentence_that_a_port_is_none(self, tmp_path):
        done = manage("serve", "--port", "http", TARN_DATA_DIR=str(tmp_path / "x"), **SECRETS)

        assert done.returncode != 0
        assert "the port must be a number up to 65535, not 'http'" in done.stderr
        assert "Traceback" not in done.stderr

    def test_writes_nothing_of_a_request_into_its_log(self, server):
        server.get("/api/v1/customers/canary1?name=canary2", Authorization="Bearer canary3")
        server.get("/nowhere/canary4", Host="canary5.example", Cookie="canary6=canary7")
        server.send(b"GET /canary8 HTTP/1.1\r\nHost: x\r\ncanary 9: x\r\n\r\n")

        assert "canary" not in server.log.read_text()


class TestWorker:
    @pytest.mark.parametrize(
        "request_text, status",
        [
            (b"nonsense\r\n\r\n", 400),
            (b"GET / HTTP/9.9\r\n\r\n", 400),
            (b"GET /health HTTP/1.1\r\nbad header: x\r\n\r\n", 400),
            (b"GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gibberish\r\n\r\n", 400),
            (b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
            (b"GET /health HTTP/1.1\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", 431),
            (b"GET /health?" + b"x" * 66_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        ],
    )
    def test_refuses_what_is_no_request_in_json(self, server, request_text, status):
        answered, body = server.send(request_text)

        assert (answered, body["status"]) == (status, status)

    def test_takes_a_long_query(self, server):
        assert server.get("/health?" + "x" * 60_000).status == 200

    def test_passes_the_undecoded_target_on(self, server):
        answer = server.get("/%61pi/v1/customers")

        assert answer.status == 404
        assert json.loads(answer.read())["code"] == "resource_not_found"


class TestAlone:
    @pytest.mark.django_db
    def test_waits_without_holding_up_an_index_that_is_made_concurrently(self):
        """Red with pg_advisory_lock in `alone`: PostgreSQL ends one of the two as a deadlock."""
        said: list[str] = []
        address = connection.get_connection_params()
        with (
            psycopg.connect(**address, autocommit=True) as first,
            psycopg.connect(**address, autocommit=True) as second,
            ThreadPoolExecutor(1) as other,
        ):
            with alone(first.cursor(), said.append):
                waiter = other.submit(lambda: enter(second.cursor(), said))
                while not said:
                    assert not waiter.done()
                    time.sleep(0.01)
                first.execute("CREATE TABLE grown (id int)")
                first.execute("CREATE INDEX CONCURRENTLY grown_id ON grown (id)")
                first.execute("DROP TABLE grown")
            waiter.result(timeout=5)

        assert said == ["Another server is migrating this database; waiting for it ...", "in"]


def enter(cursor: psycopg.Cursor[Any], said: list[str]) -> None:
    with alone(cursor, said.append):
        said.append("in")


class TestCurl:
    def test_can_be_pasted_into_a_shell(self):
        words = shlex.split(curl("http://127.0.0.1:8000", "a-key"))

        assert words[:4] == ["curl", "--request", "POST", "http://127.0.0.1:8000/api/v1/customers"]
        assert "Authorization: Bearer a-key" in words
        assert json.loads(words[-1])["customer"]["external_id"]


class TestStop:
    """Stops the server of this module: the last of its tests."""

    def test_survives_a_killed_server_then_stops_with_all_it_started(self, serve, server):
        before = server.family()
        server.process.kill()
        server.process.wait()

        again = serve()
        family = again.family()
        code = again.stop()

        assert code == 0
        assert all(gone(process) for process in [*before, *family])
        assert database_processes(server.data) == []
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", again.port))

    def test_ends_on_ctrl_c_as_well(self, serve):
        again = serve()
        family = again.family()

        assert again.stop(signal.SIGINT) == 0
        assert all(gone(process) for process in family)
