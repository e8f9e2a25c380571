"""Files to import, as programs and people write them."""

import io
from pathlib import Path
from typing import Any

import xlsxwriter

from customers.imports.reading import read_table
from customers.imports.reading.table import Row, Table
from customers.imports.sources import Format, recognize


def write(directory: Path, content: str | bytes, name: str = "customers.csv") -> Path:
    """Write a file and return where it is."""
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def workbook(rows: list[list[Any]], **options: Any) -> bytes:
    """Return an XLSX file of these rows."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, **options})
    sheet = book.add_worksheet("Customers")
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(number, column, value)
            else:
                sheet.write(number, column, value)
    book.close()
    return file.getvalue()


def table(path: Path, wanted: Format | None = None) -> tuple[Table, list[Row]]:
    """Return what is read of a file: the table and all rows."""
    found = read_table(recognize(path, wanted))
    return found, list(found.rows)
