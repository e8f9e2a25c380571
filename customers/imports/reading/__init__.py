"""From a file to a header and rows: CSV, XLSX and JSON Lines, as a stream.

A row that can't be read is handed on with its flaws, so that it is counted and shown; only what
leaves the whole file in doubt is raised.
"""

from customers.imports.reading.delimited import read_delimited
from customers.imports.reading.lines import read_lines
from customers.imports.reading.table import Table
from customers.imports.reading.workbook import read_workbook
from customers.imports.sources import Format, Source

_READERS = {
    Format.CSV: read_delimited,
    Format.XLSX: read_workbook,
    Format.JSONL: read_lines,
}


def read_table(source: Source) -> Table:
    """Return the file's header and its rows, which are read while they are asked for.

    :raises FileRefused: if the file has no usable header; also while rows are read.
    """
    return _READERS[source.format](source)
