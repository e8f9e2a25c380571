"""`manage.py serve`: the main process of an installation."""

import contextlib
import http.client
import io
import json
import os
import shlex
import socket
import sys
import time
from argparse import ArgumentTypeError, BooleanOptionalAction
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandParser, call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from django.db.backends.utils import CursorWrapper

from config.start import revive_database
from config.supervisor import Child, Supervisor
from demo.fakes import FAKES, KEYS

MIGRATION_LOCK = 7_226_001  # any number, the same for every server that shares a database
EXAMPLE = Path("demo/customer.json")


class Command(BaseCommand):
    """Run Tarn: migrations, web server and worker, and the embedded PostgreSQL if need be."""

    help = "Run Tarn: migrate, then serve the API and the back office and work off the jobs."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what can be chosen."""
        parser.add_argument(
            "--host",
            default="127.0.0.1",
            help="address to listen on; 127.0.0.1, this machine alone, if absent",
        )
        parser.add_argument(
            "--port",
            type=_port,
            default=os.environ.get("PORT") or "8000",
            help="port to listen on; PORT in the environment is the default, else 8000",
        )
        parser.add_argument("--workers", type=int, help="web processes; one per core, at least 2")
        parser.add_argument(
            "--demo",
            action=BooleanOptionalAction,
            default=False,
            help="make keys if none are set, load the demo, and show how to try it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until a signal asks for the end."""
        self.supervisor = Supervisor([], self._say, check=revive_database)
        self.stand_ins: dict[str, str] = {}
        began = time.monotonic()
        with contextlib.closing(listen(options["host"], options["port"])) as door:
            address = (options["host"], door.getsockname()[1])
            demo = self._prepare(demo=options["demo"])
            self.supervisor.listen()
            os.environ.setdefault("TARN_PUBLIC_URL", url(*address))  # what is started inherits it
            self._launch(door, options["workers"], url(*address), demo)
            try:
                if self._answers(address):
                    self._introduce(url(*address), demo, time.monotonic() - began)
                code = self.supervisor.wait()
            finally:
                self.supervisor.stop()
        self._say("Stopped.")
        sys.exit(code)

    def _prepare(self, *, demo: bool) -> dict[str, Any] | None:
        """Bring the database up to date; return what the demo holds if it was asked for."""
        with connection.cursor() as cursor, alone(cursor, self._say):
            call_command("migrate", verbosity=0, interactive=False)
            loaded = call_command("load_demo", stdout=io.StringIO()) if demo else None
        connections.close_all()
        return json.loads(loaded) if loaded else None

    def _stand_ins(self, address: str, demo: dict[str, Any]) -> Child:
        """Return the stand-ins for providers, and have the other processes call them.

        A provider whose address is set already stays the one that is called.
        """
        directory = str(settings.DATA_DIR / "stand-ins")
        whom = [address, demo["organization_id"]]
        command = [sys.executable, "-m", "demo.fakes", directory, *whom]
        child = Child("stand-in for providers", command, essential=False)
        for name in FAKES:
            if setting_of(name) in os.environ:
                continue
            bound = listen("127.0.0.1", 0)
            bound.listen()  # who calls before the stand-in is up waits for it
            self.stand_ins[name] = f"http://127.0.0.1:{bound.getsockname()[1]}"
            os.environ[setting_of(name)] = self.stand_ins[name]
            for setting, value in KEYS.get(name, {}).items():
                os.environ.setdefault(setting, value)
            child.command = [*child.command, f"{name}={bound.fileno()}"]
            child.descriptors = [*child.descriptors, bound.detach()]
        return child

    def _launch(
        self,
        door: socket.socket,
        workers: int | None,
        address: str,
        demo: dict[str, Any] | None,
    ) -> None:
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "python:config.server"]
        binding = ["--bind", f"fd://{door.fileno()}"]
        number = ["--workers", str(workers)] if workers else []
        manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
        # The checks are the web server's; to check screens and addresses is to load them all.
        work = ["procrastinate", "--skip-checks", "worker", "--shutdown-graceful-timeout", "10"]
        deleting = ["--delete-jobs", "successful"]
        web = Child("web server", [*gunicorn, *binding, *number], essential=True)
        web.descriptors = [door.fileno()]
        # Who waits for an answer goes first: what happens after the commit can come a bit later.
        worker = Child("worker", [*manage, *work, *deleting], essential=False, niceness=10)
        children = [web, worker]
        if demo is not None:
            children.append(self._stand_ins(address, demo))
        for child in children:
            child.directory = settings.BASE_DIR
        self.supervisor.children = children
        self.supervisor.start()

    def _answers(self, address: tuple[str, int]) -> bool:
        """Wait until the web server answers; False if it never will."""
        while not self.supervisor.ending and not self.supervisor.children[0].died():
            if healthy(*address):
                return True
            time.sleep(0.1)
        return False

    def _introduce(self, address: str, demo: dict[str, Any] | None, seconds: float) -> None:
        lines = [f"Tarn serves {address} (started in {seconds:.1f} s; Ctrl-C stops it)"]
        if demo is not None:
            lines += ["", f"Admin: {address}/admin/"]
            lines += [f"  {one['email']}  password: {one['password']}" for one in demo["staff"]]
            lines += ["", f"Organization: {demo['organization']}", f"API key: {demo['api_key']}"]
            lines += ["", "Stand-ins for other programs, where linked customers appear:"]
            lines += [f"  {name}: {where}" for name, where in self.stand_ins.items()]
            lines += ["", "Try it:", "", curl(address, demo["api_key"])]
        self._say("\n".join(lines))

    def _say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()


@contextmanager
def alone(cursor: CursorWrapper, say: Callable[[str], None]) -> Iterator[None]:
    """Let one server at a time migrate a database that several share.

    Asked for anew until it is free: who waits for a lock inside a statement holds a snapshot,
    and an index that is made CONCURRENTLY would wait for that one in turn.
    """
    told = False
    while not _taken(cursor):
        if not told:
            say("Another server is migrating this database; waiting for it ...")
            told = True
        time.sleep(0.2)
    yield
    cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def _taken(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATION_LOCK])
    [is_ours] = cursor.fetchone() or [False]
    return bool(is_ours)


def setting_of(provider: str) -> str:
    """Return the setting that names the address of a provider."""
    return f"TARN_{provider.upper()}_URL"


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise ArgumentTypeError(f"the port must be a number up to 65535, not {text!r}")
    return int(text)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; the web server inherits it and listens.

    :raises CommandError: if the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise CommandError(
            f"Cannot listen on {host}, port {port} ({error.strerror}): "
            "choose another with --port or PORT."
        ) from error
    return bound


def healthy(host: str, port: int) -> bool:
    """Say whether the web server answers."""
    caller = http.client.HTTPConnection(_reachable(host), port, timeout=5)
    try:
        caller.request("GET", "/health", headers={"Connection": "close"})
        return caller.getresponse().status == 200
    except OSError:
        return False
    finally:
        caller.close()


def url(host: str, port: int) -> str:
    """Return the address to type into a browser on this machine."""
    name = _reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 # compared only


def curl(address: str, key: str) -> str:
    """Return the documented first call, ready to paste."""
    body = (settings.BASE_DIR / EXAMPLE).read_text().strip()
    return (
        f"curl --request POST {address}/api/v1/customers \\\n"
        f"  --header 'Authorization: Bearer {key}' \\\n"
        "  --header 'Content-Type: application/json' \\\n"
        f"  --data {shlex.quote(body)}"
    )
