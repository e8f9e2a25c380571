"""Several prepared statements in one round trip and one transaction, at libpq's own price.

psycopg's pipeline waits and flushes at every statement: it costs 80 microseconds of CPU for two
trivial statements where this costs 13, and wakes the server several times (measured on psycopg
3.3). For connections in autocommit mode: the statements up to the sync are one transaction.
"""

import select
from collections.abc import Sequence
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors, pq
from psycopg.abc import PyFormat
from psycopg.adapt import AdaptersMap, Transformer

Row = tuple[Any, ...]
Call = tuple[bytes, Sequence[Any], Sequence[pq.Format] | None]
_numbers = count()


class Adaptation:
    """What values are adapted by, without the connection: it may be kept beside it for ever."""

    connection = None

    def __init__(self, adapters: AdaptersMap) -> None:
        self.adapters = adapters


class Known:
    """What is known of a connection: names of its plans, and how its values are adapted."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.names: dict[bytes, bytes] = {}
        self._transformer = Transformer(Adaptation(connection.adapters))

    def dump(self, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[pq.Format] | None]:
        """Return values as they are sent, and their formats."""
        # How bytes are written as text depends on the connection; as they are, they are shorter.
        wanted = [PyFormat.BINARY if type(one) is bytes else PyFormat.TEXT for one in values]
        return self._transformer.dump_sequence(values, wanted), self._transformer.formats

    def load(self, result: pq.abc.PGresult) -> list[Row]:
        """Return the rows of a result."""
        self._transformer.set_pgresult(result)
        return list(self._transformer.load_rows(0, result.ntuples, tuple))


_known: WeakKeyDictionary[psycopg.Connection[Any], Known] = WeakKeyDictionary()


def run_together(
    connection: psycopg.Connection[Any], statements: Sequence[tuple[bytes, Sequence[Any]]]
) -> list[list[Row]]:
    """Run statements with their values (`$1`, each with its type cast); return the rows of each.

    :raises psycopg.Error: as a cursor would; nothing of the group was done then.
    """
    try:
        return Sent(connection, statements).rows()
    except errors.InvalidSqlStatementName:
        # After a rollback psycopg clears its plans by DEALLOCATE ALL, and ours with them; poolers
        # do the like. The group was one transaction, so it can be repeated.
        _known.pop(connection, None)
    return Sent(connection, statements).rows()


class Sent:
    """A group of statements that the server is at, while Python does something else.

    Ask for its `rows` before the connection is used for anything else.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        statements: Sequence[tuple[bytes, Sequence[Any]]],
    ) -> None:
        self._connection = connection
        known = _known.get(connection)
        if known is None:
            known = _known[connection] = Known(connection)
        self._known = known
        calls = [
            (_prepare(connection, known.names, statement), *known.dump(values))
            for statement, values in statements
        ]
        try:
            _send(connection.pgconn, calls)
        except BaseException:
            self._connection.close()  # half a conversation can't be taken up again
            raise

    def rows(self) -> list[list[Row]]:
        """Wait for the end, and return the rows of each statement.

        :raises psycopg.Error: as a cursor would; nothing of the group was done then.
        """
        try:
            results = _receive(self._connection.pgconn)
        except BaseException:
            self._connection.close()
            raise
        for result in results:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                raise errors.error_from_result(result, self._connection.info.encoding)
        return [self._known.load(result) for result in results]


def _prepare(
    connection: psycopg.Connection[Any], names: dict[bytes, bytes], statement: bytes
) -> bytes:
    """Return the name under which the server has the plan of this statement."""
    name = names.get(statement)
    if name is None:
        name = b"tarn_%d" % next(_numbers)  # never a name that the server may know already
        result = connection.pgconn.prepare(name, statement)
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise errors.error_from_result(result, connection.info.encoding)
        names[statement] = name
    return name


def _send(pgconn: pq.abc.PGconn, calls: Sequence[Call]) -> None:
    """Send all calls and a sync."""
    pgconn.enter_pipeline_mode()
    for name, values, formats in calls:
        pgconn.send_query_prepared(name, values, formats)
    pgconn.pipeline_sync()
    while pgconn.flush():
        _wait(pgconn, select.POLLIN | select.POLLOUT)


def _receive(pgconn: pq.abc.PGconn) -> list[pq.abc.PGresult]:
    """Return the results of all calls."""
    results = []
    while (result := _next_result(pgconn)).status != pq.ExecStatus.PIPELINE_SYNC:
        results.append(result)
    pgconn.exit_pipeline_mode()
    return results


def _next_result(pgconn: pq.abc.PGconn) -> pq.abc.PGresult:
    while True:
        while pgconn.is_busy():
            _wait(pgconn, select.POLLIN)
        result = pgconn.get_result()
        # None stands between the results of two statements.
        if result is not None:
            return result


def _wait(pgconn: pq.abc.PGconn, events: int) -> None:
    """Wait until the server takes or sends more, and read what it sent."""
    poller = select.poll()
    poller.register(pgconn.socket, events)
    poller.poll()
    pgconn.consume_input()
