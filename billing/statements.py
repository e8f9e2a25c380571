"""Statements that are worth preparing: sent as they are, past the ORM.

The server plans each once for a connection; Django's cursors would send it anew, with the values
written into it, each time. Errors are psycopg's own.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    OperationalError,
    connection,
    connections,
)

from billing.pipeline import Sent, run_together

Row = tuple[Any, ...]


def run(statement: LiteralString, values: Row) -> None:
    """Run a statement that returns nothing."""
    with _cursor() as cursor:
        cursor.execute(statement, values, prepare=True)


def find_one(statement: LiteralString, values: Row) -> Row | None:
    """Run a statement and return its first row, if there is one."""
    with _cursor() as cursor:
        return cursor.execute(statement, values, prepare=True, binary=True).fetchone()


def fetch_one(statement: LiteralString, values: Row) -> Row:
    """Run a statement that always returns a row, and return it."""
    row = find_one(statement, values)
    if row is None:
        raise LookupError("the statement returned no row")
    return row


def drop_dead_connection() -> bool:
    """Close a connection whose server has gone, so that the next query makes a new one.

    Statements sent past Django's cursors leave it unaware that the connection died.
    """
    raw = connection.connection
    if raw is None or not raw.closed or connection.in_atomic_block:
        return False
    connection.close()
    return True


def _cursor() -> psycopg.Cursor[Row]:
    connection.ensure_connection()
    # Django's own cursor class binds on the client's side and prepares nothing.
    return psycopg.Cursor(connection.connection)


_PLACEHOLDER = re.compile(r"%(?:\((?P<name>\w+)\)s|%)")


def _number(text: str) -> tuple[bytes, tuple[str, ...]]:
    """Return the statement with `$1` for its first name, and so on, and the names in that order.

    psycopg would look for the names again at every call, which costs more than the call.
    """
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        name = match["name"]
        return f"${numbers.setdefault(name, len(numbers) + 1)}" if name else "%"

    return _PLACEHOLDER.sub(number, text).encode(), tuple(numbers)


class Statement:
    """A statement with named values, `%(name)s`, from a `.sql` file; planned once per connection.

    Its errors are Django's, as those of the ORM.
    """

    def __init__(self, source: Path | str) -> None:
        self.text = source.read_text() if isinstance(source, Path) else source
        self._sent, self._names = _number(self.text)

    def rows(self, values: Mapping[str, Any]) -> list[Row]:
        """Return every row."""
        with connection.wrap_database_errors, _raw_cursor() as cursor:
            return self._run(cursor, values).fetchall()

    def row(self, values: Mapping[str, Any]) -> Row | None:
        """Return the first row, None if there is none."""
        with connection.wrap_database_errors, _raw_cursor() as cursor:
            return self._run(cursor, values).fetchone()

    def binary_row(self, values: Mapping[str, Any]) -> Row:
        """Return the only row; what is `bytea` comes as it is, without passing through text."""
        with connection.wrap_database_errors, _raw_cursor() as cursor:
            [row] = self._run(cursor, values, binary=True).fetchall()
        return row

    def row_anew(self, values: Mapping[str, Any]) -> Row | None:
        """Do what `row` does, once more on a new connection if the old one turns out dead.

        For the first statement of a request: nothing was written yet, so repeating it is safe.
        """
        try:
            [rows] = run_all([self], values)
        except (OperationalError, InterfaceError):
            if not drop_dead_connection():
                raise
            [rows] = run_all([self], values)
        return rows[0] if rows else None

    def rows_after(self, first: "Statement", values: Mapping[str, Any]) -> list[Row]:
        """Run `first`, then this, as `run_all` does, and return this one's rows."""
        return run_all([first, self], values)[-1]

    def column(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the first column of every row."""
        return [row[0] for row in self.rows(values)]

    def one(self, values: Mapping[str, Any]) -> Any:
        """Return the first column of the first row, None if there is no row."""
        row = self.row(values)
        return row[0] if row else None

    def _run(
        self, cursor: psycopg.RawCursor[Row], values: Mapping[str, Any], *, binary: bool = False
    ) -> psycopg.RawCursor[Row]:
        return cursor.execute(self._sent, self._bind(values), prepare=True, binary=binary)

    def _bind(self, values: Mapping[str, Any]) -> list[Any]:
        return [values[name] for name in self._names]


def run_all(statements: Sequence[Statement], values: Mapping[str, Any]) -> list[list[Row]]:
    """Run statements that take their values from one mapping, and return the rows of each.

    One round trip and one transaction, or the caller's transaction if there is one.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if database.in_atomic_block:
        # A savepoint that was rolled back may have cost us the plans; psycopg knows of its own.
        return [statement.rows(values) for statement in statements]
    if database.connection is None:
        database.ensure_connection()
    with database.wrap_database_errors:
        return run_together(
            database.connection,
            [(statement._sent, statement._bind(values)) for statement in statements],
        )


class Lane:
    """A second connection: the server works on what was sent while Python goes on.

    Its commits do not wait for the disk. It sees nothing of a transaction of the first one.
    """

    def __init__(self) -> None:
        self._database = connection.copy()
        with self._database.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
        self._sent: Sent

    def send(self, statements: Sequence[Statement], values: Mapping[str, Any]) -> None:
        """Send statements that take their values from one mapping: one transaction."""
        with self._database.wrap_database_errors:
            self._sent = Sent(
                self._database.connection,
                [(statement._sent, statement._bind(values)) for statement in statements],
            )

    def rows(self) -> list[list[Row]]:
        """Wait for the end of what was sent, and return the rows of each statement."""
        with self._database.wrap_database_errors:
            return self._sent.rows()

    def close(self) -> None:
        """Let the connection go; what was sent may be done or not."""
        self._database.close()


def _raw_cursor() -> psycopg.RawCursor[Row]:
    connection.ensure_connection()
    return psycopg.RawCursor(connection.connection)
