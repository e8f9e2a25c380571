"""What kind of file this is: told by its first bytes, never by its name alone."""

import codecs
import re
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from django.utils.translation import gettext as _

from customers.imports.refusals import FileRefused

_CHUNK = 1 << 20


class Format(StrEnum):
    """The formats that are read and written."""

    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"


@dataclass(frozen=True)
class Source:
    """A file that can be read: where it is, its format, the encoding of its text, its SHA-256."""

    path: Path
    format: Format
    encoding: str
    sha256: str
    size: int
    notes: list[str] = field(default_factory=list)


# What people name .csv by mistake, told by the first bytes.
_FOREIGN = (
    (b"\x1f\x8b", "gzip"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"%PDF", "PDF"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7z"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"SQLite format 3", "SQLite"),
)
_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_HTML = re.compile(rb"\s*<(?:!doctype html|html|head|body|table|\?xml)", re.IGNORECASE)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SUFFIXES = {
    ".csv": Format.CSV, ".tsv": Format.CSV, ".txt": Format.CSV, ".xlsx": Format.XLSX,
    ".jsonl": Format.JSONL, ".ndjson": Format.JSONL,
}  # fmt: skip


def recognize(path: Path, wanted: Format | None = None) -> Source:
    """Return what the file is, after reading it once from end to end.

    :param wanted: the format somebody named; None goes by the name and the first bytes.
    :raises FileRefused: if it is nothing that can be read, or not what its name says.
    """
    size, beginning = _begin(path)
    if not size:
        raise FileRefused(_("The file is empty. Its first row must name the columns."))
    _refuse_foreign(beginning)
    found = wanted or _SUFFIXES.get(path.suffix.lower()) or _guess(beginning)
    _refuse_misnamed(beginning, found)
    if found == Format.XLSX:
        return Source(path, found, "", _hash(path), size)
    encoding, digest, notes = _encoding(path, beginning)
    return Source(path, found, encoding, digest, size, notes)


def _begin(path: Path) -> tuple[int, bytes]:
    try:
        with path.open("rb") as file:
            return path.stat().st_size, file.read(65_536)
    except OSError as error:
        raise FileRefused(_("The file can't be read: %s.") % error.strerror) from None


_PACKERS = frozenset({"gzip", "RAR", "7z", "bzip2", "xz", "Zstandard"})


def _refuse_foreign(beginning: bytes) -> None:
    for magic, name in _FOREIGN:
        if beginning.startswith(magic):
            words = (
                _("This is a %s file, whatever its name says. Unpack it, or export the customers "
                  "as CSV, XLSX or JSON Lines.")
                if name in _PACKERS
                else _("This is a %s file, whatever its name says. Export the customers as CSV, "
                       "XLSX or JSON Lines.")
            )  # fmt: skip
            raise FileRefused(words % name)
    if beginning.startswith(_OLD_EXCEL):
        raise FileRefused(
            _("This is a workbook of an Excel before 2007, or one with a password. Save it as "
              ".xlsx without a password.")
        )  # fmt: skip
    if _HTML.match(beginning.removeprefix(codecs.BOM_UTF8)):
        raise FileRefused(
            _("This is a web page, not a table; perhaps the page that asked for a password was "
              "saved. Download the file again.")
        )  # fmt: skip


def _guess(beginning: bytes) -> Format:
    if beginning.startswith(_ZIP):
        return Format.XLSX
    return Format.JSONL if beginning.lstrip()[:1] == b"{" else Format.CSV


def _refuse_misnamed(beginning: bytes, found: Format) -> None:
    is_zip = beginning.startswith(_ZIP)
    if is_zip and found != Format.XLSX:
        raise FileRefused(
            _("This is an Excel workbook or another ZIP file, not %s. Rename it to .xlsx, or "
              "unpack it.") % _title(found)
        )  # fmt: skip
    if found == Format.XLSX and not is_zip:
        raise FileRefused(
            _("This is not an Excel workbook, whatever its name says. If it is a text file, "
              "rename it to .csv.")
        )  # fmt: skip
    if found == Format.CSV and beginning.lstrip()[:2] in (b'{"', b"[{"):
        raise FileRefused(
            _("This is JSON, not CSV. Write one customer a line and name the file .jsonl.")
        )


def _title(found: Format) -> str:
    return {Format.CSV: "CSV", Format.XLSX: "XLSX", Format.JSONL: "JSON Lines"}[found]


def _hash(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _encoding(path: Path, beginning: bytes) -> tuple[str, str, list[str]]:
    """Return the encoding under which every byte of the file can be read, and its hash."""
    for bom, name in _BOMS:
        if beginning.startswith(bom):
            return _checked(path, name)
    for name, zeros, letters in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        sample = beginning[:2_000]
        if sample[zeros::2].count(0) > len(sample) / 5 and not sample[letters::2].count(0):
            return _checked(path, name)
    scan = _scan_utf8(path)
    if scan.bad_byte_at is None:
        return "utf-8", scan.digest, []
    if scan.has_utf8:
        raise FileRefused(
            _("The file mixes two encodings: line %(line)d is not UTF-8, and others are. Save all "
              "of it as UTF-8.") % {"line": scan.line}
        )  # fmt: skip
    if scan.is_windows:
        note = _("The text is not UTF-8; it was read as Windows-1252 (Western Europe).")
        return "cp1252", scan.digest, [note]
    raise FileRefused(
        _("Line %(line)d holds bytes that are neither UTF-8 nor Windows-1252. Save the file as "
          "UTF-8.") % {"line": scan.line}
    )  # fmt: skip


def _checked(path: Path, encoding: str) -> tuple[str, str, list[str]]:
    decoder = codecs.getincrementaldecoder(encoding)()
    digest, line = sha256(), 1
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                line += decoder.decode(chunk).count("\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise FileRefused(
                _("The file begins as %(encoding)s, but around line %(line)d it is not. Save all "
                  "of it as UTF-8.") % {"encoding": encoding.upper(), "line": line}
            ) from None  # fmt: skip
    return encoding, digest.hexdigest(), []


@dataclass
class _Scan:
    """What a file without a byte order mark holds."""

    digest: str = ""
    bad_byte_at: int | None = None
    line: int = 1
    has_utf8: bool = False
    is_windows: bool = True


# Two or more bytes that are one letter in UTF-8 and hardly ever stand together otherwise.
_UTF8_LETTER = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}")
_NOT_WINDOWS = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


def _scan_utf8(path: Path) -> _Scan:
    scan, digest = _Scan(), sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            _look_at(chunk, scan, decoder)
        if scan.bad_byte_at is None:
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                scan.bad_byte_at = path.stat().st_size - 1
    scan.digest = digest.hexdigest()
    return scan


def _look_at(chunk: bytes, scan: _Scan, decoder: codecs.IncrementalDecoder) -> None:
    if scan.bad_byte_at is None:
        try:
            decoder.decode(chunk)
            scan.line += chunk.count(b"\n")
        except UnicodeDecodeError as error:
            scan.bad_byte_at = error.start
            scan.line += error.object[: error.start].count(b"\n")
    if chunk.isascii():
        return  # as most are: searching them takes longer than all the rest
    scan.has_utf8 = scan.has_utf8 or _UTF8_LETTER.search(chunk) is not None
    scan.is_windows = scan.is_windows and _NOT_WINDOWS.search(chunk) is None
