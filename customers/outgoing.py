"""Customers as a file that imports again with nothing changed: every value that can be written.

Rows come off a cursor of the server and go out one by one, so that a million of them take no more
memory than ten.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from django.db import connection, transaction

from customers.cells import neutralize, restore
from customers.change import CONFIGURATION
from customers.imports.sources import Format
from customers.imports.targets import TARGETS, Kind, join_list
from customers.search import CustomerQuery

# Beside the row of names; Excel opens no more.
SHEET_ROWS = 1_048_575
_AT_ONCE = 1_000
_STATEMENT = (Path(__file__).parent / "outgoing.sql").read_text()
_EXPRESSIONS: Mapping[str, str] = {
    "billing_entity_code": "entity.code",
    "tax_codes": "taxes.codes",
    "invoice_custom_section_codes": "sections.codes",
    "metadata": "notes.entries",
    "integration_customers": "integrations.links",
    "billing_configuration.payment_provider": "connection.type",
    "billing_configuration.payment_provider_code": "connection.code",
}

Row = tuple[Any, ...]
Progress = Callable[[int], None]


class TooManyRows(Exception):
    """A worksheet does not hold so many."""


def _expression(target: str) -> str:
    if target in _EXPRESSIONS:
        return _EXPRESSIONS[target]
    group, _dot, name = target.rpartition(".")
    if group == "shipping_address":
        return f"shipping.{name}"
    is_of_provider = group == "billing_configuration" and name not in CONFIGURATION
    return f"provider.{name}" if is_of_provider else f"customer.{name}"


def write_file(
    query: CustomerQuery, wanted: Format, out: BinaryIO, progress: Progress = lambda _rows: None
) -> int:
    """Write the customers a query means, and return how many.

    :raises TooManyRows: if they are more than a worksheet holds.
    """
    write = {Format.CSV: _write_csv, Format.XLSX: _write_xlsx, Format.JSONL: _write_jsonl}[wanted]
    with transaction.atomic():
        return write(_counted(_rows(query), progress), out)


def _rows(query: CustomerQuery) -> Iterator[Row]:
    chosen, values = query.queryset().order_by().values("id").query.sql_with_params()
    statement = _STATEMENT.format(columns=", ".join(map(_expression, TARGETS)), chosen=chosen)
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, [query.organization_id, *values])
        while rows := cursor.fetchmany(_AT_ONCE):
            yield from rows


def _counted(rows: Iterator[Row], progress: Progress) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        yield row
        if number % _AT_ONCE == 0:
            progress(number)


def _write_csv(rows: Iterator[Row], out: BinaryIO) -> int:
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow(TARGETS)
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007  # the last number is the count
        cells = map(_cell, TARGETS.values(), row)
        writer.writerow(["" if cell is None else neutralize(cell) for cell in cells])
    text.flush()
    text.detach()
    return count


def _write_xlsx(rows: Iterator[Row], out: BinaryIO) -> int:
    # A workbook says of each cell that it is text, so nothing can be taken for a formula.
    import xlsxwriter  # four megabytes that hardly any process needs

    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    sheet = book.add_worksheet("Customers")
    for column, name in enumerate(TARGETS):
        sheet.write_string(0, column, name)
    sheet.freeze_panes(1, 1)
    count = 0
    for count, row in enumerate(rows, 1):
        if count > SHEET_ROWS:
            raise TooManyRows
        for column, cell in enumerate(map(_cell, TARGETS.values(), row)):
            if cell is not None:
                sheet.write_string(count, column, _text_cell(cell))
    book.close()
    return count


def _text_cell(text: str) -> str:
    """Return what is read as this text: an apostrophe goes in front of what else would lose one."""
    return neutralize(text) if not text or restore(text) != text else text


def _write_jsonl(rows: Iterator[Row], out: BinaryIO) -> int:
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007  # the last number is the count
        out.write(orjson.dumps(_nested(row), option=orjson.OPT_APPEND_NEWLINE))
    return count


def _cell(kind: Kind, value: Any) -> str | None:
    """Return the value as the text of a cell; None where there is nothing."""
    if value is None or value == [] or value == "[]":
        return None
    if kind is Kind.LIST:
        return join_list(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _nested(row: Sequence[Any]) -> dict[str, Any]:
    """Return the row as the wire has it."""
    found: dict[str, Any] = {}
    for (target, kind), value in zip(TARGETS.items(), row, strict=True):
        group, _dot, name = target.rpartition(".")
        into = found.setdefault(group, {}) if group else found
        into[name] = orjson.Fragment(value) if kind is Kind.JSON else value
    if found["skip_invoice_custom_sections"]:
        # Skipping all and choosing some can't be said together.
        del found["invoice_custom_section_codes"]
    return found
