"""The rows of an import as its pages show them: what is new, what changes, what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.imports.mapping import ColumnMap
from customers.imports.refusals import Flaw
from customers.imports.report import say
from customers.imports.targets import IDENTITY, TARGETS
from customers.intakes import Import, ImportRow
from customers.words import Difference, difference, read_names

PAGE = 50
_SHOWN_CELL = 300
_WARNINGS = "warnings"
TABS: Sequence[tuple[str, str | Promise]] = (
    ("new", _("New")),
    ("changed", _("Changed")),
    ("unchanged", _("Unchanged")),
    ("refused", _("Refused")),
    (_WARNINGS, _("Warnings")),
)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong, or looks so, with a cell; `can_mend` where another text would help."""

    column: str
    value: str
    sentence: str
    can_mend: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One row of the file."""

    number: int
    name: str
    differences: Sequence[Difference] = ()
    wrongs: Sequence[Wrong] = ()
    mended: Sequence[str] = ()


@dataclass(slots=True)
class Page:
    """Some rows of a tab, and the numbers by which to go on and back."""

    rows: list[Shown] = field(default_factory=list)
    before: int | None = None
    after: int | None = None


def page_of(intake: Import, tab: str, *, after: int = 0, before: int | None = None) -> Page:
    """Return the rows of a tab after one number, or before another."""
    found = _of(intake, tab)
    if before is not None:
        rows = list(found.filter(number__lt=before).order_by("-number")[: PAGE + 1])
        has_more, rows = len(rows) > PAGE, rows[:PAGE][::-1]
        first, last = has_more, bool(rows)
    else:
        rows = list(found.filter(number__gt=after).order_by("number")[: PAGE + 1])
        first, last, rows = after > 0, len(rows) > PAGE, rows[:PAGE]
    return Page(
        _shown(intake, rows),
        rows[0].number if first and rows else None,
        rows[-1].number if last and rows else None,
    )


def _of(intake: Import, tab: str) -> QuerySet[ImportRow]:
    rows = ImportRow.objects.filter(intake=intake)
    return rows.filter(warnings__isnull=False) if tab == _WARNINGS else rows.filter(state=tab)


def _shown(intake: Import, rows: Sequence[ImportRow]) -> list[Shown]:
    values = [
        (path, side)
        for row in rows
        for path, pair in (row.changes or {}).items()
        for side in pair
    ]  # fmt: skip
    names = read_names(intake.organization_id, values)
    columns = ColumnMap.load(intake.mapping)
    column = columns.column_of(IDENTITY)
    return [
        Shown(
            row.number,
            cell_text(intake, row, column),
            [difference(path, old, new, names) for path, (old, new) in _changes(row).items()],
            _wrongs(intake, row, columns),
            list(row.mended or ()),
        )
        for row in rows
    ]


def _changes(row: ImportRow) -> Mapping[str, Any]:
    """Return old and new by path, in the order in which people think of fields."""
    found = row.changes or {}
    return {path: found[path] for path in sorted(found, key=lambda one: _ORDER.get(one, 99))}


_ORDER = {target: place for place, target in enumerate(TARGETS)}


def _wrongs(intake: Import, row: ImportRow, columns: ColumnMap) -> list[Wrong]:
    flaws = Flaw.load(row.problems if row.state == ImportRow.State.REFUSED else row.warnings)
    flaws = flaws or (Flaw.load(row.flaws) if row.state == ImportRow.State.REFUSED else [])
    is_out_of_place = any(flaw[0] == "" for flaw in row.flaws or ())
    return [
        Wrong(
            flaw.column,
            cell_text(intake, row, flaw.column),
            say(flaw, columns),
            flaw.column in intake.header and not is_out_of_place,
        )
        for flaw in flaws
    ]


def cell_text(intake: Import, row: ImportRow, column: str) -> str:
    """Return what stands in a cell, as text."""
    if isinstance(row.cells, dict):
        value = row.cells.get(column)
    else:
        place = intake.header.index(column) if column in intake.header else len(row.cells)
        value = row.cells[place] if place < len(row.cells) else None
    return "" if value is None else str(value)[:_SHOWN_CELL]
