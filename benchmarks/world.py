"""The ground every peer stands on: one embedded PostgreSQL, a database each, reset by copies."""

from pathlib import Path

import psycopg
from psycopg import sql

from config.embedded import Cluster

HERE = Path(__file__).parent
DATA = HERE / ".data"

# Every column but those the database computes; tables in any order, since no foreign key is
# checked while a replica's role is played.
_TABLES = """
SELECT c.relname::text, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c
JOIN pg_attribute a
    ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  AND c.relname !~ '^(procrastinate|django|auth|axes)_'
GROUP BY 1
"""


def start() -> Cluster:
    """Start the server as `make run` has it: durable, with fsync."""
    cluster = Cluster(DATA)
    cluster.start()
    return cluster


def connect(address: str) -> psycopg.Connection:
    """Return a connection that commits each statement."""
    return psycopg.connect(address, autocommit=True)


def make_database(cluster: Cluster, name: str) -> str:
    """Make an empty database in place of an old one and return its address."""
    with connect(cluster.url("postgres")) as connection:
        named = sql.Identifier(name)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(named))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(named))
    return cluster.url(name)


def copy_database(cluster: Cluster, source: str, name: str) -> str:
    """Make a copy of a database in place of an old one and return its address."""
    with connect(cluster.url("postgres")) as connection:
        old, new = sql.Identifier(source), sql.Identifier(name)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(new))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(new, old))
        connection.execute("CHECKPOINT")
    return cluster.url(name)


def keep(address: str) -> None:
    """Copy every table aside, for `restore`."""
    with connect(address) as connection:
        connection.execute("CREATE SCHEMA kept")
        for table, _ in connection.execute(_TABLES).fetchall():
            name = sql.Identifier(table)
            connection.execute(
                sql.SQL("CREATE TABLE kept.{} AS TABLE public.{}").format(name, name)
            )


def restore(address: str) -> None:
    """Put every table back as it was kept: no bloat, fresh statistics, after a checkpoint."""
    with connect(address) as connection:
        tables = connection.execute(_TABLES).fetchall()
        while not _refilled(connection, tables):
            pass
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _refilled(connection: psycopg.Connection, tables: list[tuple[str, list[str]]]) -> bool:
    """Put every table back; False if a job of the worker was in the way, and nothing was done."""
    names = sql.SQL(", ").join(sql.Identifier("public", table) for table, _ in tables)
    try:
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(sql.SQL("TRUNCATE {}").format(names))
            for table, columns in tables:
                connection.execute(_refill(table, columns))
    except psycopg.errors.DeadlockDetected:
        return False
    return True


def _refill(table: str, columns: list[str]) -> sql.Composed:
    refill = "INSERT INTO public.{0} ({1}) OVERRIDING SYSTEM VALUE SELECT {1} FROM kept.{0}"
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL(refill).format(sql.Identifier(table), names)


def fetch(address: str, statement: str) -> tuple[object, ...]:
    """Return the only row of a statement."""
    with connect(address) as connection:
        [row] = connection.execute(statement).fetchall()
    return tuple(row)
