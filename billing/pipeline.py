"""Several prepared statements in one round trip and one transaction, at libpq's own price.

psycopg's pipeline waits and flushes at every statement: it costs 80 microseconds of CPU for two
trivial statements where this costs 13, and wakes the server several times (measured on psycopg
3.3). For connections in autocommit mode: the statements up to the sync are one transaction.
"""

import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors, pq
from psycopg.abc import PyFormat
from psycopg.adapt import Transformer

Row = tuple[Any, ...]
_numbers = count()
_prepared: WeakKeyDictionary[psycopg.Connection[Any], dict[bytes, bytes]] = WeakKeyDictionary()


def run_together(
    connection: psycopg.Connection[Any], statements: Sequence[tuple[bytes, Sequence[Any]]]
) -> list[list[Row]]:
    """Run statements with their values (`$1`, each with its type cast); return the rows of each.

    :raises psycopg.Error: as a cursor would; nothing of the group was done then.
    """
    try:
        return _run(connection, statements)
    except errors.InvalidSqlStatementName:
        # After a rollback psycopg clears its plans by DEALLOCATE ALL, and ours with them; poolers
        # do the like. The group was one transaction, so it can be repeated.
        _prepared.pop(connection, None)
    return _run(connection, statements)


def _run(
    connection: psycopg.Connection[Any], statements: Sequence[tuple[bytes, Sequence[Any]]]
) -> list[list[Row]]:
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
        self._transformer = Transformer(connection)
        calls = [
            (
                _prepare(connection, statement),
                self._transformer.dump_sequence(values, [PyFormat.TEXT] * len(values)),
            )
            for statement, values in statements
        ]
        with self._whole():
            _send(connection.pgconn, calls)

    def rows(self) -> list[list[Row]]:
        """Wait for the end, and return the rows of each statement.

        :raises psycopg.Error: as a cursor would; nothing of the group was done then.
        """
        with self._whole():
            results = _receive(self._connection.pgconn)
        for result in results:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                raise errors.error_from_result(result, self._connection.info.encoding)
        return [self._load(result) for result in results]

    def _load(self, result: pq.abc.PGresult) -> list[Row]:
        self._transformer.set_pgresult(result)
        return list(self._transformer.load_rows(0, result.ntuples, tuple))

    @contextmanager
    def _whole(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # Half a conversation can't be taken up again.
            self._connection.close()
            raise


def _prepare(connection: psycopg.Connection[Any], statement: bytes) -> bytes:
    """Return the name under which the server has the plan of this statement."""
    names = _prepared.setdefault(connection, {})
    name = names.get(statement)
    if name is None:
        name = b"tarn_%d" % next(_numbers)  # never a name that the server may know already
        result = connection.pgconn.prepare(name, statement)
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise errors.error_from_result(result, connection.info.encoding)
        names[statement] = name
    return name


def _send(pgconn: pq.abc.PGconn, calls: Sequence[tuple[bytes, Sequence[Any]]]) -> None:
    """Send all calls and a sync."""
    pgconn.enter_pipeline_mode()
    for name, values in calls:
        pgconn.send_query_prepared(name, values)
    pgconn.pipeline_sync()
    poller = select.poll()
    poller.register(pgconn.socket, select.POLLIN | select.POLLOUT)
    while pgconn.flush():
        poller.poll()
        pgconn.consume_input()


def _receive(pgconn: pq.abc.PGconn) -> list[pq.abc.PGresult]:
    """Return the results of all calls."""
    poller = select.poll()
    poller.register(pgconn.socket, select.POLLIN)
    results = []
    while (result := _next_result(pgconn, poller)).status != pq.ExecStatus.PIPELINE_SYNC:
        results.append(result)
    pgconn.exit_pipeline_mode()
    return results


def _next_result(pgconn: pq.abc.PGconn, poller: select.poll) -> pq.abc.PGresult:
    while True:
        while pgconn.is_busy():
            poller.poll()
            pgconn.consume_input()
        result = pgconn.get_result()
        # None stands between the results of two statements.
        if result is not None:
            return result
