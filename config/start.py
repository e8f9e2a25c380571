"""What a command needs before Django wakes: a database, and for the demo its keys."""

import base64
import json
import os
import secrets
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.embedded import Cluster

# Of these none looks at the database.
WITHOUT_DATABASE = {
    "", "help", "version", "check", "collectstatic", "compilemessages", "findstatic",
    "makemessages", "makemigrations", "spectacular",
}  # fmt: skip

_running: "list[Cluster]" = []


def run(argv: Sequence[str]) -> None:
    """Run one command of manage.py, and say in a sentence what is missing for it."""
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import Error

    from config.database import unreachable

    try:
        with surroundings(argv):
            execute_from_command_line(list(argv))
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except Error as error:
        sentence = unreachable(error)
        if sentence is None:
            raise
        sys.exit(sentence)
    except KeyboardInterrupt:
        sys.exit(130)


@contextmanager
def surroundings(argv: Sequence[str]) -> Iterator[None]:
    """Put into the environment what the command needs and nobody has set.

    Without DATABASE_URL that is the embedded PostgreSQL, running for as long as the block lasts.
    """
    command = argv[1] if len(argv) > 1 else ""
    serving = command == "serve" and not {"-h", "--help"} & set(argv)
    data = Path(os.environ.get("TARN_DATA_DIR") or ".data").resolve()
    if os.environ.get("DATABASE_URL"):
        _check_address()
    if serving and wants_demo(argv):
        os.environ.setdefault("TARN_INSECURE_HTTP", "1")
        _adopt(demo_keys(data))
    elif not serving and not os.environ.get("DATABASE_URL") and keys_file(data).exists():
        _adopt(demo_keys(data))  # a command beside the demo works on what the demo sealed
    if serving:
        _refuse_without_keys()
    with ExitStack() as until_done:
        if not os.environ.get("DATABASE_URL") and _needs_database(command, argv):
            os.environ["DATABASE_URL"] = until_done.enter_context(_embedded(data))
        yield


def revive_database() -> None:
    """Start the embedded PostgreSQL again if it is ours and has died."""
    for cluster in _running:
        if cluster.revive():
            sys.stderr.write("The embedded PostgreSQL had died; it runs again.\n")


def wants_demo(argv: Sequence[str]) -> bool:
    """Say whether `serve` was asked for the demo; the last word counts."""
    words = [word for word in argv if word in ("--demo", "--no-demo")]
    return bool(words) and words[-1] == "--demo"


def keys_file(data: Path) -> Path:
    """Return where the demo keeps its keys."""
    return data / "demo-keys.json"


def demo_keys(data: Path) -> dict[str, str]:
    """Return the keys of the demo in `data`, made at its first start and readable by us alone."""
    file = keys_file(data)
    try:
        if not file.exists():
            _make_demo_keys(file)
        found: dict[str, str] = json.loads(file.read_text())
    except OSError as error:
        sys.exit(f"{error.filename} can't be used ({error.strerror}); TARN_DATA_DIR names another.")
    except ValueError:
        sys.exit(f"{file} is damaged: restore it; without it the demo's secrets can't be read.")
    return found


def _make_demo_keys(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "TARN_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }
    aside = file.with_suffix(".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as written:
        json.dump(keys, written)
    aside.rename(file)


def _adopt(keys: dict[str, str]) -> None:
    for name, value in keys.items():
        if not os.environ.get(name):
            os.environ[name] = value


def _refuse_without_keys() -> None:
    for name, purpose in {
        "SECRET_KEY": "a long random text that signs sessions",
        "TARN_ENCRYPTION_KEYS": "Fernet keys that encrypt the secrets of connections",
    }.items():
        if not os.environ.get(name):
            sys.exit(f"{name} is not set: give {purpose}, or try Tarn with serve --demo.")


def _check_address() -> None:
    from django.core.exceptions import ImproperlyConfigured

    from config.database import database

    try:
        database(os.environ["DATABASE_URL"])
    except ImproperlyConfigured as error:
        sys.exit(str(error))


def _needs_database(command: str, argv: Sequence[str]) -> bool:
    return command not in WITHOUT_DATABASE and not {"-h", "--help", "--version"} & set(argv)


@contextmanager
def _embedded(data: Path) -> Iterator[str]:
    """Run the embedded PostgreSQL, and stop it on SIGTERM too."""
    from config.embedded import EmbeddedError, running

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with running(data) as cluster:
            _running.append(cluster)
            yield cluster.url()
    except EmbeddedError as error:
        sys.exit(str(error))
