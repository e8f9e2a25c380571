"""Files of the customers a query means: all of them, in its order, with the columns chosen.

Rows are read some thousand at a time and go into pieces of a megabyte, so that neither a worker nor
a page ever holds a list, however long.
"""

import csv
import io
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Protocol
from uuid import UUID

import psycopg
from django.db import OperationalError, connection
from django.utils import timezone, translation

from billing.errors import NotFound
from customers.cells import neutralize
from customers.columns import COLUMNS, known_columns, with_columns
from customers.models import Export, ExportPiece
from customers.search import CustomerQuery
from customers.trail import HEADINGS, Trail
from customers.trail import rows as rows_of_changes

KEPT_FOR = timedelta(days=7)
_INSERT_PIECE = "INSERT INTO customers_exportpiece (export_id, number, data) VALUES (%s, %s, %s)"
_UNFINISHED = (Export.State.WAITING, Export.State.RUNNING)
# Without a sign of life for so long, an export may have been left behind.
_QUIET = timedelta(minutes=1)
_TAKEN_UP_FOR = timedelta(days=1)
_PIECE = 1_048_576
_ROWS_AT_ONCE = 2_000
_PROGRESS_EVERY = 5_000
# What a sheet holds beside its head.
SHEET_ROWS = 1_048_575
CELL_LENGTH = 32_767

Cells = Sequence[Any]


# --- Asking, reading, forgetting ---------------------------------------------------------------


def exports_of(organization_id: UUID, person_id: int) -> Any:
    """Return the exports a person asked for, newest first; nobody sees those of others."""
    mine = Export.objects.filter(organization=organization_id, person=person_id)
    return mine.filter(created_at__gt=timezone.now() - KEPT_FOR).order_by("-created_at")


def ask_for_export(
    query: CustomerQuery | Trail, person_id: int, columns: Sequence[str], file: str, language: str
) -> Export:
    """Note that somebody wants a file; `write_export` makes it."""
    is_history = isinstance(query, Trail)
    return Export.objects.create(
        organization_id=query.organization_id,
        person_id=person_id,
        kind=Export.Kind.HISTORY if is_history else Export.Kind.CUSTOMERS,
        query=query.querystring(),
        columns=list(known_columns(columns)),
        format=Export.Format(file),
        language=language,
    )


def describe(export: Export) -> list[str]:
    """Return what the file is narrowed to, in words."""
    if export.kind == Export.Kind.HISTORY:
        return Trail.parse(export.organization_id, export.query).describe()
    query = CustomerQuery.parse(export.organization_id, export.query)
    return [f"{chip.label}: {chip.value}" for chip in query.describe()]


def pieces(export: Export) -> Iterator[bytes]:
    """Return the file, piece by piece."""
    numbers = export.pieces.order_by("number").values_list("number", flat=True)
    for number in list(numbers):
        data: Any = ExportPiece.objects.values_list("data", flat=True)
        yield bytes(data.get(export=export, number=number))


def forget_exports() -> None:
    """Delete the exports that are too old; they hold personal data."""
    Export.objects.filter(created_at__lte=timezone.now() - KEPT_FOR).delete()


# --- Writing -----------------------------------------------------------------------------------


def write_export(export_id: UUID) -> None:
    """Write the file of an export; one that is written or being written is left alone.

    What a worker left behind that was killed is written anew.

    :raises NotFound: if it was deleted meanwhile.
    """
    with _held(export_id) as is_ours:
        unfinished = Export.objects.filter(pk=export_id, state__in=_UNFINISHED)
        running = {"state": Export.State.RUNNING, "rows": 0, "touched_at": timezone.now()}
        if not is_ours or not unfinished.update(**running):
            return
        export = Export.objects.get(pk=export_id)
        export.pieces.all().delete()
        try:
            _write(export)
        except OperationalError:
            raise  # the database is gone, and with it our hold: taken up again within minutes
        except Exception:
            # Whatever it was, the person who waits has to see that no file will come; the worker
            # logs the error itself.
            _fail(export)
            raise


def left_behind() -> list[UUID]:
    """Return the exports that nobody seems to write; those that are a day old have failed."""
    quiet = timezone.now() - _QUIET
    found = Export.objects.filter(state__in=_UNFINISHED, touched_at__lt=quiet)
    too_old = timezone.now() - _TAKEN_UP_FOR
    for export in found.filter(created_at__lt=too_old):
        _fail(export)
    return list(found.filter(created_at__gte=too_old).values_list("pk", flat=True))


def _fail(export: Export) -> None:
    Export.objects.filter(pk=export.pk).update(state=Export.State.FAILED)
    export.pieces.all().delete()


@contextmanager
def _held(export_id: UUID) -> Iterator[bool]:
    """Hold the export while it is written; the lock dies with the worker, so it never lies."""
    key = [f"export:{export_id}"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", key)
        [is_ours] = cursor.fetchone()
    try:
        yield is_ours
    finally:
        if is_ours and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)


def _write(export: Export) -> None:
    store = _Store(export)
    with translation.override(export.language), _WRITERS[export.format](store) as write:
        headings, rows = _TABLES[export.kind](export)
        write([str(heading) for heading in headings])
        for number, cells in enumerate(rows, start=1):
            write(cells)
            if number % _PROGRESS_EVERY == 0:
                _tell(export, number)
            export.rows = number
    store.close()
    done = {"state": Export.State.DONE, "rows": export.rows, "size": store.size}
    Export.objects.filter(pk=export.pk).update(**done, touched_at=timezone.now())


def _customers(export: Export) -> tuple[Cells, Iterator[Cells]]:
    query = CustomerQuery.parse(export.organization_id, export.query)
    columns = [column for name in export.columns for column in COLUMNS[name].cells]
    found = with_columns(query.ordered(), export.organization_id, export.columns)
    rows = ([value(row) for _, value in columns] for row in found.iterator(_ROWS_AT_ONCE))
    return [heading for heading, _ in columns], rows


def _changes(export: Export) -> tuple[Cells, Iterator[Cells]]:
    return HEADINGS, rows_of_changes(Trail.parse(export.organization_id, export.query))


_TABLES: dict[str, Callable[[Export], tuple[Cells, Iterator[Cells]]]] = {
    Export.Kind.CUSTOMERS: _customers,
    Export.Kind.HISTORY: _changes,
}


def _tell(export: Export, rows: int) -> None:
    """Show how far it is.

    :raises NotFound: if the export was deleted meanwhile.
    """
    running = Export.objects.filter(pk=export.pk)
    if not running.update(rows=rows, touched_at=timezone.now()):
        raise NotFound("export")


class _Write(Protocol):
    def __call__(self, cells: Cells, /) -> None: ...


@dataclass(slots=True)
class _Store:
    """Takes a file's bytes into pieces."""

    export: Export
    size: int = 0
    number: int = 0
    kept: bytes = b""

    def add(self, data: bytes) -> None:
        """Take some bytes."""
        self.kept += data
        while len(self.kept) >= _PIECE:
            self._store(self.kept[:_PIECE])
            self.kept = self.kept[_PIECE:]

    def close(self) -> None:
        """Store what is left."""
        if self.kept:
            self._store(self.kept)
            self.kept = b""

    def _store(self, data: bytes) -> None:
        # Bound by the server. Django would spell the data out in the statement, and the driver
        # counts the last hundred statements by their text: a million rows grew by 200 MB.
        with psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(_INSERT_PIECE, [self.export.pk, self.number, data])
        self.number += 1
        self.size += len(data)


@contextmanager
def _csv(store: _Store) -> Iterator[_Write]:
    """Write UTF-8 with the mark by which Excel knows it, and commas."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def write(cells: Cells) -> None:
        writer.writerow([_text(cell) for cell in cells])
        if buffer.tell() > _PIECE // 4:
            flush()

    def flush() -> None:
        store.add(buffer.getvalue().encode())
        buffer.seek(0)
        buffer.truncate()

    store.add("\ufeff".encode())
    yield write
    flush()


def _text(cell: Any) -> str:
    """Return the cell as text that no spreadsheet takes for a formula; nothing stays nothing."""
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return "" if cell is None or cell == "" else neutralize(str(cell))


@contextmanager
def _xlsx(store: _Store) -> Iterator[_Write]:
    """Write sheets row by row to a file of the worker, then take it into pieces."""
    with tempfile.TemporaryDirectory(prefix="tarn-export-") as directory:
        name = os.path.join(directory, "export.xlsx")  # noqa: PTH118
        options = {"constant_memory": True, "tmpdir": directory, "remove_timezone": True}
        import xlsxwriter  # four megabytes that hardly any process needs

        book = xlsxwriter.Workbook(name, options)
        yield _Sheets(book)
        book.close()
        with open(name, "rb") as file:  # noqa: PTH123
            _take(file, store)


def _take(file: BinaryIO, store: _Store) -> None:
    while data := file.read(_PIECE):
        store.add(data)


class _Sheets:
    """Writes rows; a new sheet begins where one is full."""

    def __init__(self, book: Any) -> None:
        self.book = book
        self.head: Cells | None = None
        self.bold = book.add_format({"bold": True})
        self.moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        self.number = 0
        self.sheet: Any = None

    def __call__(self, cells: Cells) -> None:
        if self.head is None:
            self.head = cells
            self._begin()
            return
        if self.number > SHEET_ROWS:
            self._begin()
        for place, cell in enumerate(cells):
            self._cell(place, cell)
        self.number += 1

    def _begin(self) -> None:
        self.sheet = self.book.add_worksheet()
        self.sheet.freeze_panes(1, 0)
        for place, cell in enumerate(self.head or ()):
            self.sheet.write_string(0, place, cell, self.bold)
        self.number = 1

    def _cell(self, place: int, cell: Any) -> None:
        if cell is None or cell == "":
            return
        if isinstance(cell, datetime):
            moment = cell.astimezone(UTC)
            self.sheet.write_datetime(self.number, place, moment, self.moment)
        elif isinstance(cell, int):
            self.sheet.write_number(self.number, place, cell)
        else:
            self.sheet.write_string(self.number, place, _fitting(str(cell)))


def _fitting(text: str) -> str:
    """Return the text, cut visibly where a sheet would otherwise leave it out silently."""
    return text if len(text) <= CELL_LENGTH else f"{text[: CELL_LENGTH - 1]}…"


_WRITERS: dict[str, Callable[[_Store], Any]] = {
    Export.Format.CSV: _csv,
    Export.Format.XLSX: _xlsx,
}
