"""What the rules and the stored customers say to some rows of a file."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import orjson

from billing.errors import Invalid, NotFound, Refusal, Stale
from billing.events.actor import Actor
from billing.statements import Statement
from customers.change import CustomerChange, Identity
from customers.imports.mapping import ColumnMap
from customers.imports.refusals import Flaw
from customers.imports.staging import StagedRow
from customers.imports.targets import NOTE, wire_key
from customers.imports.wishes import Wish, WishReader
from customers.intakes import Import
from customers.models import METADATA_VALUE_LENGTH
from customers.write import (
    Foreseen,
    Outcome,
    RefusedBatch,
    foresee_customers,
    write_customers,
)

_LOOK_TEXT = (Path(__file__).parent / "look.sql").read_text()
_LOOK = Statement(_LOOK_TEXT.format(lock=""))
_HOLD = Statement(_LOOK_TEXT.format(lock="FOR NO KEY UPDATE"))


_Done = TypeVar("_Done", Outcome, Foreseen)


class Seen(NamedTuple):
    """A customer as it is stored: its version, and its metadata."""

    version: int
    notes: Sequence[Mapping[str, Any]]


class Judged(NamedTuple):
    """A row with its wish, and what is wrong with it."""

    row: StagedRow
    wish: Wish
    change: CustomerChange | None
    flaws: list[Flaw]


class Judge:
    """Judges the rows of one import: its header, its column map, its organization."""

    def __init__(self, intake: Import) -> None:
        self.organization_id: UUID = intake.organization_id
        self.header: list[str] = intake.header
        self.columns = ColumnMap.load(intake.mapping)
        self.reader = WishReader(intake.header, self.columns)
        self._column_of_key = _columns_by_key(self.columns)

    def read(self, rows: Sequence[StagedRow]) -> list[tuple[StagedRow, Wish]]:
        """Return the rows with their wishes; a row that could not be read wishes nothing."""
        nothing = Wish({}, {}, [])
        return [(row, nothing if row.flaws else self.reader.read(row.cells)) for row in rows]

    def look(self, wishes: Sequence[Wish], *, hold: bool = False) -> dict[str, Seen]:
        """Return the stored customers these wishes name.

        :param hold: keep others from changing them until the transaction ends.
        """
        names = [wish.external_id for wish in wishes if wish.external_id]
        values = {
            "organization": self.organization_id,
            "external_ids": [name for name in names if "\0" not in name],
            "hold": hold,
        }
        found = (_HOLD if hold else _LOOK).rows(values)
        return {name: Seen(version, orjson.loads(notes)) for name, version, notes in found}

    def judge(self, row: StagedRow, wish: Wish, seen: Mapping[str, Seen]) -> Judged:
        """Return the row with its change, ready to be written, or with what is wrong."""
        flaws = [*row.flaws, *wish.flaws]
        if flaws:
            return Judged(row, wish, None, flaws)
        stored = seen.get(wish.external_id or "")
        values = wish.with_notes(stored.notes if stored else ())
        change = CustomerChange.read(values)
        if self.columns.identity is not None and isinstance(row.cells, dict):
            change.keeping(Identity.load(row.cells[self.columns.identity]))
        return Judged(row, wish, change, [])

    def write(
        self, judged: Sequence[Judged], actor: Actor
    ) -> tuple[dict[int, Outcome], dict[int, list[Flaw]]]:
        """Write the changes that can be written, and return by row number what became of each."""
        return self._do(write_customers, judged, actor)

    def foresee(
        self, judged: Sequence[Judged], actor: Actor
    ) -> tuple[dict[int, Foreseen], dict[int, list[Flaw]]]:
        """Return by row number what `write` would make of each; nothing is written."""
        return self._do(foresee_customers, judged, actor)

    def _do(
        self,
        do: Callable[[UUID, Sequence[CustomerChange], Actor], list[_Done]],
        judged: Sequence[Judged],
        actor: Actor,
    ) -> tuple[dict[int, _Done], dict[int, list[Flaw]]]:
        """Do it with all changes but those that are refused: no row is tried alone."""
        left = [one for one in judged if one.change is not None]
        refused = {one.row.number: one.flaws for one in judged if one.change is None}
        while left:
            changes = [one.change for one in left if one.change is not None]
            try:
                found = do(self.organization_id, changes, actor)
            except RefusedBatch as batch:
                for place, refusal in batch.refusals.items():
                    refused[left[place].row.number] = self.flaws_of(refusal, left[place])
                left = [one for one in left if one.row.number not in refused]
            else:
                numbers = (one.row.number for one in left)
                return dict(zip(numbers, found, strict=True)), refused
        return {}, refused

    def flaws_of(self, refusal: Refusal, judged: Judged) -> list[Flaw]:
        """Return a refusal as flaws of the row's cells."""
        if isinstance(refusal, Invalid):
            return [
                self._flaw(key, code, judged)
                for key, codes in refusal.problems.items()
                for code in codes
            ]
        if isinstance(refusal, NotFound):
            key = {"tax": "tax_codes"}.get(refusal.resource, f"{refusal.resource}_code")
            return [self._flaw(key, f"{refusal.resource}_not_found", judged)]
        return [Flaw("", "stale" if isinstance(refusal, Stale) else "refused")]

    def _flaw(self, key: str, code: str, judged: Judged) -> Flaw:
        column = self._column_of_key.get(key, "")
        if key == "value" and judged.wish.notes:
            column = self._column_of_note(judged.wish) or column
        return Flaw(column, code, shown_cell(judged.row, column, self.header))

    def _column_of_note(self, wish: Wish) -> str | None:
        for key, value in wish.notes.items():
            text = value if isinstance(value, str) else None
            if text is None or not text.strip() or len(text) > METADATA_VALUE_LENGTH:
                return self.columns.column_of(f"{NOTE}{key}")
        return None


def _columns_by_key(columns: ColumnMap) -> dict[str, str]:
    """Return the column to point at for each key under which the wire reports a problem."""
    targets = [target for name in columns.columns for target in columns.columns[name]]
    targets += columns.fixed
    found = {wire_key(target): columns.column_of(target) for target in targets}
    for key, target in _STAND_INS:
        if key not in found and wire_key(target) in found:
            found[key] = found[wire_key(target)]
    return found


# Keys that name a part of a value: the column that holds the whole.
_STAND_INS = (
    ("base", "billing_configuration.payment_provider_code"),
    ("base", "billing_configuration.payment_provider"),
    ("invoice_custom_sections", "invoice_custom_section_codes"),
    *((key, "metadata") for key in ("key", "value", "id", "display_in_invoice")),
    *(
        (key, "integration_customers")
        for key in ("integration_type", "integration_code", "external_customer_id", "subsidiary_id",
                    "targeted_object", "sync_with_provider")
    ),
)  # fmt: skip


def shown_cell(row: StagedRow, column: str, header: Sequence[str]) -> str | None:
    """Return what stands in a cell, short enough to be kept with a problem."""
    if isinstance(row.cells, dict):
        value = row.cells.get(column)
    else:
        value = row.cells[header.index(column)] if column in header else None
    return None if value is None else str(value)[:200]
