"""Writing the rows of an import: while the database writes some, the next ones are decided."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from django.db import DatabaseError, InterfaceError, connection, transaction

from billing.statements import Lane, Statement
from customers.imports.agreed import AGREE, agreeing, keep_agreed
from customers.imports.growth import Growth
from customers.imports.judging import Judge, Judged, agreed_of, changes_of
from customers.imports.refusals import Flaw
from customers.imports.staging import NOTE, StagedRow, note, noted, page_after, rows_after
from customers.intakes import Import, ImportRow
from customers.write import Decided, Foreseen, decide_customers, write_allowed

# A call of the API that meets a batch waits for its end: this long, not longer.
_SECONDS = 0.06
# Memory, and the time until somebody who asks to stop is heard, set the upper one.
SIZES = (20, 200)
# Rows that need no decision come in between: so many more of them at once hold nobody up.
_FARTHEST = 4_000
STATES = {
    "created": ImportRow.State.NEW,
    "updated": ImportRow.State.CHANGED,
    "unchanged": ImportRow.State.UNCHANGED,
}
# Both runs of one import would move it: the one that comes second finds it moved, and undoes.
_HOLD = Statement("SELECT customers_hold_import(%(import)s::uuid, %(from)s::int)")
# Whoever was faster than the statements of `Decided` left them nothing to write. What they wrote,
# this transaction wrote.
_MOVE = Statement(
    "SELECT * FROM customers_move_import(%(import)s::uuid, %(to)s::int, %(new)s::int,"
    " %(changed)s::int, %(unchanged)s::int, %(refused)s::int, %(witness)s::text = '' OR EXISTS ("
    "SELECT FROM customers_customer WHERE organization_id = %(organization)s::uuid"
    " AND external_id = %(witness)s::text AND deleted_at IS NULL"
    " AND xmin = pg_current_xact_id()::xid))"
)
_MOVED_ASIDE = "TN001"


class MovedAside(Exception):
    """Somebody else runs the same import; what this batch had written was undone."""


class _Stopped(Exception):
    """Rows are refused, and the import was to stop at the first of them."""

    def __init__(self, refused: dict[int, list[Flaw]]) -> None:
        super().__init__(refused)
        self.refused = refused


class _Page(NamedTuple):
    """Rows of the file, those of them to be written, and these decided where that goes ahead."""

    rows: list[StagedRow]
    terms: bytes
    judged: list[Judged]
    decided: Decided | None


class Runner:
    """One run of an import: how many rows a batch takes, and where it stands."""

    def __init__(self, intake: Import, until: int | None = None) -> None:
        self.intake = intake
        self.is_done = False
        self._until = until
        self._judge = Judge(intake)
        self._growth = Growth()
        self._size = 100
        self._reach = 100
        # Nobody else sees what is done within a transaction, so there is no second lane.
        self._lane = None if connection.in_atomic_block else Lane()
        self._next: _Page | None = None

    def close(self) -> None:
        """Let the second connection go."""
        if self._lane:
            self._lane.close()

    def advance(self) -> bool:
        """Write the next batch; return False at the end, or where it is to stop."""
        page = self._next or self._page_after(self.intake.checkpoint)
        if not page.rows:
            self.is_done = not rows_after(self.intake, self.intake.checkpoint).exists()
            return False
        new = self.intake.new
        try:
            wants_stop, seconds = self._write(page)
        except _Stopped as stopped:
            note(self.intake.id, _refused(stopped.refused))
            return False
        if page.judged:
            self._size = next_size(self._size, len(page.judged), seconds)
        self._growth.add(self.intake.new - new)
        return not wants_stop

    def _page_after(self, number: int) -> _Page:
        found, terms = page_after(self.intake, number, max(self._size, self._reach))
        rows, wanted = self._cut(found)
        judged = self._judge.read(wanted)
        if self.intake.is_checked:
            for one in judged:
                if one.change is not None:
                    # Whom somebody has changed since the preview is left out.
                    one.change.expecting(one.row.version or 0)
        if self._lane is None:
            return _Page(rows, terms, judged, None)
        changes = changes_of(judged)
        decided = decide_customers(self.intake.organization_id, changes, self.intake.actor)
        return _Page(rows, terms, judged, decided)

    def _cut(self, found: list[StagedRow]) -> tuple[list[StagedRow], list[StagedRow]]:
        """Return the rows of the next batch, and those of them that are to be decided."""
        if self._until is not None:
            found = [row for row in found if row.number <= self._until]
        wanted = [row for row in found if self._is_wanted(row)]
        # As many as hold a batch to be decided, if the next rows are like these.
        times = min(2.0, self._size / max(1, len(wanted)))
        self._reach = min(_FARTHEST, int(len(found) * times))
        if len(wanted) <= self._size:
            return found, wanted
        beyond = wanted[self._size].number
        return [row for row in found if row.number < beyond], wanted[: self._size]

    def _is_wanted(self, row: StagedRow) -> bool:
        """Return whether the row is to be written: of a checked import, only what was to change."""
        if self.intake.is_checked:
            return row.state in (ImportRow.State.NEW, ImportRow.State.CHANGED)
        return not row.is_agreed

    def _write(self, page: _Page) -> tuple[bool, float]:
        """Write one batch and move the checkpoint.

        :return: whether somebody asks to stop, and how long it held others up.
        """
        self._next = None
        if self._lane is None or page.decided is None:
            return self._write_locked(page)
        try:
            return self._write_decided(page, page.decided, self._lane)
        except (DatabaseError, InterfaceError):
            # Somebody was faster, or took what these needed: under locks it comes out which.
            return self._write_locked(page)

    def _write_decided(self, page: _Page, decided: Decided, lane: Lane) -> tuple[bool, float]:
        outcomes, refused = self._judge.sort(page.judged, decided.found)
        counts = self._count(page, outcomes, refused)
        notes = [NOTE] if refused else []
        agrees = [AGREE] if outcomes else []
        lane.send(
            [_HOLD, *decided.statements, *notes, *agrees, _MOVE],
            decided.values | self._step(page, counts, decided.witness)
            | noted(self.intake.id, _refused(refused))
            | agreeing(self.intake, page.terms, agreed_of(page.judged, outcomes)),
        )  # fmt: skip
        self._next = self._page_after(page.rows[-1].number)
        *_, [moved] = lane.rows()
        self._note(page, counts)
        return moved

    @transaction.atomic
    def _write_locked(self, page: _Page) -> tuple[bool, float]:
        self._hold()
        changes = changes_of(page.judged)
        found = write_allowed(self.intake.organization_id, changes, self.intake.actor)
        outcomes, refused = self._judge.sort(page.judged, found)
        counts = self._count(page, outcomes, refused)
        note(self.intake.id, _refused(refused))
        if outcomes:
            keep_agreed(self.intake, page.terms, agreed_of(page.judged, outcomes))
        [moved] = _MOVE.rows(self._step(page, counts, ""))
        self._note(page, counts)
        return moved

    def _hold(self) -> None:
        try:
            _HOLD.rows({"import": self.intake.id, "from": self.intake.checkpoint})
        except DatabaseError as error:
            cause = error.__cause__
            if isinstance(cause, psycopg.Error) and cause.sqlstate == _MOVED_ASIDE:
                raise MovedAside from None
            raise

    def _count(
        self,
        page: _Page,
        outcomes: Mapping[int, Foreseen],
        refused: dict[int, list[Flaw]],
    ) -> Counter[str]:
        """Return how many rows become what.

        :raises _Stopped: if some are refused, and the import is to stop then.
        """
        known = [row.number for row in page.rows if row.state == ImportRow.State.REFUSED]
        if self.intake.on_error == Import.OnError.STOP and (refused or known):
            raise _Stopped(refused)
        counts: Counter[str] = Counter(STATES[outcome.kind] for outcome in outcomes.values())
        counts[ImportRow.State.REFUSED] = len(refused.keys() | set(known))
        counts[ImportRow.State.UNCHANGED] += len(page.rows) - counts.total()
        return counts

    def _step(self, page: _Page, counts: Counter[str], witness: str) -> dict[str, Any]:
        return {
            "import": self.intake.id, "from": self.intake.checkpoint,
            "to": page.rows[-1].number, "organization": self.intake.organization_id,
            "witness": witness, **{state.value: counts[state] for state in ImportRow.State},
        }  # fmt: skip

    def _note(self, page: _Page, counts: Counter[str]) -> None:
        self.intake.checkpoint = page.rows[-1].number
        for state in ImportRow.State:
            setattr(self.intake, state, getattr(self.intake, state) + counts[state])


def next_size(size: int, rows: int, seconds: float) -> int:
    """Return how many rows the next batch takes so that it holds others up no longer than this."""
    wanted = int(rows * _SECONDS / max(seconds, 0.001))
    # Slowly up, at once down.
    return max(SIZES[0], min(SIZES[1], wanted, size * 2))


def _refused(refused: Mapping[int, Sequence[Flaw]]) -> list[dict[str, Any]]:
    state = ImportRow.State.REFUSED.value
    return [
        {"number": number, "state": state, "problems": flaws} for number, flaws in refused.items()
    ]
