import os
import pwd
import signal
import stat
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from config.embedded import Cluster, EmbeddedError, running


@pytest.fixture
def cluster(place):
    cluster = Cluster(place / "data", durable=False)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def stranger(cluster):
    """A program of the account the server runs under, which is no server."""
    account = pwd.getpwuid(cluster.files.stat().st_uid)
    as_owner = {"user": account.pw_uid} if os.geteuid() == 0 else {}
    program = subprocess.Popen(["/bin/sleep", "60"], **as_owner)
    yield program
    program.kill()
    program.wait()


def ask(cluster: Cluster, question: str) -> object:
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        answer = connection.execute(question)
        return answer.fetchone()[0] if answer.description else None


def kill(cluster: Cluster) -> None:
    pid = cluster.postmaster().pid
    os.kill(pid, signal.SIGKILL)
    while cluster.postmaster() is not None:
        time.sleep(0.02)


class TestCluster:
    def test_is_what_tarn_needs(self, cluster):
        ask(cluster, "CREATE EXTENSION pg_trgm")

        assert ask(cluster, "SHOW server_encoding") == "UTF8"
        assert ask(cluster, "SELECT datlocale FROM pg_database WHERE datname = 'tarn'") == "C.UTF-8"
        assert ask(cluster, "SELECT upper('é') || ('a' < 'B')::text") == "Éfalse"

    def test_is_reached_by_nobody_else(self, cluster):
        assert ask(cluster, "SHOW listen_addresses") == ""
        assert stat.S_IMODE(cluster.files.stat().st_mode) == 0o700
        assert stat.S_IMODE(cluster.directory.stat().st_mode) in (0o700, 0o711)

    def test_stops_with_its_last_user(self, cluster):
        with running(cluster.directory, durable=False) as beside:
            assert beside.url() == cluster.url()
        assert cluster.postmaster() is not None

        cluster.stop()

        assert cluster.postmaster() is None

    def test_outlives_its_starter_while_somebody_uses_it(self, cluster):
        beside = Cluster(cluster.directory, durable=False)
        beside.start()

        cluster.stop()

        assert ask(beside, "SELECT 1") == 1
        beside.stop()
        assert cluster.postmaster() is None

    def test_starts_after_it_was_killed_and_has_kept_its_data(self, place):
        """Fails with durable=False, as tests have it: the last commits are lost."""
        with running(place) as cluster:
            ask(cluster, "CREATE TABLE kept AS SELECT 7 AS n")
            kill(cluster)

        with running(place) as cluster:
            assert ask(cluster, "SELECT n FROM kept") == 7

    def test_starts_when_its_old_number_is_another_programs(self, cluster, stranger):
        """Fails with "lock file already exists" when `_disown_pid` is taken out."""
        file = cluster.files / "postmaster.pid"
        _, *rest = file.read_text().splitlines(keepends=True)
        cluster.stop()
        file.write_text("".join([f"{stranger.pid}\n", *rest]))

        cluster.start()

        assert ask(cluster, "SELECT 1") == 1
        assert stranger.poll() is None

    def test_is_revived_at_the_same_address(self, cluster):
        before = cluster.url()
        kill(cluster)

        assert cluster.revive() is True

        assert cluster.url() == before
        assert ask(cluster, "SELECT 1") == 1
        assert cluster.revive() is False

    def test_finds_another_place_for_its_socket_when_the_path_is_long(self, place):
        """Red when another one is made at a revival: whoever is connected would not find it."""
        deep = place / ("d" * 60) / ("e" * 60)

        with running(deep, durable=False) as cluster:
            sockets = cluster.postmaster().sockets
            kill(cluster)
            cluster.revive()
            assert cluster.postmaster().sockets == sockets
            assert ask(cluster, "SELECT 1") == 1

        assert sockets != cluster.files
        assert not sockets.exists()

    def test_clears_up_after_an_initialization_that_was_interrupted(self, place):
        (place / "postgres.new").mkdir()
        (place / "postgres.new" / "half").touch()

        with running(place, durable=False) as cluster:
            assert ask(cluster, "SELECT 1") == 1

    def test_begins_in_an_empty_directory(self, place):
        (place / "postgres").mkdir()

        with running(place, durable=False) as cluster:
            assert cluster.postmaster() is not None

    def test_refuses_files_that_are_not_whole(self, place):
        (place / "postgres").mkdir()
        (place / "postgres" / "base").mkdir()

        with pytest.raises(EmbeddedError, match="no whole database"), running(place):
            pass

    def test_refuses_a_place_that_is_no_directory(self, place):
        (place / "file").touch()

        with pytest.raises(EmbeddedError, match="is no directory"), running(place / "file"):
            pass

    def test_refuses_files_of_another_version(self, cluster):
        cluster.stop()
        (cluster.files / "PG_VERSION").write_text("15\n")

        with pytest.raises(EmbeddedError, match="written by PostgreSQL 15"):
            cluster.start()

    def test_says_why_it_can_not_start(self, cluster):
        """Red while only the last line was told: "Examine the log output."."""
        cluster.stop()
        (cluster.files / "postgresql.conf").write_text("port = nonsense\n")

        with pytest.raises(EmbeddedError, match=r"can't start: FATAL: .*server\.log"):
            cluster.start()

    def test_writes_no_values_into_its_log(self, cluster):
        ask(cluster, "CREATE TABLE people (name text PRIMARY KEY)")
        ask(cluster, "INSERT INTO people VALUES ('canary')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            ask(cluster, "INSERT INTO people VALUES ('canary')")

        log = Path(cluster.files / "server.log").read_text()

        assert "duplicate key" in log
        assert "canary" not in log
