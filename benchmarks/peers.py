"""Who is measured: how each is installed, filled, started and checked."""

import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from benchmarks import world
from benchmarks.processes import Server, free_port
from benchmarks.scenarios import API_KEY
from config.embedded import Cluster

HERE = Path(__file__).parent
ROOT = HERE.parent
OTHER_PYTHON = HERE / ".venv" / "bin" / "python"

# Any keys will do: nothing secret is stored.
TARN = {
    "SECRET_KEY": "benchmark " * 8,
    "TARN_ENCRYPTION_KEYS": "YmVuY2htYXJrIGJlbmNobWFyayBiZW5jaG1hcmsgMTI=",
    "TARN_INSECURE_HTTP": "1",
    "DJANGO_SETTINGS_MODULE": "config.settings",
}


_TWO_ENDPOINTS = """
INSERT INTO billing_webhookendpoint (id, organization_id, webhook_url, signature_algo, event_types)
SELECT gen_random_uuid(), id, %s || number, 'hmac', '{customer.created,customer.updated}'
FROM billing_organization, generate_series(1, 2) number
"""


@dataclass
class Peer(ABC):
    """A stack that does the whole job.

    :param records: the statement that counts the change records, to prove that each was written.
    :param marker: what the start-up message of its own connections holds (see wire.py).
    """

    name: str
    title: str
    does: str
    records: str
    marker: bytes = b""
    address: str = ""
    server: Server | None = None
    environment: dict[str, str] = field(default_factory=dict)
    where: Path = ROOT
    scenarios: tuple[str, ...] = ("update", "rewrite", "create", "page")

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """Return how it is started."""

    @abstractmethod
    def fill(self, customers: int) -> None:
        """Make its tables and its customers."""

    def prepare(self, cluster: Cluster, customers: int) -> None:
        """Make its database, keep a copy of it, and start the server on it."""
        self.address = world.make_database(cluster, f"bench_{self.name}")
        self.fill(customers)
        world.keep(self.address)
        world.restore(self.address)
        self.start()

    def start(self, address: str | None = None) -> None:
        """Start the server, on another address of its database if one is given."""
        port = free_port()
        environment = self.environment | {"DATABASE_URL": address or self.address}
        self.server = Server(self.name, self.command(port), port, environment, self.where)
        self.server.wait()

    def stop(self) -> None:
        """Stop the server."""
        if self.server is not None:
            self.server.stop()
            self.server = None

    def run_sql(self, file: Path, customers: int) -> None:
        """Run a file of statements."""
        values = {"customers": customers, "key_hash": sha256(API_KEY.encode()).digest()}
        with world.connect(self.address) as connection:
            for statement in file.read_text().split(";\n"):
                if statement.strip():
                    used = values if "%(" in statement else None
                    connection.execute(statement.encode(), used)

    def run_program(self, *arguments: str) -> None:
        """Run a program on its database with its settings."""
        environment = os.environ | self.environment | {"DATABASE_URL": self.address}
        subprocess.run([sys.executable, *arguments], cwd=self.where, env=environment, check=True)

    def read_program(self, *arguments: str) -> str:
        """Return what a program says of its database."""
        own = {"DATABASE_URL": self.address, "LOG_LEVEL": "WARNING"}
        environment = os.environ | self.environment | own
        command = [sys.executable, *arguments]
        shown = subprocess.run(
            command, cwd=self.where, env=environment, check=True, text=True, stdout=subprocess.PIPE
        ).stdout
        # Log lines of the application are no part of the table.
        return "\n".join(line for line in shown.splitlines() if not line.startswith("{"))


class Tarn(Peer):
    """Tarn as `manage.py serve` runs it, its worker included."""

    def command(self, port: int) -> list[str]:
        return [sys.executable, "manage.py", "serve", "--no-demo", "--port", str(port)]

    def fill(self, customers: int) -> None:
        self.run_program("-m", "benchmarks.tarn_seed", str(customers))


class Telling(Tarn):
    """Tarn that tells two endpoints of what changes, and a provider."""

    receiver: Server | None = None

    def fill(self, customers: int) -> None:
        super().fill(customers)
        port = free_port()
        with world.connect(self.address) as connection:
            connection.execute(_TWO_ENDPOINTS, [f"http://127.0.0.1:{port}/"])
        command = [sys.executable, "-m", "benchmarks.receiver", str(port)]
        self.receiver = Server("receiver", command, port, {}, ROOT)
        self.receiver.wait()

    def stop(self) -> None:
        super().stop()
        if self.receiver is not None:
            self.receiver.stop()
            self.receiver = None


class Silent(Tarn):
    """Tarn that tells nobody."""

    def fill(self, customers: int) -> None:
        super().fill(customers)
        with world.connect(self.address) as connection:
            connection.execute("DELETE FROM customers_providerlink")


class FastApi(Peer):
    """FastAPI and asyncpg under uvicorn."""

    def command(self, port: int) -> list[str]:
        return [
            str(OTHER_PYTHON), "-m", "uvicorn", "fastapi_peer.app:app", "--port", str(port),
            "--workers", "2", "--loop", "uvloop", "--http", "httptools", "--no-access-log",
            "--timeout-keep-alive", "75",
        ]  # fmt: skip

    def fill(self, customers: int) -> None:
        self.run_sql(HERE / "fastapi_peer" / "schema.sql", customers)
        self.run_sql(HERE / "fastapi_peer" / "seed.sql", customers)


class Drf(Peer):
    """Django REST framework under gunicorn."""

    def command(self, port: int) -> list[str]:
        return [
            sys.executable, "-m", "gunicorn", "drf_peer.wsgi", "--bind", f"127.0.0.1:{port}",
            "--worker-class", "gthread", "--workers", "2", "--threads", "4", "--keep-alive", "75",
        ]  # fmt: skip

    def fill(self, customers: int) -> None:
        self.run_program("-m", "django", "migrate", "--run-syncdb", "--verbosity", "0")
        self.run_sql(HERE / "drf_peer" / "seed.sql", customers)


def http_peers() -> dict[str, Peer]:
    """Return the peers that answer over HTTP, by name."""
    tarn = Tarn(
        "tarn",
        "Tarn",
        "`manage.py serve` as it comes: gunicorn, 2 workers of 4 threads, and the job worker.",
        "SELECT count(*) FROM billing_changerecord",
        marker=b"tarn-web",
        environment=TARN,
    )
    fastapi = FastApi(
        "fastapi",
        "FastAPI + asyncpg",
        "uvicorn (uvloop, httptools), 2 workers with 4 connections each; pydantic in and out; "
        "one transaction of some ten statements, prepared by asyncpg, one or two per table; the "
        "change record's old values are read under the lock of the customer's row.",
        "SELECT count(*) FROM change_record",
        environment={"PYTHONPATH": str(HERE)},
        where=HERE,
    )
    drf = Drf(
        "drf",
        "DRF + ORM",
        "gunicorn, 2 workers of 4 threads; ModelSerializers with nested ones, whose `create` and "
        "`update` write the parts by `update_or_create`, `set` and `save` in one transaction; "
        "lists use `select_related` and `prefetch_related`.",
        "SELECT count(*) FROM drf_peer_changerecord",
        environment={"PYTHONPATH": str(HERE), "DJANGO_SETTINGS_MODULE": "drf_peer.settings"},
        where=HERE,
    )
    return {peer.name: peer for peer in (tarn, fastapi, drf, *_alike(tarn))}


def _alike(tarn: Tarn) -> Iterator[Tarn]:
    """Return Tarn twice, differing only in whom it tells of changes."""
    yield Telling(
        "telling",
        "Tarn that tells",
        "two endpoints, which take all, and a link to Stripe without a key, which refuses at once.",
        tarn.records,
        marker=tarn.marker,
        environment=TARN | {"TARN_WEBHOOK_ALLOW_LOCAL": "1"},
        scenarios=("told",),
    )
    yield Silent(
        "silent",
        "Tarn that tells nobody",
        "the same without endpoints and links.",
        tarn.records,
        marker=tarn.marker,
        environment=TARN,
        scenarios=("told",),
    )
