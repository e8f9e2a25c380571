"""The world every test lives in: an embedded PostgreSQL, an organization, a client of the API."""

import io
import json as jsonlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.backends.postgresql.operations import DatabaseOperations

from config.database import database
from config.embedded import Cluster

_server: list[tuple[Cluster, Path]] = []


def pytest_configure(config: pytest.Config) -> None:
    """Have one embedded PostgreSQL for the run; each worker of pytest-xdist has its database.

    TARN_TEST_DATABASE_URL names another server to run the tests on.
    """
    url = os.environ.get("TARN_TEST_DATABASE_URL")
    if url is None:
        directory = Path(tempfile.mkdtemp(prefix="tarn-tests-"))
        cluster = Cluster(directory, durable=False)
        _server.append((cluster, directory))
        url = os.environ["TARN_TEST_DATABASE_URL"] = cluster.start()
    settings.DATABASES["default"].update(database(url))
    _spare_transactions()


def _spare_transactions() -> None:
    """Have requests leave a connection alone that a test has a transaction on."""
    judge = DatabaseWrapper.close_if_unusable_or_obsolete

    def spare(connection: DatabaseWrapper) -> None:
        if not connection.in_atomic_block:
            judge(connection)

    DatabaseWrapper.close_if_unusable_or_obsolete = spare


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server we started, and leave nothing of it behind."""
    while _server:
        cluster, directory = _server.pop()
        cluster.stop()
        shutil.rmtree(directory, ignore_errors=True)
        del os.environ["TARN_TEST_DATABASE_URL"]


@dataclass
class Answer:
    """What the server answered; header names in any case."""

    status: int
    headers: "Headers"
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return jsonlib.loads(self.body)


class Headers(dict[str, str]):
    """Headers by lower-case name, whatever case they are asked for in."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


@dataclass
class Client:
    """Calls Tarn's WSGI application in this process, with the target exactly as given.

    `key` goes out as the bearer key unless a call brings its own `Authorization`; None sends
    none. `json` is sent as JSON text, `body` as it is.
    """

    key: str | None = None
    defaults: dict[str, str] = field(default_factory=dict)

    def request(
        self,
        method: str,
        target: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and return the answer."""
        from config.wsgi import application

        sent = self._headers(headers or {}, json is not None)
        if json is not None:
            body = jsonlib.dumps(json).encode()
        began: list[tuple[str, list[tuple[str, str]]]] = []
        chunks = application(
            environ(method, target, body, sent),
            lambda status, found, *_: began.append((status, found)),
        )
        try:
            content = b"".join(chunks)
        finally:
            getattr(chunks, "close", lambda: None)()
        [(status, found)] = began
        return Answer(
            int(status.split()[0]), Headers({name.lower(): value for name, value in found}), content
        )

    def get(self, target: str, **options: Any) -> Answer:
        return self.request("GET", target, **options)

    def post(self, target: str, **options: Any) -> Answer:
        return self.request("POST", target, **options)

    def put(self, target: str, **options: Any) -> Answer:
        return self.request("PUT", target, **options)

    def patch(self, target: str, **options: Any) -> Answer:
        return self.request("PATCH", target, **options)

    def delete(self, target: str, **options: Any) -> Answer:
        return self.request("DELETE", target, **options)

    def _headers(self, given: Mapping[str, str], with_json: bool) -> dict[str, str]:
        headers = {name.lower(): value for name, value in self.defaults.items()}
        if self.key is not None:
            headers["authorization"] = f"Bearer {self.key}"
        if with_json:
            headers["content-type"] = "application/json"
        return headers | {name.lower(): value for name, value in given.items()}


def environ(
    method: str, target: str, body: bytes | None, headers: Mapping[str, str]
) -> dict[str, Any]:
    """Return what gunicorn would hand over for this request."""
    from urllib.parse import unquote_to_bytes

    path, _, query = target.partition("?")
    found: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "RAW_URI": target,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body or b""),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        found[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    if body is not None and "HTTP_TRANSFER_ENCODING" not in found:
        found.setdefault("CONTENT_LENGTH", str(len(body)))
    return found


@pytest.fixture(scope="session", autouse=True)
def _empty_append_only_tables_too() -> None:
    """Let the emptying of tables after a `transaction=True` test pass the append-only trigger.

    The jobs, which are no tables of Django's, go with them: the next test would find them waiting.
    """

    def execute_sql_flush(operations: DatabaseOperations, statements: list[str]) -> None:
        with transaction.atomic(), operations.connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                cursor.execute(statement)
            if statements:
                cursor.execute("TRUNCATE procrastinate_jobs CASCADE")

    DatabaseOperations.execute_sql_flush = execute_sql_flush  # type: ignore[method-assign]


# The world that billing's and customers' tests start from. Builders (`make_organization`, ...)
# live beside the tests of what they make; these fixtures hand out one of each.

API_KEY = "tarn_tests_" + "k" * 32


@pytest.fixture
def organization(db: None) -> Any:
    """An organization with its default billing entity, `acme_corp`."""
    from tests.billing.builders import make_organization

    return make_organization(name="Acme", slug="acme", document_number_prefix="ACM-1A2B")


@pytest.fixture
def api(organization: Any) -> Client:
    """A client with a key of the organization that may do everything."""
    from hashlib import sha256

    from billing.api.models import ApiKey

    ApiKey.objects.create(
        organization=organization,
        name="tests",
        key_hash=sha256(API_KEY.encode()).digest(),
        last_four=API_KEY[-4:],
    )
    return Client(API_KEY)


@pytest.fixture
def anonymous(db: None) -> Client:
    """A client without a key."""
    return Client()
