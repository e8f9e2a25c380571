"""Files that people send in: kept in pieces, so that whoever works on them finds them, then read.

A file is never run and never kept: what is left of it are its rows.
"""

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from billing.events.actor import Actor
from billing.ids import newest_first_id
from billing.organizations.models import Organization
from billing.statements import Statement
from billing.values import TEXT_LENGTH
from customers.imports.reading import read_table
from customers.imports.refusals import FileRefused
from customers.imports.sources import Format, Source, recognize
from customers.imports.staging import fill, reset
from customers.intakes import Import, ImportPiece

PIECE = 1 << 20
_SUFFIX = re.compile(r"\.[a-z]{1,8}\Z")
_TITLES = {Format.CSV: "CSV", Format.JSONL: "JSON Lines"}
_ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}


@transaction.atomic
def receive(organization: Organization, chunks: Iterable[bytes], name: str, actor: Actor) -> Import:
    """Keep a file that was sent in; `read_in` takes its rows."""
    intake = Import(
        organization=organization, state=Import.State.ARRIVED, file_name=_plain_name(name),
        file_size=0, actor_id=actor.id, actor_name=actor.name,
    )  # fmt: skip
    digest = sha256()
    for number, piece in enumerate(_pieces(chunks)):
        digest.update(piece)
        intake.file_size += len(piece)
        ImportPiece.objects.create(intake_id=intake.pk, number=number, data=piece)
    intake.sha256 = digest.hexdigest()
    intake.save(force_insert=True)
    return intake


def _plain_name(name: str) -> str:
    """Return the name without what no name can hold, its end kept: it tells the kind of file."""
    plain = "".join(letter for letter in name if letter.isprintable()).strip()
    return plain[-TEXT_LENGTH:] or "customers.csv"


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of one size."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= PIECE:
            yield bytes(held[:PIECE])
            del held[:PIECE]
    if held:
        yield bytes(held)


def read_in(intake: Import) -> None:
    """Take the rows of a file that has arrived; of one that can't be read, note why."""
    try:
        _read_in(intake)
    except FileRefused as refused:
        with transaction.atomic():
            intake.refresh_from_db()
            intake.state, intake.notes = Import.State.UNREAD, str(refused).split("\n")
            intake.save()
            intake.pieces.all().delete()


@transaction.atomic
def _read_in(intake: Import) -> None:
    # Who comes second leaves it to the first.
    free = Import.objects.select_for_update(no_key=True, skip_locked=True)
    held = free.filter(pk=intake.pk, state=Import.State.ARRIVED).first()
    if held is not None:
        with _as_file(held) as path:
            source = recognize(path)
            table = read_table(source)
            fill(held, source, table)
        held.notes = [_kind(source), *held.notes]
        held.state = Import.State.STAGED
        held.save()
        held.pieces.all().delete()
    intake.refresh_from_db()


def _kind(source: Source) -> str:
    if source.format == Format.XLSX:
        return _("An Excel workbook.")
    title = _TITLES[source.format]
    encoding = _ENCODINGS.get(source.encoding, source.encoding.upper())
    return _("%(format)s, written in %(encoding)s.") % {"format": title, "encoding": encoding}


@contextmanager
def _as_file(intake: Import) -> Iterator[Path]:
    """Lay the pieces out as a file for as long as it is read."""
    found = _SUFFIX.search(intake.file_name.lower())
    with tempfile.NamedTemporaryFile(suffix=found[0] if found else "") as file:
        numbers = intake.pieces.order_by("number").values_list("number", flat=True)
        for number in list(numbers):
            piece = ImportPiece.objects.get(intake_id=intake.pk, number=number)
            file.write(piece.data)
        file.flush()
        yield Path(file.name)


_REPEAT = Statement(
    "WITH copied AS ("
    " INSERT INTO customers_importrow (intake_id, number, cells, flaws, digest, mended)"
    " SELECT %(to)s::uuid, number, cells, flaws, digest, mended"
    " FROM customers_importrow WHERE intake_id = %(from)s::uuid RETURNING 1"
    ") SELECT count(*) FROM copied"
)


@transaction.atomic
def repeat(intake: Import, actor: Actor) -> Import:
    """Return a new import of the rows of another: to map them in another way, or to try again."""
    again = Import.objects.get(pk=intake.pk)
    again.pk, again._state.adding = newest_first_id(), True
    again.state, again.is_checked, again.is_settled = Import.State.STAGED, False, False
    again.wants_stop, again.reason, again.attempts = False, None, 0
    again.actor_id, again.actor_name = actor.id, actor.name
    again.started_at = again.ended_at = None
    reset(again)
    _REPEAT.rows({"from": intake.pk, "to": again.pk})
    again.save(force_insert=True)
    return again
