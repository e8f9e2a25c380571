"""What the rules and the stored customers say to some rows of a file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from billing.errors import Invalid, NotFound, Refusal, Stale
from customers.change import CustomerChange
from customers.identity import Identity
from customers.imports.agreed import Agreed
from customers.imports.mapping import ColumnMap
from customers.imports.refusals import Flaw
from customers.imports.staging import StagedRow
from customers.imports.targets import NOTE, wire_key
from customers.imports.wishes import Wish, WishReader
from customers.intakes import Import
from customers.models import METADATA_VALUE_LENGTH
from customers.write import Foreseen


class Judged(NamedTuple):
    """A row with its wish, and what is wrong with it."""

    row: StagedRow
    wish: Wish
    change: CustomerChange | None
    flaws: list[Flaw]


def changes_of(judged: Sequence[Judged]) -> list[CustomerChange]:
    """Return the changes of those rows that could be read."""
    return [one.change for one in judged if one.change is not None]


def agreed_of(judged: Sequence[Judged], outcomes: Mapping[int, Foreseen]) -> Iterator[Agreed]:
    """Yield the rows that their customers agree with as soon as the outcomes are written."""
    for one in judged:
        outcome = outcomes.get(one.row.number)
        if outcome is not None and one.change is not None:
            raised = outcome.version + (outcome.kind != "unchanged")
            yield Agreed(one.row.number, one.change.external_id, raised)


class Judge:
    """Judges the rows of one import: its header, its column map, its organization."""

    def __init__(self, intake: Import) -> None:
        self.organization_id: UUID = intake.organization_id
        self.header: list[str] = intake.header
        self.columns = ColumnMap.load(intake.mapping)
        self.reader = WishReader(intake.header, self.columns)
        self._column_of_key = _columns_by_key(self.columns)

    def read(self, rows: Sequence[StagedRow]) -> list[Judged]:
        """Return the rows with their changes; a row that could not be read has none."""
        nothing = Wish({}, {}, [])
        return [
            self._judge(row, nothing if row.flaws else self.reader.read(row.cells)) for row in rows
        ]

    def _judge(self, row: StagedRow, wish: Wish) -> Judged:
        flaws = [*row.flaws, *wish.flaws]
        if flaws:
            return Judged(row, wish, None, flaws)
        change = CustomerChange.read(wish.with_notes())
        if wish.notes:
            change.laid_over([key for key, value in wish.notes.items() if value is None])
        if self.columns.identity is not None and isinstance(row.cells, dict):
            change.keeping(Identity.load(row.cells[self.columns.identity]))
        return Judged(row, wish, change, [])

    def sort(
        self, judged: Sequence[Judged], found: Sequence[Foreseen | Refusal]
    ) -> tuple[dict[int, Foreseen], dict[int, list[Flaw]]]:
        """Return by row number what became of the changes, and what is wrong with the others.

        :param found: what became of `changes_of(judged)`, in that order.
        """
        refused = {one.row.number: one.flaws for one in judged if one.change is None}
        outcomes: dict[int, Foreseen] = {}
        decided = (one for one in judged if one.change is not None)
        for one, became in zip(decided, found, strict=True):
            if isinstance(became, Refusal):
                refused[one.row.number] = self.flaws_of(became, one)
            else:
                outcomes[one.row.number] = became
        return outcomes, refused

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
