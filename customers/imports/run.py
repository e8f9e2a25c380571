"""Writing the rows of an import, some at a time, each time in one transaction with the checkpoint.

The checkpoint, the counts and the customers are one commit: whenever the process dies, the import
stands exactly between two batches, and goes on there.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from billing.errors import NotAllowed
from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.statements import Statement
from customers.batches import Batch
from customers.imports.judging import Judge, Judged, Seen
from customers.imports.refusals import Flaw
from customers.imports.staging import StagedRow, note, page_after, rows_after
from customers.imports.wishes import Wish
from customers.intakes import Import, ImportRow
from customers.models import (
    AppliedTax,
    Customer,
    CustomerMetadata,
    IntegrationLink,
    ProviderLink,
    SelectedSection,
    ShippingAddress,
)

# A call of the API that meets a batch waits for its end: this long, not longer.
_SECONDS = 0.06
SIZES = (20, 2_000)
# One import at a time in an organization; the lock goes with the connection, however it ends.
_RUNNING_LOCK = 8404

Progress = Callable[[Import], None]
_State = Import.State


def run_import(
    intake: Import, progress: Progress = lambda _intake: None, *, until: int | None = None
) -> Import:
    """Write what is not written yet, to the end of the file or until somebody asks to stop.

    :param until: stop behind the row of this number, as if somebody had asked.
    :raises NotAllowed: if another import of the organization is running, or this one was undone.
    """
    with only_import(intake.organization_id):
        intake.refresh_from_db()
        if intake.state == _State.DONE:
            return intake
        _refuse_undone(intake)
        _begin(intake)
        runner = _Runner(intake, until)
        with closing(runner):
            while runner.advance():
                progress(intake)
        _end(intake, _State.DONE if runner.is_done else _State.STOPPED)
    progress(intake)
    return intake


@contextmanager
def only_import(organization_id: UUID) -> Iterator[None]:
    """Hold off every other import of the organization.

    :raises NotAllowed: if one is running.
    """
    key = (_RUNNING_LOCK, str(organization_id))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", key)
        [(is_ours,)] = cursor.fetchall()
    if not is_ours:
        raise NotAllowed("import_is_running")
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", key)


@transaction.atomic
def start(intake: Import, actor: Actor) -> bool:
    """Let a checked or stopped import begin, and return whether it was this call that did.

    What it was told last stays: `run_import` takes it on from here.

    :raises NotAllowed: if it was undone.
    """
    held = Import.objects.select_for_update(no_key=True).get(pk=intake.pk)
    if held.state not in (_State.CHECKED, _State.STOPPED):
        return False
    _refuse_undone(held)
    held.actor_id, held.actor_name, held.reason = actor.id, actor.name, actor.reason
    held.attempts = 0
    _begin(held)
    return True


def is_at_work(organization_id: UUID) -> bool:
    """Return whether some process works on an import of the organization at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND classid = %s AND objid = (hashtext(%s)::bigint & 4294967295)::oid"
            " AND objsubid = 2)",
            (_RUNNING_LOCK, str(organization_id)),
        )
        [(found,)] = cursor.fetchall()
    return bool(found)


def ask_to_stop(intake: Import) -> None:
    """Have a running import end after the rows it is at; it can go on later."""
    Import.objects.filter(pk=intake.pk).update(wants_stop=True)


@transaction.atomic
def set_aside(intake: Import) -> None:
    """Count an import whose process is gone as stopped, so that it can be taken back.

    Call it while no import can run (`only_import`).
    """
    intake.refresh_from_db()
    if intake.state == _State.RUNNING:
        _end(intake, _State.STOPPED)


def _refuse_undone(intake: Import) -> None:
    begun = (Batch.State.RUNNING, Batch.State.STOPPED, Batch.State.DONE)
    if Batch.objects.filter(undoes_id=intake.id, state__in=begun).exists():
        raise NotAllowed("import_was_undone")


@transaction.atomic
def _begin(intake: Import) -> None:
    if intake.state not in (_State.RUNNING, _State.STOPPED):
        # What the check counted was a forecast; from here on the counts are what happened.
        intake.checkpoint = 0
        intake.new = intake.changed = intake.unchanged = intake.refused = 0
    intake.state, intake.wants_stop = _State.RUNNING, False
    intake.save()
    Import.objects.filter(pk=intake.pk, started_at=None).update(started_at=Now())
    actor = intake.actor
    Batch.objects.update_or_create(
        id=intake.id,
        create_defaults={
            "organization_id": intake.organization_id, "kind": Batch.Kind.IMPORT,
            "state": Batch.State.RUNNING, "door": actor.door, "actor_id": actor.id,
            "actor_name": actor.name, "reason": actor.reason, "total": intake.total,
            "started_at": Now(),
        },
        defaults={"state": Batch.State.RUNNING, "ended_at": None},
    )  # fmt: skip


@transaction.atomic
def _end(intake: Import, state: Import.State) -> None:
    Import.objects.filter(pk=intake.pk).update(state=state, ended_at=Now())
    intake.refresh_from_db()
    Batch.objects.filter(pk=intake.pk).update(
        state=Batch.State.DONE if state == _State.DONE else Batch.State.STOPPED,
        done=intake.new + intake.changed, unchanged=intake.unchanged, skipped=intake.refused,
        position=intake.behind, ended_at=Now(), moved_at=Now(),
    )  # fmt: skip


# Both runs of one import would move it: the one that comes second finds it moved, and undoes.
_MOVE = Statement(
    "UPDATE customers_import"
    " SET checkpoint = %(to)s::int, new = new + %(new)s::int, changed = changed + %(changed)s::int,"
    " unchanged = unchanged + %(unchanged)s::int, refused = refused + %(refused)s::int"
    " WHERE id = %(import)s::uuid AND checkpoint = %(from)s::int"
    " RETURNING wants_stop"
)
STATES = {
    "created": ImportRow.State.NEW,
    "updated": ImportRow.State.CHANGED,
    "unchanged": ImportRow.State.UNCHANGED,
}


_GROWTH = 4
_KNOWN = Statement(
    "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'customers_customer'::regclass"
)
_TABLES = tuple(
    model._meta.db_table
    for model in (
        AppliedTax, ChangeRecord, Customer, CustomerMetadata, IntegrationLink, ProviderLink,
        SelectedSection, ShippingAddress,
    )
)  # fmt: skip


class MovedAside(Exception):
    """Somebody else runs the same import; what this batch had written was undone."""


class _Stopped(Exception):
    """Rows are refused, and the import was to stop at the first of them."""

    def __init__(self, refused: dict[int, list[Flaw]]) -> None:
        super().__init__(refused)
        self.refused = refused


class _Page(NamedTuple):
    """Rows of the file, the wishes of those to be written, and these judged if that is possible."""

    rows: list[StagedRow]
    read: list[tuple[StagedRow, Wish]]
    judged: list[Judged]


def _hurry() -> None:
    """Do not wait for the disk at the end of this transaction.

    If the server itself crashes, the last batches may be lost, each with its checkpoint: the
    import stands before them, and goes on there. The commit that ends the import waits for all.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


class _Statistics:
    """What the database's planner believes of the customers' tables while they grow.

    Plans that were made for a nearly empty table read the whole of it for every row, and are kept
    until somebody analyzes it. Autovacuum would, after a minute.
    """

    def __init__(self) -> None:
        self._known = _KNOWN.one({})
        self._since = 0

    def grow(self, newcomers: int) -> None:
        """Have the tables analyzed if they have become several times as large."""
        self._since += newcomers
        if self._since > _GROWTH * max(self._known, 100):
            self._known += self._since
            self._since = 0
            with connection.cursor() as cursor:
                cursor.execute(f"ANALYZE {', '.join(_TABLES)}")


class _Runner:
    """One run of an import: how many rows a batch takes, and where it stands."""

    def __init__(self, intake: Import, until: int | None = None) -> None:
        self.intake = intake
        self.until = until
        self.judge = Judge(intake)
        self.needs_look = intake.is_checked or self.judge.reader.has_notes
        self.is_done = False
        self._size = 100
        self._statistics = _Statistics()
        # Prepares the next rows while the database writes these; it never talks to the database.
        self._aside = ThreadPoolExecutor(1)
        self._next: Future[_Page] | None = None

    def close(self) -> None:
        """Let the helper go."""
        self._aside.shutdown(cancel_futures=True)

    def advance(self) -> bool:
        """Write the next batch; return False at the end, or where it is to stop."""
        page = (self._next or self._prepare_after(self.intake.checkpoint)).result()
        if not page.rows:
            self.is_done = not rows_after(self.intake, self.intake.checkpoint).exists()
            return False
        self._next = self._prepare_after(page.rows[-1].number)
        started, new = monotonic(), self.intake.new
        try:
            wants_stop = self._write(page)
        except _Stopped as stopped:
            note(self.intake.id, [_refused(*one) for one in stopped.refused.items()])
            return False
        self._size = next_size(self._size, len(page.rows), monotonic() - started)
        self._statistics.grow(self.intake.new - new)
        return not wants_stop

    def _prepare_after(self, number: int) -> "Future[_Page]":
        rows = page_after(self.intake, number, self._size)
        if self.until is not None:
            rows = [row for row in rows if row.number <= self.until]
        return self._aside.submit(self._prepare, rows)

    def _prepare(self, rows: list[StagedRow]) -> _Page:
        read = self.judge.read([row for row in rows if self._is_wanted(row)])
        judged = [] if self.needs_look else [self.judge.judge(row, wish, {}) for row, wish in read]
        return _Page(rows, read, judged)

    def _is_wanted(self, row: StagedRow) -> bool:
        """Return whether the row is to be written: of a checked import, only what was to change."""
        if self.intake.is_checked:
            return row.state in (ImportRow.State.NEW, ImportRow.State.CHANGED)
        return True

    @transaction.atomic
    def _write(self, page: _Page) -> bool:
        """Write one batch and move the checkpoint; return whether somebody asks to stop."""
        _hurry()
        judged = self._look(page.read) if self.needs_look else page.judged
        outcomes, refused = self.judge.write(judged, self.intake.actor)
        known = [row.number for row in page.rows if row.state == ImportRow.State.REFUSED]
        if self.intake.on_error == Import.OnError.STOP and (refused or known):
            raise _Stopped(refused)
        counts: Counter[str] = Counter(STATES[outcome.kind] for outcome in outcomes.values())
        counts[ImportRow.State.REFUSED] = len(refused.keys() | set(known))
        counts[ImportRow.State.UNCHANGED] += len(page.rows) - counts.total()
        note(self.intake.id, [_refused(*one) for one in refused.items()])
        return self._move(page.rows[-1].number, counts)

    def _look(self, read: Sequence[tuple[StagedRow, Wish]]) -> list[Judged]:
        """Judge the rows beside the customers as they are, held until the end of the batch."""
        seen = self.judge.look([wish for _row, wish in read], hold=True)
        judged = [self.judge.judge(row, wish, seen) for row, wish in read]
        return [_as_previewed(one, seen) for one in judged] if self.intake.is_checked else judged

    def _move(self, to: int, counts: Counter[str]) -> bool:
        values = {state.value: counts[state] for state in ImportRow.State}
        where = {"import": self.intake.id, "from": self.intake.checkpoint, "to": to}
        moved = _MOVE.row({**where, **values})
        if moved is None:
            raise MovedAside
        self.intake.checkpoint = to
        for state, count in values.items():
            setattr(self.intake, state, getattr(self.intake, state) + count)
        return bool(moved[0])


def next_size(size: int, rows: int, seconds: float) -> int:
    """Return how many rows the next batch takes so that it holds others up no longer than this."""
    wanted = int(rows * _SECONDS / max(seconds, 0.001))
    # Slowly up, at once down.
    return max(SIZES[0], min(SIZES[1], wanted, size * 2))


def _as_previewed(judged: Judged, seen: Mapping[str, Seen]) -> Judged:
    """Return the row, refused if its customer is not what it was when the preview was made."""
    stored = seen.get(judged.wish.external_id or "")
    if (stored.version if stored else 0) == judged.row.version or judged.change is None:
        return judged
    return judged._replace(change=None, flaws=[Flaw("", "stale")])


def _refused(number: int, flaws: list[Flaw]) -> dict[str, Any]:
    return {"number": number, "state": ImportRow.State.REFUSED.value, "problems": flaws}
