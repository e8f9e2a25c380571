"""Tarn as an installation runs it: `manage.py serve` in processes of its own, called over HTTP."""

import http.client
import json as jsonlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.embedded import Cluster, running
from tests.conftest import Answer, Client, Headers

ROOT = Path(__file__).parents[2]
SETUP = Path(__file__).parent / "data" / "setup.yaml"
ACME_READ_KEY = "acme-read-0123456789abcdef"
ACME_OLD_KEY = "acme-old-0123456789abcdef"
STRIPE_SECRET = "sk_live_canary_of_a_connection"
_PATIENCE = 180.0

_ENVIRONMENT = {
    "SECRET_KEY": "canary of the secret key: a long text that nobody else knows, 60 chars",
    "TARN_ENCRYPTION_KEYS": "dGVzdHMgb25seSB0ZXN0cyBvbmx5IHRlc3RzIG9ubHk=",
    "TARN_INSECURE_HTTP": "1",
    # At its most talkative the log must tell nothing either.
    "LOG_LEVEL": "DEBUG",
    "TARN_CLIENT_TIMEOUT": "3",
    "ACME_READ_KEY": ACME_READ_KEY,
    "ACME_OLD_KEY": ACME_OLD_KEY,
    "STRIPE_SECRET_KEY": STRIPE_SECRET,
}


@dataclass
class LiveServer:
    """A running `manage.py serve --no-demo` with the embedded database in `data`."""

    data: Path
    process: "subprocess.Popen[bytes]"
    log_file: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, key: str | None) -> "LiveClient":
        """Return a client that speaks to this server."""
        return LiveClient(key, port=self.port)

    def manage(self, *words: str) -> str:
        """Run a command beside the server and return what it printed."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *words],
            env=_environment(self.data), cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def apply(self, setup: str) -> None:
        """Apply a set-up file of this text."""
        file = self.log_file.with_name("setup.yaml")
        file.write_text(setup)
        self.manage("apply", str(file))

    def create_api_key(self, *words: str) -> str:
        """Return a new key, the last line of what the command prints."""
        return self.manage("create_api_key", *words).splitlines()[-1]

    def log(self) -> str:
        """Return everything that the server and its database wrote so far."""
        database = self.data / "postgres" / "server.log"
        return self.log_file.read_text() + database.read_text(errors="replace")

    def kill_database(self) -> None:
        """Stop PostgreSQL as a crash would: at once, every session cut off."""
        postmaster = Cluster(self.data).postmaster()
        assert postmaster is not None
        os.kill(postmaster.pid, signal.SIGQUIT)

    def exchange(self, *parts: bytes, pause: float = 0.0) -> "Wire":
        """Send bytes as they are, in these pieces, and return what came back until the end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as wire:
            for part in parts:
                try:
                    wire.sendall(part)
                except OSError:
                    break  # the server has heard enough
                time.sleep(pause)
            return Wire(_read_all(wire))

    def stop(self) -> int:
        """Ask for the end and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=_PATIENCE)


@dataclass
class LiveClient(Client):
    """A `Client` that calls a live server; the target goes out exactly as given."""

    port: int = 0
    timeout: float = 20.0
    _wire: http.client.HTTPConnection | None = field(default=None, repr=False)

    def request(
        self,
        method: str,
        target: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request on the client's connection and return the answer."""
        sent = self._headers(headers or {}, json is not None)
        if json is not None:
            body = jsonlib.dumps(json).encode()
        wire = self._wire or http.client.HTTPConnection("127.0.0.1", self.port, self.timeout)
        self._wire = None  # kept only if all goes well
        wire._validate_path = lambda url: None  # type: ignore[attr-defined] # any target goes
        wire.request(method, target, body, sent)
        answer = wire.getresponse()
        found = Headers({name.lower(): value for name, value in answer.getheaders()})
        content = answer.read()
        if answer.will_close:
            wire.close()
        else:
            self._wire = wire
        return Answer(answer.status, found, content)

    def close(self) -> None:
        """Let go of the connection."""
        if self._wire is not None:
            self._wire.close()


@dataclass(frozen=True)
class Wire:
    """All bytes that a server sent on one connection."""

    data: bytes

    def answers(self) -> list[Answer]:
        """Return every answer in the bytes; nothing may stand between or after them."""
        found, rest = [], self.data
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            status, *lines = head.decode("latin-1").split("\r\n")
            number = int(status.split()[1])
            headers = Headers()
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            if number == 100:
                continue
            length = int(headers["content-length"])
            found.append(Answer(number, headers, rest[:length]))
            rest = rest[length:]
        return found


def _read_all(wire: socket.socket) -> bytes:
    received = b""
    try:
        while part := wire.recv(65_536):
            received += part
    except ConnectionResetError:
        pass  # what came before it counts
    return received


def _environment(data: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "TARN_DATA_DIR": str(data), **_ENVIRONMENT}


@contextmanager
def served(*options: str, **environment: str) -> Iterator[LiveServer]:
    """Have a server run on a port and in a directory of its own for as long as the block lasts."""
    place = Path(tempfile.mkdtemp(prefix="tarn-tests-"))
    log_file = place / "serve.log"
    with log_file.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "serve", "--no-demo", "--port", "0",
             "--workers", "2", *options],
            env=_environment(place / "data") | environment, cwd=ROOT, stdout=written,
            stderr=written,
        )  # fmt: skip
    try:
        yield LiveServer(place / "data", process, log_file, _port(process, log_file))
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=_PATIENCE)
        with running(place / "data"):
            pass  # joined and left: a database that outlived its server stops
        shutil.rmtree(place, ignore_errors=True)


def _port(process: "subprocess.Popen[bytes]", log_file: Path) -> int:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"Tarn serves http://127\.0\.0\.1:(\d+)", log_file.read_text()):
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError(log_file.read_text())
