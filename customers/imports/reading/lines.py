"""JSON Lines: a customer a line, nested as on the wire or flat with dots."""

import json
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from customers.imports.reading.table import CELL_MAX, Row, Table, clean_header
from customers.imports.refusals import FileRefused, Flaw
from customers.imports.sources import Source

_NESTED = ("shipping_address", "billing_configuration")


def read_lines(source: Source) -> Table:
    """Return the table in a file of JSON Lines; its columns are all keys of all lines.

    :raises FileRefused: if no line holds a customer.
    """
    columns: dict[str, None] = {}
    for row in _rows(source):
        columns.update(dict.fromkeys(row.cells))
    if not columns:
        raise FileRefused(_("No line of the file is a JSON object. Write one customer a line."))
    return Table(clean_header(list(columns)), _rows(source))


def _rows(source: Source) -> Iterator[Row]:
    with source.path.open(encoding=source.encoding, newline="\n") as file:
        number = 0
        while line := file.readline(CELL_MAX):
            number += 1
            if not line.strip():
                continue
            if len(line) == CELL_MAX and not line.endswith("\n"):
                _skip_line(file)
                yield Row(number, {}, [Flaw("", "line_too_long")])
            else:
                yield _row(number, line)


def _skip_line(file: Any) -> None:
    while (rest := file.readline(CELL_MAX)) and not rest.endswith("\n"):
        pass


def _row(number: int, line: str) -> Row:
    try:
        found = json.loads(
            line, parse_int=_number, parse_float=_number, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        return Row(number, {}, [Flaw("", "not_json")])
    if not isinstance(found, dict):
        return Row(number, {}, [Flaw("", "not_an_object")])
    cells, flaws = _flat(found), []
    if "\\u" in line or "\0" in line:
        flaws = [Flaw(name, "nul_byte") for name, cell in cells.items() if _is_unkeepable(cell)]
        cells = {name: cell for name, cell in cells.items() if not _is_unkeepable(cell)}
    return Row(number, cells, flaws)


def _number(text: str) -> str:
    """Return a number as it was written, as text; a cell can't hold more than that."""
    return text


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _flat(found: dict[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, value in found.items():
        if name in _NESTED and isinstance(value, dict):
            cells.update({f"{name}.{part}": inner for part, inner in value.items()})
        elif name == "metadata" and isinstance(value, dict):
            cells.update({f"{name}.{key}": inner for key, inner in value.items()})
        else:
            cells[name] = value
    return cells


def _is_unkeepable(value: Any) -> bool:
    """Return whether the database can't keep the value: a NUL or half of a surrogate pair."""
    text = json.dumps(value, ensure_ascii=False)
    return "\\u0000" in text or any("\ud800" <= letter <= "\udfff" for letter in text)
