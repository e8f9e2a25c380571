"""Getting the rows of a file into the database, as they are; and out again, page by page."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from billing.events.actor import Actor
from billing.statements import Statement
from billing.values import TEXT_LENGTH
from customers.imports.agreed import basis, digest_of, page_statement
from customers.imports.mapping import ColumnMap
from customers.imports.reading.table import Cells, Row, Table
from customers.imports.refusals import FileRefused, Flaw
from customers.imports.sources import Source
from customers.imports.targets import IDENTITY
from customers.intakes import Import, ImportRow

_DOUBLE_TEXT = (Path(__file__).parent / "double.sql").read_text()
# Cells are a list, or an object where the file was JSON Lines.
_DOUBLES = {
    True: Statement(_DOUBLE_TEXT.format(place="text")),
    False: Statement(_DOUBLE_TEXT.format(place="integer")),
}
# And so they are where they are asked for their customers.
_PAGES = {True: page_statement("text"), False: page_statement("integer")}
_DELETED_AT_ONCE = 10_000
_SENT_AT_ONCE = 1 << 16
_COPY = "COPY customers_importrow (intake_id, number, cells, flaws, digest) FROM STDIN"


class StagedRow(NamedTuple):
    """A row as it waits: its cells, and what is already known to be wrong."""

    number: int
    cells: Cells
    flaws: list[Flaw]
    version: int | None = None
    state: str | None = None
    is_agreed: bool = False
    """The customer is as this row would have it, and its cells were left in the database."""


class Stretch(NamedTuple):
    """Some rows that follow one another, and the terms by which they were found to agree."""

    rows: list[StagedRow]
    terms: bytes


@transaction.atomic
def stage(
    organization_id: UUID,
    source: Source,
    table: Table,
    actor: Actor,
    *,
    name: str | None = None,
    limit: int | None = None,
) -> Import:
    """Take the rows of a file in, all or none, and return the import.

    :raises FileRefused: if the file can't be read to its end, or holds no row.
    """
    intake = Import(
        organization_id=organization_id, file_name=(name or source.path.name)[-TEXT_LENGTH:],
        actor_id=actor.id, actor_name=actor.name, reason=actor.reason,
    )  # fmt: skip
    fill(intake, source, table, limit)
    intake.save(force_insert=True)
    return intake


def fill(intake: Import, source: Source, table: Table, limit: int | None = None) -> None:
    """Give an import that is still to be saved its rows, and what is known of its file.

    :raises FileRefused: if the file can't be read to its end, or holds no row.
    """
    intake.file_size, intake.sha256 = source.size, source.sha256
    intake.format, intake.header = source.format.value, table.header
    rows = islice(table.rows, limit) if limit is not None else table.rows
    intake.total = _copy(intake.id, rows)
    if not intake.total:
        raise FileRefused(_("The file names its columns, and no row follows. Was it cut off?"))
    intake.notes = [*source.notes, *table.notes]


def _copy(import_id: UUID, rows: Iterable[Row]) -> int:
    count = 0
    key = import_id.hex.encode()
    lines = bytearray()
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for count, row in enumerate(rows, 1):  # noqa: B007  # the last number is the count
            lines += b"%b\t%d\t" % (key, row.number) + _line_end(row)
            if len(lines) > _SENT_AT_ONCE:
                copy.write(bytes(lines))
                lines.clear()
        copy.write(bytes(lines))
    return count


def _line_end(row: Row) -> bytes:
    """Return cells, flaws and digest of a row as COPY takes them."""
    cells = orjson.dumps(row.cells)
    if row.flaws:
        flaws = orjson.dumps(row.flaws, default=list)
        return b"%b\t%b\t\\N\n" % (_escaped(cells), _escaped(flaws))
    digest = digest_of(cells).hex().encode()
    return b"%b\t\\N\t\\\\x%b\n" % (_escaped(cells), digest)


def _escaped(text: bytes) -> bytes:
    return text.replace(b"\\", b"\\\\")


@transaction.atomic
def settle(intake: Import, columns: ColumnMap) -> None:
    """Say what fills what; whatever was judged by an earlier word is judged anew.

    Rows that name one customer twice are refused here, however far apart they stand.
    """
    intake.mapping = columns.dump()
    intake.state = Import.State.STAGED
    intake.is_checked = False
    reset(intake)
    judged = ImportRow.objects.filter(intake=intake).exclude(state=None)
    judged.update(state=None, problems=None, warnings=None, changes=None, version=None)
    column, place = columns.column_of(IDENTITY), _place_of_identity(intake)
    by_name = intake.format == "jsonl"
    _DOUBLES[by_name].rows({"import": intake.id, "place": place, "column": column})
    intake.save()
    with connection.cursor() as cursor:
        # Without knowing how many rows there are now, every batch would read them all.
        cursor.execute("ANALYZE customers_importrow (intake_id, number, state, warnings)")


def empty(intake: Import) -> None:
    """Delete the rows, so many at a time that nobody waits for it."""
    while True:
        numbers = list(
            intake.rows.order_by("number").values_list("number", flat=True)[:_DELETED_AT_ONCE]
        )
        if not numbers:
            break
        intake.rows.filter(number__lte=numbers[-1]).delete()
    Import.objects.filter(pk=intake.pk).update(emptied_at=Now())


def reset(intake: Import) -> None:
    """Set the counts to nothing and the checkpoint to the beginning."""
    intake.checkpoint = 0
    intake.new = intake.changed = intake.unchanged = intake.refused = intake.warnings = 0


def rows_after(intake: Import, number: int) -> QuerySet[ImportRow]:
    """Return the rows after this one, in the order of the file."""
    return ImportRow.objects.filter(intake=intake, number__gt=number).order_by("number")


def page_after(intake: Import, number: int, size: int) -> Stretch:
    """Return the next rows in the order of the file, with everything known to be wrong."""
    found = _PAGES[intake.format == "jsonl"].rows(
        {
            "import": intake.id, "organization": intake.organization_id, "basis": basis(intake),
            "place": _place_of_identity(intake), "after": number, "size": size,
        }
    )  # fmt: skip
    rows = [
        StagedRow(
            number, orjson.loads(cells) if cells else [],
            Flaw.load(orjson.loads(flaws)) if flaws else [], version or agreed, state,
            agreed is not None,
        )
        for number, cells, flaws, version, state, agreed, _terms in found
    ]  # fmt: skip
    return Stretch(rows, found[0][-1] if found else b"")


def _place_of_identity(intake: Import) -> str | int:
    """Return the place of the cell that names the customer, by name where the file was JSON."""
    column = ColumnMap.load(intake.mapping).column_of(IDENTITY)
    return column if intake.format == "jsonl" else intake.header.index(column)


def rows_of(intake: Import, state: ImportRow.State) -> Iterator[ImportRow]:
    """Yield the rows of one state in the order of the file, however many they are."""
    after = 0
    while page := list(rows_after(intake, after).filter(state=state)[:500]):
        yield from page
        after = page[-1].number


def staged(rows: Sequence[ImportRow]) -> list[StagedRow]:
    """Return the rows with everything that is known to be wrong with them."""
    return [
        StagedRow(
            row.number,
            row.cells,
            [*Flaw.load(row.flaws), *(Flaw.load(row.problems) if row.flaws is None else [])],
            row.version,
        )
        for row in rows
    ]


def note(import_id: UUID, rows: Sequence[dict[str, Any]]) -> None:
    """Write down what became of rows: number, state, problems, warnings, changes, version."""
    if rows:
        NOTE.rows(noted(import_id, rows))


def noted(import_id: UUID, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the values with which `NOTE` does the same."""
    return {"import": import_id, "rows": orjson.dumps(rows, default=list).decode()}


NOTE = Statement(
    "WITH noted AS ("
    " UPDATE customers_importrow row"
    " SET state = found.state, problems = found.problems, warnings = found.warnings,"
    " changes = found.changes, version = found.version"
    " FROM jsonb_to_recordset(%(rows)s::jsonb) AS found"
    " (number int, state text, problems jsonb, warnings jsonb, changes jsonb, version int)"
    " WHERE row.intake_id = %(import)s::uuid AND row.number = found.number"
    " RETURNING 1"
    ") SELECT count(*) FROM noted"
)
