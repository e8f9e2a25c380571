"""What every reader gives: a header, and rows that were cleaned in the same way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from customers.imports.refusals import FileRefused, Flaw

COLUMNS_MAX = 1_000
# Longer than any field may be, and no reason to give up the file.
CELL_MAX = 1_000_000
# Stands for a NUL, which neither the database nor a spreadsheet can hold.
_NUL_SHOWN = "\u2400"

Cells = list[Any] | dict[str, Any]


class Row(NamedTuple):
    """A row of the file: its number as a spreadsheet shows it, its cells, what is wrong with it.

    Cells are a list beside the header, in which a blank cell is None; a row of JSON is a
    dictionary instead, in which an absent column is absent and None is null.
    """

    number: int
    cells: Cells
    flaws: Sequence[Flaw] = ()


@dataclass
class Table:
    """A file's header and rows; `notes` are sentences about how it was read."""

    header: list[str]
    rows: Iterator[Row]
    notes: list[str] = field(default_factory=list)


def clean_header(cells: Sequence[Any]) -> list[str]:
    """Return the names of the columns.

    :raises FileRefused: if they can't tell the columns apart.
    """
    names = ["" if cell is None else str(cell).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if len(names) > COLUMNS_MAX:
        raise FileRefused(
            _("The file has %(count)d columns; at most %(most)d are read. Leave out the others.")
            % {"count": len(names), "most": COLUMNS_MAX}
        )
    for position, name in enumerate(names, 1):
        if not name:
            raise FileRefused(
                _("Column %(position)d has no name in the first row. Name it or delete it.")
                % {"position": position}
            )
        if name in names[: position - 1]:
            raise FileRefused(
                _("The column “%(name)s” is there twice: columns %(first)d and %(second)d. "
                  "Keep one of them.")
                % {"name": shown(name), "first": names.index(name) + 1, "second": position}
            )  # fmt: skip
    return names


def clean_row(number: int, cells: list[Any], header: Sequence[str]) -> Row:
    """Return the row as wide as the header; what can't be kept is noted as a flaw."""
    flaws: list[Flaw] = []
    width = len(header)
    if len(cells) != width:
        while len(cells) > width and cells[-1] is None:
            cells.pop()
        if len(cells) != width:
            code = "too_many_cells" if len(cells) > width else "too_few_cells"
            flaws.append(Flaw("", code, f"{len(cells)}/{width}"))
    for position, cell in enumerate(cells):
        if cell.__class__ is str and (len(cell) > CELL_MAX or "\0" in cell):
            name = header[position] if position < width else ""
            flaws.append(Flaw(name, "nul_byte" if "\0" in cell else "cell_too_long"))
            cells[position] = cell.replace("\0", _NUL_SHOWN)[:1_000]
    return Row(number, cells, flaws)


def is_blank(cells: Sequence[Any]) -> bool:
    """Return whether no cell of the row holds anything."""
    return not any(cell is not None and cell != "" for cell in cells)


def shown(value: str) -> str:
    """Return a value short enough for a sentence."""
    return value if len(value) <= 60 else f"{value[:57]}…"
