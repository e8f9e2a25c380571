import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection

from config.database import database, unreachable


class TestDatabase:
    def test_reads_an_address_as_postgresql_does(self):
        found = database("postgres://ann:p%40ss@db.example:6543/books?sslmode=require")

        assert [found[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")] == [
            "books", "ann", "p@ss", "db.example", "6543",
        ]  # fmt: skip
        assert found["OPTIONS"]["sslmode"] == "require"

    @pytest.mark.parametrize(
        "url",
        [
            "mysql://u:canary@h/x",
            "canary",
            "postgres://u:canary@host:a1/x",
            "postgres://u:canary@h",
        ],
    )
    def test_refuses_in_one_sentence_without_the_password(self, url):
        with pytest.raises(ImproperlyConfigured) as refusal:
            database(url)

        assert "canary" not in str(refusal.value)
        assert str(refusal.value).startswith("DATABASE_URL")
        assert "\n" not in str(refusal.value)

    def test_prepares_a_statement_at_its_first_execution(self, db):
        connection.ensure_connection()
        with psycopg.Cursor(connection.connection) as cursor:
            cursor.execute("SELECT %s::int AS prepared_at_once", [1])
            cursor.execute(
                "SELECT count(*) FROM pg_prepared_statements "
                "WHERE statement LIKE 'SELECT $1::int AS %' AND NOT from_sql"
            )

            assert cursor.fetchone() == (1,)


class TestUnreachable:
    def test_tells_a_lost_connection_from_a_refused_statement(self):
        lost, late = OperationalError(), OperationalError()
        lost.__cause__ = psycopg.OperationalError("connection refused\nIs it running?")
        late.__cause__ = psycopg.errors.QueryCanceled("statement timeout")

        assert unreachable(late) is None
        assert unreachable(lost) == (
            "The database at DATABASE_URL cannot be reached: connection refused Is it running?"
        )
