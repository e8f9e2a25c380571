"""XLSX, streamed: a worksheet of a million rows takes no more memory than one of ten.

Libraries load a worksheet as a whole (200 MB for 100,000 rows of 20 columns), so the parts that a
table needs are read here: the first worksheet, its shared strings, and which formats are dates.
"""

import re
from array import array
from collections.abc import Iterator
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Any
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile, ZipInfo

from django.utils.translation import gettext as _

from customers.cells import restore
from customers.imports.reading.table import (
    CELL_MAX,
    COLUMNS_MAX,
    Row,
    Table,
    clean_header,
    clean_row,
    is_blank,
)
from customers.imports.refusals import FileRefused, Flaw
from customers.imports.sources import Source

_CHUNK = 1 << 16
# Sheets shrink to a tenth in a ZIP; bombs shrink to a thousandth.
_RATIO_MAX = 150
_SMALL = 20_000_000
_SIZE_MAX = 8_000_000_000


def read_workbook(source: Source) -> Table:
    """Return the table in the first worksheet.

    :raises FileRefused: if the file is no workbook, or grows beyond reason when it is unpacked.
    """
    try:
        book = _Workbook(source)
        rows = book.rows()
        first = next(rows, None)
    except (BadZipFile, KeyError, expat.ExpatError, NotImplementedError, RuntimeError, ValueError):
        raise _damaged() from None
    if first is None:
        raise FileRefused(_("The file is empty. Its first row must name the columns."))
    header = clean_header(list(first.cells))
    return Table(header, _clean(rows, header), book.notes)


def _damaged() -> FileRefused:
    return FileRefused(
        _("The workbook is damaged or protected. Open it in Excel and save it again as .xlsx.")
    )


def _clean(rows: Iterator[Row], header: list[str]) -> Iterator[Row]:
    try:
        for row in rows:
            cells = list(row.cells)
            # A workbook leaves out what is blank at the end of a row.
            cells.extend([None] * (len(header) - len(cells)))
            clean = clean_row(row.number, cells, header)
            yield clean._replace(flaws=[*clean.flaws, *_named(row.flaws, header)])
    except (BadZipFile, expat.ExpatError, ValueError):
        raise _damaged() from None


def _named(flaws: Any, header: list[str]) -> list[Flaw]:
    """Return the flaws with the name of the column instead of its position."""
    return [
        flaw._replace(column=header[int(flaw.column)])
        for flaw in flaws
        if int(flaw.column) < len(header)
    ]


class _Workbook:
    """The parts of the ZIP file that a table is read from."""

    def __init__(self, source: Source) -> None:
        self._zip = ZipFile(source.path)
        for part in self._zip.infolist():
            _refuse_bomb(part)
        self.notes: list[str] = []
        self._sheet = self._first_sheet()
        self._is_date = self._date_styles()
        self._strings = self._shared_strings()

    def rows(self) -> Iterator[Row]:
        """Return the rows that hold something, with the numbers Excel shows beside them."""
        sheet = _Sheet(self._strings, self._is_date, self._epoch)
        for chunk in _parse(self._zip, self._sheet, sheet):
            yield from chunk.take()

    def _first_sheet(self) -> str:
        found = _Elements("sheet", "workbookPr")
        for _chunk in _parse(self._zip, "xl/workbook.xml", found):
            pass
        sheets = [one for name, one in found.attributes if name == "sheet"]
        settings = dict(pair for name, one in found.attributes if name == "workbookPr"
                        for pair in one.items())  # fmt: skip
        is_1904 = settings.get("date1904") in ("1", "true")
        self._epoch = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
        seen = [one for one in sheets if one.get("state", "visible") == "visible"]
        if not seen:
            raise KeyError("no worksheet")
        if len(seen) > 1:
            self.notes.append(
                _("Only the first worksheet, “%s”, is read.") % seen[0].get("name", "")
            )
        return self._target(next(v for k, v in seen[0].items() if k.endswith(":id")))

    def _target(self, relation: str) -> str:
        found = _Elements("Relationship")
        for _chunk in _parse(self._zip, "xl/_rels/workbook.xml.rels", found):
            pass
        [target] = [one["Target"] for _, one in found.attributes if one["Id"] == relation]
        return target.lstrip("/") if target.startswith("/") else f"xl/{target}"

    def _date_styles(self) -> list[bool]:
        if "xl/styles.xml" not in self._zip.namelist():
            return []
        found = _Elements("numFmt", "cellXfs", "cellStyles", "xf")
        for _chunk in _parse(self._zip, "xl/styles.xml", found):
            pass
        codes = {one["numFmtId"]: one["formatCode"] for name, one in found.attributes
                 if name == "numFmt"}  # fmt: skip
        names = [name for name, _ in found.attributes]
        start = names.index("cellXfs") if "cellXfs" in names else len(names)
        end = names.index("cellStyles") if "cellStyles" in names else len(names)
        cells = [one for name, one in found.attributes[start:end] if name == "xf"]
        return [_is_date(one.get("numFmtId", "0"), codes) for one in cells]

    def _shared_strings(self) -> "_Strings":
        strings = _Strings()
        if "xl/sharedStrings.xml" in self._zip.namelist():
            for _chunk in _parse(self._zip, "xl/sharedStrings.xml", strings):
                pass
        return strings


def _refuse_bomb(part: ZipInfo) -> None:
    too_dense = part.file_size > _SMALL and part.file_size > part.compress_size * _RATIO_MAX
    if too_dense or part.file_size > _SIZE_MAX:
        raise FileRefused(
            _("The workbook grows to %(size)d MB when it is unpacked, far more than a table of "
              "customers. It was not opened.") % {"size": part.file_size // 1_000_000}
        )  # fmt: skip


def _parse(archive: ZipFile, name: str, handler: Any) -> Iterator[Any]:
    """Feed a part of the archive to the handler, and hand the handler out after each piece."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    with archive.open(name) as part:
        while piece := part.read(_CHUNK):
            parser.Parse(piece, False)
            yield handler
        parser.Parse(b"", True)
        yield handler


def _refuse_doctype(*_: Any) -> None:
    # Entities can grow without end, and no workbook has any.
    raise ValueError("document type")


_BUILT_IN_DATES = frozenset(map(str, [*range(14, 23), *range(27, 37), *range(45, 48)]))
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')


def _is_date(number_format: str, codes: dict[str, str]) -> bool:
    if number_format in codes:
        return re.search(r"[ymdhs]", _LITERAL.sub("", codes[number_format].lower())) is not None
    return number_format in _BUILT_IN_DATES


class _Elements:
    """Collects the attributes of some elements, in order."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self.attributes: list[tuple[str, dict[str, str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name in self._names:
            self.attributes.append((name, attributes))
            if len(self.attributes) > 100_000:
                raise ValueError("too many elements")

    def end(self, name: str) -> None:
        """Nothing ends here."""

    def text(self, text: str) -> None:
        """No text matters here."""


_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _unescape(text: str) -> str:
    """Return the text with what XML can't hold, which workbooks write as `_x000D_`."""
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return match[0] if 0xD800 <= number <= 0xDFFF else chr(number)  # no half of a pair


class _Strings:
    """The texts that cells refer to by number, kept in a file: there may be millions."""

    def __init__(self) -> None:
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115  # goes with this object
        self._ends = array("Q", [0])
        self._pieces: list[str] = []
        self._depth = 0
        self._is_text = False

    def __getitem__(self, number: int) -> str:
        start, end = self._ends[number], self._ends[number + 1]
        if self._file.tell() != start:
            self._file.seek(start)
        return self._file.read(end - start).decode()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        # Text of a phonetic reading (rPh) is no part of the text.
        if name in ("rPh", "x:rPh"):
            self._depth += 1
        self._is_text = name in ("t", "x:t") and not self._depth

    def end(self, name: str) -> None:
        self._is_text = False
        if name in ("rPh", "x:rPh"):
            self._depth -= 1
        elif name in ("si", "x:si"):
            kept = _unescape("".join(self._pieces))[: CELL_MAX + 1]
            self._ends.append(
                self._ends[-1] + self._file.write(kept.encode("utf-8", "surrogatepass"))
            )
            self._pieces = []

    def text(self, text: str) -> None:
        if self._is_text:
            self._pieces.append(text)


class _Sheet:
    """Turns the elements of a worksheet into rows."""

    def __init__(self, strings: _Strings, is_date: list[bool], epoch: datetime) -> None:
        self._strings, self._is_date, self._epoch = strings, is_date, epoch
        self._rows: list[Row] = []
        self._number = 0
        self._cells: list[Any] = []
        self._flaws: list[Flaw] = []
        self._column = 0
        self._kind = self._style = ""
        self._pieces: list[str] = []
        self._wants_text = False
        self._depth = 0

    def take(self) -> list[Row]:
        """Return the rows that are complete, once."""
        rows, self._rows = self._rows, []
        return rows

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c" or name == "x:c":
            self._begin_cell(attributes)
        elif name in ("v", "t", "x:v", "x:t"):
            self._wants_text = not self._depth
        elif name in ("row", "x:row"):
            self._number = int(attributes.get("r", self._number + 1))
            self._cells, self._flaws, self._column = [], [], 0
        elif name in ("rPh", "x:rPh"):
            self._depth += 1

    def end(self, name: str) -> None:
        self._wants_text = False
        if name in ("c", "x:c"):
            self._end_cell()
        elif name in ("row", "x:row"):
            if not is_blank(self._cells):
                self._rows.append(Row(self._number, self._cells, self._flaws))
        elif name in ("rPh", "x:rPh"):
            self._depth -= 1

    def text(self, text: str) -> None:
        if self._wants_text:
            self._pieces.append(text)

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r")
        self._column = _column(place) if place else self._column + 1
        if self._column > COLUMNS_MAX + 1:
            # Enough for the header to be refused; more would only fill the memory.
            self._column = COLUMNS_MAX + 1
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
        self._pieces = []

    def _end_cell(self) -> None:
        text = "".join(self._pieces)
        if not text:
            return
        missing = self._column - len(self._cells)
        self._cells.extend([None] * missing)
        self._cells[self._column - 1] = self._value(text)

    def _value(self, text: str) -> str | None:
        if self._kind in ("s", "inlineStr", "str"):
            written = self._strings[int(text)] if self._kind == "s" else _unescape(text)
            return restore(written) if written else None
        if self._kind == "b":
            return "true" if text == "1" else "false"
        if self._kind == "e":
            self._flaws.append(Flaw(str(self._column - 1), "formula_error", text))
            return text
        return self._number_text(text)

    def _number_text(self, text: str) -> str:
        """Return a number as people write it: 123456789012, not 1.23456789012E11; dates as ISO."""
        if self._style and self._is_date[int(self._style) : int(self._style) + 1] == [True]:
            moment = self._epoch + timedelta(days=float(text))
            return moment.isoformat(" ", "seconds").removesuffix(" 00:00:00")
        if text.isdigit():
            return text
        number = float(text)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else text


def _column(place: str) -> int:
    """Return the number of a cell's column, from 1: `AB7` is 28."""
    number = 0
    for letter in place:
        if letter.isdigit():
            break
        number = number * 26 + ord(letter) - 64
    return number
