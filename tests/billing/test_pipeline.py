import psycopg
import pytest
from django.db import connection

from billing.pipeline import run_together

FIRST = b"SELECT set_config('tests.pipeline', $1::text, true)"
SECOND = b"SELECT current_setting('tests.pipeline', true), $1::int"


@pytest.mark.django_db(transaction=True)
class TestRunTogether:
    def test_returns_the_rows_of_the_last_statement_in_one_transaction(self):
        connection.ensure_connection()

        rows = run_together(connection.connection, [(FIRST, ["here"]), (SECOND, [7])])

        assert rows[-1] == [("here", 7)]

    @pytest.mark.parametrize("lost", ["DEALLOCATE ALL", "DISCARD ALL"])
    def test_plans_anew_what_somebody_made_the_server_forget(self, lost):
        """psycopg does so after each rollback: a refused write of a tax broke the next customer."""
        connection.ensure_connection()
        run_together(connection.connection, [(FIRST, ["a"]), (SECOND, [1])])
        connection.connection.execute(lost)

        again = [
            run_together(connection.connection, [(FIRST, ["b"]), (SECOND, [2])])[-1]
            for _ in range(2)
        ]

        assert again == [[("b", 2)]] * 2

    def test_leaves_a_usable_connection_after_an_error(self):
        connection.ensure_connection()

        with pytest.raises(psycopg.errors.DivisionByZero):
            run_together(connection.connection, [(b"SELECT 1 / $1::int", [0]), (SECOND, [1])])

        assert run_together(connection.connection, [(FIRST, ["c"]), (SECOND, [3])])[-1] == [
            ("c", 3)
        ]

    def test_hands_bytes_over_as_they_are(self):
        """Red if they are written as text, which nobody can read without knowing the server."""
        connection.ensure_connection()

        sent = (b"SELECT encode($1::bytea, 'hex'), $2::text", [b"\x00\\'\xff", "\\x41"])

        assert run_together(connection.connection, [sent]) == [[("005c27ff", "\\x41")]]
