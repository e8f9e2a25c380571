"""CSV in the shapes that programs write: `,` `;` tab or `|`, any line end, any of the encodings."""

import csv
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext as _

from customers.cells import restore
from customers.imports.reading.table import CELL_MAX, Row, Table, clean_header, clean_row
from customers.imports.refusals import FileRefused, Flaw
from customers.imports.sources import Source

_DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


class _Lines:
    """The file's lines; those that a broken record swallowed can be read again."""

    def __init__(self, path: Path, encoding: str) -> None:
        # Not translated: a quoted line break stays what it was.
        self._file = path.open(encoding=encoding, newline="")
        self._again: list[str] = []
        self._record: list[str] = []
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._file)
        self._record.append(line)
        self.number += 1
        return line

    def begin(self) -> None:
        """Note that a new record begins with the next line."""
        self._record.clear()

    def give_back(self) -> None:
        """Have all lines but the first of the present record read again, as records."""
        self._again.extend(reversed(self._record[1:]))
        self.number -= len(self._record) - 1


def read_delimited(source: Source) -> Table:
    """Return the table in a CSV file.

    :raises FileRefused: if the file has no usable header.
    """
    csv.field_size_limit(CELL_MAX * 2)
    delimiter = _find_delimiter(source)
    lines = _Lines(source.path, source.encoding)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    names = _header(reader, lines)
    header = clean_header([restore(name) for name in names])
    notes = [] if delimiter == "," else [_("Cells are separated by %s.") % _NAMES[delimiter]]
    return Table(header, _rows(reader, lines, header), notes)


def _find_delimiter(source: Source) -> str:
    """Return the separator by which the first row has the most columns; a comma in doubt."""
    with source.path.open(encoding=source.encoding, newline="") as file:
        # Enough for a header of line breaks in quotes.
        beginning = file.read(200_000)
    counts = {}
    for delimiter in _DELIMITERS:
        rows = csv.reader(beginning.splitlines(keepends=True), delimiter=delimiter)
        try:
            counts[delimiter] = len(next(rows, []))
        except csv.Error:
            counts[delimiter] = 0
    return max(counts, key=lambda delimiter: counts[delimiter])


def _header(reader: Iterator[list[str]], lines: _Lines) -> list[str]:
    try:
        for cells in reader:
            lines.begin()
            if any(cells):
                return cells
    except csv.Error:
        raise FileRefused(
            _("The first row has a quotation mark that is never closed. Close it or delete it.")
        ) from None
    raise FileRefused(_("The file is empty. Its first row must name the columns."))


def _rows(reader: Iterator[list[str]], lines: _Lines, header: list[str]) -> Iterator[Row]:
    number = 1
    while True:
        lines.begin()
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _broken(number, str(error), lines)
            continue
        if any(cells):
            # A blank cell is None; `'` alone is an empty text, written so by our exports. Only
            # with an apostrophe there is anything to restore, and a million rows have many cells.
            yield clean_row(
                number,
                [(restore(cell) if cell[0] == "'" else cell) if cell else None for cell in cells],
                header,
            )


def _broken(number: int, error: str, lines: _Lines) -> Row:
    if "expected after" in error:
        return Row(number, [], [Flaw("", "text_after_quote", str(lines.number))])
    # The quote swallowed the rest, or as much as one cell may hold: those lines are rows.
    lines.give_back()
    return Row(number, [], [Flaw("", "unclosed_quote")])
