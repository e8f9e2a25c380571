"""Imports that are begun in the back office: taken on, stopped, taken on again, forgotten."""

from datetime import timedelta

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from customers.imports import mending, tasks
from customers.imports.arrival import PIECE, receive
from customers.imports.mapping import guess_columns
from customers.imports.mending import mend_cell, replace_value
from customers.imports.run import start
from customers.imports.tasks import (
    ATTEMPTS,
    discard,
    forget_imports,
    go_on,
    resume_imports,
    stop_import,
    take_on,
    try_first,
)
from customers.intakes import Import
from customers.models import Customer
from tests.customers.imports.bringing import ACTOR, checked_import

pytestmark = pytest.mark.django_db


def lines(count: int) -> bytes:
    return b"external_id,name\n" + b"".join(b"c%d,Name %d\n" % (n, n) for n in range(count))


def jobs() -> list[str]:
    return [
        str(job.queueing_lock)
        for job in ProcrastinateJob.objects.filter(task_name="customers.take_import_on")
    ]


class TestTakingOn:
    def test_leaves_a_large_file_to_the_worker(self, organization):
        large = b"external_id,name\n" + b"c1," + b"x" * (PIECE + 10) + b"\n"
        intake = receive(organization, [large], "large.csv", ACTOR)

        go_on(intake)

        intake.refresh_from_db()
        assert (intake.state, intake.pieces.count()) == ("arrived", 2)
        assert jobs() == [f"import {intake.pk}"]
        take_on(intake.pk)
        intake.refresh_from_db()
        assert (intake.state, intake.total, intake.pieces.count()) == ("staged", 1, 0)

    def test_goes_on_with_a_check_whose_worker_is_gone(self, organization, monkeypatch):
        intake = receive(organization, [lines(700)], "customers.csv", ACTOR)
        take_on(intake.pk)
        columns = guess_columns(["external_id", "name"]).dump()
        Import.objects.filter(pk=intake.pk).update(state="mapped", mapping=columns)

        def die(_intake):
            raise KeyboardInterrupt

        monkeypatch.setattr(tasks, "_asked", die)
        with pytest.raises(KeyboardInterrupt):
            take_on(intake.pk)
        intake.refresh_from_db()
        assert intake.state == "checking"
        assert 0 < intake.new < 700
        monkeypatch.undo()
        take_on(intake.pk)

        intake.refresh_from_db()
        assert (intake.state, intake.new, intake.attempts) == ("checked", 700, 0)

    def test_is_left_to_people_after_some_attempts(self, organization):
        by_hand = Import.objects.filter(pk=checked_import(organization).pk)
        by_hand.update(state="running", actor_id="7", attempts=ATTEMPTS)
        resume_imports(0)
        assert jobs() == []

        by_hand.update(attempts=ATTEMPTS - 1)
        resume_imports(0)
        assert jobs() == [f"import {by_hand.get().pk}"]

    def test_leaves_those_of_the_command_line_alone(self, organization):
        Import.objects.filter(pk=checked_import(organization).pk).update(
            state="running", actor_id=None
        )

        resume_imports(0)

        assert jobs() == []


class TestStopping:
    def test_stops_one_whose_worker_is_gone(self, organization):
        intake = checked_import(organization)
        start(intake, ACTOR)

        stop_import(intake)

        intake.refresh_from_db()
        assert (intake.state, intake.behind) == ("stopped", 0)

    def test_tries_the_first_that_change_something(self, organization):
        intake = checked_import(organization, lines(8))
        start(intake, ACTOR)

        try_first(intake, 3)

        intake.refresh_from_db()
        assert (intake.state, intake.new, intake.checkpoint) == ("stopped", 3, 4)
        assert Customer.objects.count() == 3
        start(intake, ACTOR)
        take_on(intake.pk)
        intake.refresh_from_db()
        assert (intake.state, intake.new) == ("done", 8)


class TestMending:
    def test_tells_apart_rows_that_named_one_customer(self, organization):
        """Seen to fail without `_mark_doubles`: the other row would stay refused."""
        intake = checked_import(organization, b"external_id,name\nc1,Ann\nc1,Bob\nc2,Cid\n")
        assert (intake.new, intake.refused) == (1, 2)

        mend_cell(intake, 3, "external_id", "c3")

        intake.refresh_from_db()
        assert (intake.new, intake.refused) == (3, 0)

    def test_finds_rows_that_name_one_customer_now(self, organization):
        intake = checked_import(organization, b"external_id,name\nc1,Ann\nc2,Bob\n")

        mend_cell(intake, 3, "external_id", "c1")

        intake.refresh_from_db()
        assert (intake.new, intake.refused) == (0, 2)

    def test_remembers_what_stood_there(self, organization):
        intake = checked_import(organization)

        mend_cell(intake, 3, "country", "X")
        mend_cell(intake, 3, "country", "DE")

        assert intake.rows.get(number=3).mended == {"country": "Deutschlnd"}

    def test_checks_the_whole_file_anew_where_very_many_rows_are_meant(
        self, organization, monkeypatch
    ):
        monkeypatch.setattr(mending, "AT_ONCE", 0)
        intake = checked_import(organization)

        is_done = replace_value(intake, "country", "not_a_valid_country_code", "Deutschlnd", "DE")

        assert (is_done, intake.state) == (False, "mapped")
        take_on(intake.pk)
        intake.refresh_from_db()
        assert (intake.state, intake.new, intake.refused) == ("checked", 2, 0)


class TestForgetting:
    def test_deletes_old_rows_and_keeps_the_counts(self, organization, settings):
        intake = checked_import(organization)
        start(intake, ACTOR)
        take_on(intake.pk)
        Import.objects.update(ended_at=timezone.now() - timedelta(days=89))
        forget_imports(0)
        assert intake.rows.count() == 2

        Import.objects.update(ended_at=timezone.now() - timedelta(days=91))
        forget_imports(0)

        intake.refresh_from_db()
        assert (intake.rows.count(), intake.new, intake.refused) == (0, 1, 1)
        assert intake.emptied_at is not None

    def test_deletes_files_nobody_went_on_with(self, organization):
        checked_import(organization)
        Import.objects.update(created_at=timezone.now() - timedelta(days=8))

        forget_imports(0)

        assert not Import.objects.exists()

    def test_throws_nothing_away_that_has_written(self, organization):
        intake = checked_import(organization)
        start(intake, ACTOR)

        assert discard(intake) is False
        assert Import.objects.exists()
