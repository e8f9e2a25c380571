"""What is wrong with rows, in sentences, and as a file that can be mended and imported again."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from django.utils.translation import gettext_lazy as _

from billing.staff.sentences import sentence
from customers.cells import neutralize
from customers.imports.mapping import ColumnMap
from customers.imports.refusals import Flaw
from customers.imports.staging import rows_of, staged
from customers.imports.targets import join_list, wire_key
from customers.intakes import Import, ImportRow

_SENTENCES = {
    "too_many_cells": _("There are more cells than columns (%(value)s). Is a separator missing "
                        "its quotation marks?"),
    "too_few_cells": _("There are fewer cells than columns (%(value)s). Is something missing?"),
    "unclosed_quote": _("A quotation mark opens here and is never closed. Close it or delete it."),
    "text_after_quote": _("Text follows a closing quotation mark (up to line %(value)s). Write a "
                          "quotation mark inside of a cell twice."),
    "nul_byte": _("The cell holds a NUL, which no text can hold (shown as ␀). Delete it."),
    "cell_too_long": _("The cell holds more than a million characters. Nothing was cut off."),
    "line_too_long": _("The line holds more than a million characters. Nothing was cut off."),
    "not_json": _("The line is not JSON. Write one customer a line."),
    "not_an_object": _("The line is JSON, but no object: {\"external_id\": …}."),
    "cell_not_json": _("“%(value)s” is not JSON. Write a list: [{\"key\": …, \"value\": …}]."),
    "formula_error": _("The formula in this cell came to “%(value)s”. Mend it."),
    "excel_number": _("“%(value)s” is a number that a spreadsheet shortened; its digits are lost. "
                      "Format the column as text and fill it in again."),
    "doubled": _("The same external_id stands in row %(value)s. Keep one of the two."),
    "stale": _("Somebody has changed this customer since the preview. Import the file again to "
               "see it as it is now."),
    "refused": _("This was refused."),
    "number_is_taken": _("Another customer here has its number, which stands on documents. Bring "
                         "the account into an organization without customers of its own."),
    "tax_not_found": _("“%(value)s” names a tax that is not here. Use the codes of taxes, with | "
                       "between two."),
    "billing_entity_not_found": _("“%(value)s” is not the code of an active billing entity."),
    "unknown_section": _("There is no section “%(value)s”; it is left out."),
    "advice": _("%(value)s"),
}  # fmt: skip


def say(flaw: Flaw, columns: ColumnMap) -> str:
    """Return the sentence for what is wrong with a cell."""
    words = _SENTENCES.get(flaw.code)
    if words is not None:
        return str(words) % {"value": flaw.value if flaw.value is not None else ""}
    # The catalogue knows fields by their names on the wire.
    targets = columns.columns.get(flaw.column) or [flaw.column]
    return sentence(wire_key(targets[0]), flaw.code, flaw.value)


def say_all(flaws: list[Flaw], columns: ColumnMap) -> str:
    """Return all sentences of a row, each with its column."""
    return " ".join(
        f"{one.column}: {say(one, columns)}" if one.column else say(one, columns) for one in flaws
    )


def refused_rows(intake: Import) -> Iterator[tuple[int, list[Any], list[Flaw]]]:
    """Yield the refused rows in the order of the file: number, cells beside the header, flaws."""
    for row in rows_of(intake, ImportRow.State.REFUSED):
        [found] = staged([row])
        cells = found.cells
        if isinstance(cells, dict):
            cells = [cells.get(name) for name in intake.header]
        yield row.number, cells, found.flaws


def write_refused(intake: Import, path: Path) -> int:
    """Write the refused rows as CSV and return how many; mended, the file can be imported."""
    count, columns = 0, ColumnMap.load(intake.mapping)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*map(neutralize, intake.header), "row", "problems"])
        for number, cells, flaws in refused_rows(intake):
            missing = [None] * (len(intake.header) - len(cells))
            values = [_cell(cell) for cell in [*cells[: len(intake.header)], *missing]]
            writer.writerow([*values, number, neutralize(say_all(flaws, columns))])
            count += 1
    return count


def write_refused_workbook(intake: Import, file: BinaryIO) -> None:
    """Write the refused rows as XLSX: the cells that are wrong are red, the last column says why.

    Mended, the workbook can be imported. What is more than a sheet holds stands on the next one.
    """
    # Texts are written as texts: nothing here is a formula.
    import xlsxwriter  # four megabytes that hardly any process needs

    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    wrong = book.add_format({"bg_color": "#FBD5D5", "font_color": "#8A1C1C"})
    columns = ColumnMap.load(intake.mapping)
    sheet, line = None, 0
    for number, cells, flaws in refused_rows(intake):
        if sheet is None or line == _SHEET_ROWS:
            sheet, line = _begin_sheet(book, [*intake.header, "row", "problems"]), 0
        line += 1
        at = {flaw.column for flaw in flaws}
        for place, (name, cell) in enumerate(zip(intake.header, cells, strict=False)):
            text = _text(cell)[:_CELL]
            if text or name in at:
                sheet.write_string(line, place, text, wrong if name in at else None)
        sheet.write_number(line, len(intake.header), number)
        sheet.write_string(line, len(intake.header) + 1, say_all(flaws, columns)[:_CELL])
    if sheet is None:
        book.add_worksheet()
    book.close()


def _begin_sheet(book: Any, names: Sequence[str]) -> Any:
    sheet, head = book.add_worksheet(), book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(names):
        sheet.write_string(0, place, name, head)
    return sheet


# What a sheet holds below its head, and what a cell of it holds.
_SHEET_ROWS = 1_048_575
_CELL = 32_767


def _cell(value: Any) -> str:
    """Return a cell of CSV that reads as it was read: blank is not the same as empty."""
    return "" if value is None else neutralize(_text(value))


def _text(value: Any) -> str:
    """Return a value as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return join_list(value)
    return value if isinstance(value, str) else orjson.dumps(value).decode()
