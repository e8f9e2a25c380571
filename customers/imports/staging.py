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

from billing.events.actor import Actor
from billing.statements import Statement
from billing.values import TEXT_LENGTH
from customers.imports.mapping import ColumnMap
from customers.imports.reading.table import Cells, Row, Table
from customers.imports.refusals import Flaw
from customers.imports.sources import Source
from customers.imports.targets import IDENTITY
from customers.intakes import Import, ImportRow

_DOUBLE_TEXT = (Path(__file__).parent / "double.sql").read_text()
# Cells are a list, or an object where the file was JSON Lines.
_DOUBLES = {
    True: Statement(_DOUBLE_TEXT.format(place="text")),
    False: Statement(_DOUBLE_TEXT.format(place="integer")),
}
_DELETED_AT_ONCE = 10_000
_SENT_AT_ONCE = 1 << 16
_COPY = "COPY customers_importrow (intake_id, number, cells, flaws) FROM STDIN"


class StagedRow(NamedTuple):
    """A row as it waits: its cells, and what is already known to be wrong."""

    number: int
    cells: Cells
    flaws: list[Flaw]
    version: int | None = None
    state: str | None = None


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

    :raises FileRefused: if the file can't be read to its end.
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

    :raises FileRefused: if the file can't be read to its end.
    """
    intake.file_size, intake.sha256 = source.size, source.sha256
    intake.format, intake.header = source.format.value, table.header
    rows = islice(table.rows, limit) if limit is not None else table.rows
    intake.total = _copy(intake.id, rows)
    intake.notes = [*source.notes, *table.notes]


def _copy(import_id: UUID, rows: Iterable[Row]) -> int:
    count = 0
    key = import_id.hex.encode()
    lines = bytearray()
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for count, row in enumerate(rows, 1):  # noqa: B007  # the last number is the count
            cells = orjson.dumps(row.cells).replace(b"\\", b"\\\\")
            flaws = (
                orjson.dumps(row.flaws, default=list).replace(b"\\", b"\\\\")
                if row.flaws
                else b"\\N"
            )
            lines += b"%b\t%d\t%b\t%b\n" % (key, row.number, cells, flaws)
            if len(lines) > _SENT_AT_ONCE:
                copy.write(bytes(lines))
                lines.clear()
        copy.write(bytes(lines))
    return count


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
    column = columns.column_of(IDENTITY)
    by_name = intake.format == "jsonl"
    place: str | int = column if by_name else intake.header.index(column)
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


def page_after(intake: Import, number: int, size: int) -> list[StagedRow]:
    """Return the next rows in the order of the file, with everything known to be wrong."""
    found = _PAGE.rows({"import": intake.id, "after": number, "size": size})
    return [
        StagedRow(
            number, orjson.loads(cells), Flaw.load(orjson.loads(flaws)) if flaws else [],
            version, state,
        )
        for number, cells, flaws, version, state in found
    ]  # fmt: skip


_PAGE = Statement(
    "SELECT number, cells::text, coalesce(flaws, problems)::text, version, state"
    " FROM customers_importrow"
    " WHERE intake_id = %(import)s::uuid AND number > %(after)s::int"
    " ORDER BY number LIMIT %(size)s::int"
)


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
