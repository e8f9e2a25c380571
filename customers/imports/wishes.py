"""From the cells of a row to a wish to change a customer."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import orjson
from babel import Locale

from billing.values import COUNTRIES
from customers.imports.mapping import Blank, ColumnMap, Read
from customers.imports.names import normalized
from customers.imports.reading.table import Cells
from customers.imports.refusals import Flaw
from customers.imports.targets import IDENTITY, NOTE, Kind, kind_of, split_list

# 1.23457E+11: what a spreadsheet makes of a long number when it writes CSV. Digits are lost.
_SHORTENED = re.compile(r"[0-9]+(?:[.,][0-9]+)?E\+?[0-9]+\Z", re.IGNORECASE)


class Wish(NamedTuple):
    """What a row asks for: values of the wire, single notes (None: gone), and what can't be read.

    Notes stand apart because they are laid over those that the customer has.
    """

    values: dict[str, Any]
    notes: dict[str, str | None]
    flaws: list[Flaw]

    @property
    def external_id(self) -> str | None:
        """Return the customer's name in the file."""
        found = self.values.get(IDENTITY)
        return found if isinstance(found, str) else None

    def with_notes(self) -> dict[str, Any]:
        """Return the values with the notes that stay or come; those that are None go."""
        if not self.notes:
            return self.values
        kept = [{"key": key, "value": note} for key, note in self.notes.items() if note is not None]
        return {**self.values, "metadata": kept}


class _Step(NamedTuple):
    """One column's way into the wish."""

    place: int
    column: str
    group: str  # "", shipping_address, billing_configuration, metadata
    name: str
    blank: Any  # what clears the value: lists are emptied, the rest is null
    read: Callable[[Any], Any] | None


class WishReader:
    """Reads rows of one header as its column map says; made once, called for every row."""

    def __init__(self, header: Sequence[str], columns: ColumnMap) -> None:
        self._steps = list(_steps(header, columns))
        self._fixed = [(*_split(target), value) for target, value in columns.fixed.items()]
        self._clears = columns.blank == Blank.CLEAR
        self._identity = columns.column_of(IDENTITY)

    def read(self, cells: Cells) -> Wish:
        """Return the wish in a row's cells."""
        groups: dict[str, dict[str, Any]] = {
            "": {}, "shipping_address": {}, "billing_configuration": {}, "metadata": {},
        }  # fmt: skip
        flaws: list[Flaw] = []
        for group, name, value in self._fixed:
            groups[group][name] = value
        if isinstance(cells, dict):
            self._fill_by_name(cells, groups, flaws)
        else:
            self._fill_by_place(cells, groups, flaws)
        if _is_shortened(groups[""].get(IDENTITY)):
            flaws.append(Flaw(self._identity, "excel_number", groups[""][IDENTITY]))
        return _assemble(groups, flaws)

    def _fill_by_place(
        self, cells: list[Any], groups: dict[str, dict[str, Any]], flaws: list[Flaw]
    ) -> None:
        # The loop that a million rows of thirty cells go through: no call where none is needed.
        for place, column, group, name, blank, read in self._steps:
            cell = cells[place]
            if cell is None:
                if not self._clears:
                    continue
                cell = blank
            elif read is not None:
                cell = _read(read, cell, column, flaws)
            groups[group][name] = cell

    def _fill_by_name(
        self, cells: dict[str, Any], groups: dict[str, dict[str, Any]], flaws: list[Flaw]
    ) -> None:
        """Fill in what a row of JSON says: null clears, an absent key doesn't, as on the wire."""
        for _place, column, group, name, _blank, read in self._steps:
            if column in cells:
                cell = cells[column]
                wants_reading = read is not None and cell is not None
                groups[group][name] = (
                    _read(read, cell, column, flaws) if wants_reading and read else cell
                )


def _read(read: Callable[[Any], Any], cell: Any, column: str, flaws: list[Flaw]) -> Any:
    try:
        return read(cell)
    except orjson.JSONDecodeError:
        flaws.append(Flaw(column, "cell_not_json", str(cell)[:60]))
        return []


def _is_shortened(external_id: Any) -> bool:
    return isinstance(external_id, str) and _SHORTENED.match(external_id) is not None


def _assemble(groups: dict[str, dict[str, Any]], flaws: list[Flaw]) -> Wish:
    values, notes = groups[""], groups["metadata"]
    for name in ("shipping_address", "billing_configuration"):
        if groups[name]:
            values[name] = groups[name]
    skips = str(values.get("skip_invoice_custom_sections")).lower() in ("true", "t", "1")
    if skips and values.get("invoice_custom_section_codes") == []:
        # A blank list beside "no sections" says nothing more; together they would be refused.
        del values["invoice_custom_section_codes"]
    if isinstance(values.get("integration_customers"), list):
        values["integration_customers"] = [
            {"integration_type": item["type"], **item}
            if isinstance(item, dict) and "type" in item else item
            for item in values["integration_customers"]
        ]  # fmt: skip
    return Wish(values, notes, flaws)


def _steps(header: Sequence[str], columns: ColumnMap) -> Iterator[_Step]:
    for place, column in enumerate(header):
        for target in columns.columns.get(column, ()):
            group, name = _split(target)
            is_one = kind_of(target) in (Kind.TEXT, Kind.NOTE)
            yield _Step(
                place, column, group, name, None if is_one else [], _reader(target, columns)
            )


def _split(target: str) -> tuple[str, str]:
    if target.startswith(NOTE):
        return "metadata", target.removeprefix(NOTE)
    group, _dot, name = target.rpartition(".")
    return group, name


def _reader(target: str, columns: ColumnMap) -> Callable[[Any], Any] | None:
    """Return what turns a cell into the value meant, None if cells are taken as they are."""
    table = columns.values.get(target)
    how = _READS.get(columns.read.get(target, ""))
    last = _BY_KIND.get(kind_of(target))
    if table is None and how is None:
        return last

    def read(cell: Any) -> Any:
        found = table.get(cell, cell) if table and isinstance(cell, str) else cell
        found = how(found) if how and found == cell else found
        return last(found) if last else found

    return read


def _list(cell: Any) -> Any:
    return split_list(cell) if isinstance(cell, str) else cell


def _json(cell: Any) -> Any:
    return (orjson.loads(cell) if cell else []) if isinstance(cell, str) else cell


_BY_KIND: Mapping[Kind | None, Callable[[Any], Any]] = {Kind.LIST: _list, Kind.JSON: _json}


def _upper(cell: Any) -> Any:
    return cell.upper() if isinstance(cell, str) and cell.isascii() else cell


def _country(cell: Any) -> Any:
    return country_codes().get(normalized(cell), cell) if isinstance(cell, str) else cell


def _codes(cell: Any) -> Any:
    if not isinstance(cell, list):
        return cell
    return [item.get("code") if isinstance(item, dict) else item for item in cell]


_READS: Mapping[str, Callable[[Any], Any]] = {
    Read.UPPER: _upper,
    Read.COUNTRY: _country,
    Read.CODES: _codes,
}
_COUNTRY_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "sv", "nb", "pt")


@cache
def country_codes() -> Mapping[str, str]:
    """Return the codes of countries by their codes and names in nine languages, normalized."""
    found = {normalized(name): code for name, code in (
        ("USA", "US"), ("UK", "GB"), ("Great Britain", "GB"), ("England", "GB"), ("Holland", "NL"),
        ("Czech Republic", "CZ"), ("Russia", "RU"), ("South Korea", "KR"),
    )}  # fmt: skip
    for language in _COUNTRY_LANGUAGES:
        names = Locale(language).territories
        for code in COUNTRIES:
            found.setdefault(normalized(names.get(code, code)), code)
    return found | {normalized(code): code for code in COUNTRIES}
