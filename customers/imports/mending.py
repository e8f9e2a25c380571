"""Mending what is wrong with the rows of a preview: one cell, or one value wherever it stands."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.fields.json import KeyTextTransform

from billing.errors import NotAllowed, NotFound
from billing.statements import Statement
from customers.imports.check import recheck
from customers.imports.mapping import ColumnMap
from customers.imports.refusals import DOUBLED, Flaw
from customers.imports.targets import IDENTITY
from customers.intakes import Import, ImportRow

# More rows than these are looked at again in the background, with the whole file.
AT_ONCE = 2_000
CELL_LENGTH = 5_000


@transaction.atomic
def mend_cell(intake: Import, number: int, column: str, text: str) -> None:
    """Write another text into a cell of a preview, and judge its row anew.

    :raises NotFound: if the file has no such row or column.
    :raises NotAllowed: if there is no preview to mend, or the cells of the row are out of place.
    """
    row = _row(intake, number)
    if column not in intake.header:
        raise NotFound("column")
    old = _cell(row, intake.header, column)
    new = text.replace("\0", "").strip()[:CELL_LENGTH] or None
    _put(row, intake.header, column, new)
    row.mended = {column: old, **(row.mended or {})}
    row.flaws = [one for one in row.flaws or [] if one[0] != column] or None
    row.digest = None
    row.save(update_fields=["cells", "digest", "mended", "flaws"])
    numbers = {number}
    if column == ColumnMap.load(intake.mapping).column_of(IDENTITY):
        intake.rows.filter(number=number).update(problems=None)
        numbers |= _mark_doubles(intake, column, [one for one in (old, new) if one])
    recheck(intake, sorted(numbers))


def _row(intake: Import, number: int) -> ImportRow:
    row = intake.rows.select_for_update().filter(number=number).first()
    if row is None:
        raise NotFound("row")
    if intake.state != Import.State.CHECKED or any(one[0] == "" for one in row.flaws or []):
        raise NotAllowed("row_cannot_be_mended")
    return row


def _cell(row: ImportRow, header: Sequence[str], column: str) -> Any:
    if isinstance(row.cells, dict):
        return row.cells.get(column)
    return row.cells[header.index(column)]


def _put(row: ImportRow, header: Sequence[str], column: str, value: str | None) -> None:
    if isinstance(row.cells, dict):
        row.cells[column] = value
    else:
        row.cells[header.index(column)] = value


def _mark_doubles(intake: Import, column: str, names: Sequence[Any]) -> set[int]:
    """Note anew which rows name the same customer, among those of these names; return them."""
    groups: dict[str, list[int]] = defaultdict(list)
    for row_number, name in _naming(intake, column, names).values_list("number", "named"):
        groups[name].append(row_number)
    for numbers in groups.values():
        for row_number in numbers:
            other = numbers[-1] if row_number == numbers[0] else numbers[0]
            flaws = [Flaw(column, DOUBLED, str(other))] if len(numbers) > 1 else None
            intake.rows.filter(number=row_number).update(problems=flaws)
    return {one for numbers in groups.values() for one in numbers}


def _naming(intake: Import, column: str, names: Sequence[Any]) -> QuerySet[Any]:
    place = column if intake.format == "jsonl" else str(intake.header.index(column))
    named = KeyTextTransform(place, "cells")
    found = intake.rows.filter(flaws__isnull=True).annotate(named=named)
    return found.filter(named__in=[str(one) for one in names]).order_by("number")


_HOLDING = Statement(
    "SELECT number FROM customers_importrow"
    " WHERE intake_id = %(import)s::uuid AND state = 'refused'"
    " AND problems @> jsonb_build_array(jsonb_build_array("
    " %(column)s::text, %(code)s::text, %(value)s::text))"
    " ORDER BY number LIMIT %(most)s::int"
)


@transaction.atomic
def replace_value(intake: Import, column: str, code: str, old: str, new: str) -> bool:
    """Have a text of a column mean another one in every row, and judge the refused ones anew.

    It becomes part of what the columns mean, and is saved with that.

    :return: False if there are so many that the whole file has to be checked again, which is
        noted with the import and left to the worker.
    :raises NotFound: if the column fills nothing.
    """
    columns = ColumnMap.load(intake.mapping)
    targets = columns.columns.get(column)
    if not targets:
        raise NotFound("column")
    for target in targets:
        columns.values[target] = {**columns.values.get(target, {}), old: new}
    numbers = [
        number
        for (number,) in _HOLDING.rows(
            {
                "import": intake.pk, "column": column, "code": code, "value": old,
                "most": AT_ONCE + 1,
            }
        )
    ]  # fmt: skip
    is_small = len(numbers) <= AT_ONCE
    intake.mapping = columns.dump()
    if not is_small:
        intake.state = Import.State.MAPPED
    intake.save(update_fields=["mapping", "state"])
    if is_small:
        recheck(intake, numbers)
    return is_small
