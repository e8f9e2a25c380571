"""A whole Lago account beside an organization here: counts, and every difference in a file."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from django.utils.translation import gettext as _

from customers.cells import neutralize
from customers.lago.client import Json, LagoClient
from customers.lago.compare import Difference, compare_customers
from customers.lago.details import Details
from customers.lago.ground import Ground, compare_ground
from customers.lago.here import count_here, customers_here
from customers.lago.walk import CustomerWalk, Seen

Progress = Callable[[int, int], None]


@dataclass
class Verdict:
    """What a comparison came to; `by_field` counts differences by field of customers."""

    theirs: int = 0
    ours: int = 0
    same: int = 0
    different: int = 0
    missing_here: int = 0
    only_here: int = 0
    not_shown: int = 0
    ground: int = 0
    by_field: Counter[str] = field(default_factory=Counter)

    @property
    def is_clean(self) -> bool:
        """Return whether both sides hold the same."""
        return not (
            self.different or self.missing_here or self.only_here or self.not_shown or self.ground
        )


class DifferenceFile:
    """The differences as CSV, one a row; the file is made with the first of them."""

    _HEADER = ("what", "field", "lago", "tarn")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None
        self._writer: Any = None

    def add(self, what: str, path: str, theirs: Any, ours: Any) -> None:
        """Write one difference down."""
        if self._writer is None:
            self._file = self.path.open("w", encoding="utf-8-sig", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(self._HEADER)
        self._writer.writerow([neutralize(what), neutralize(path), _cell(theirs), _cell(ours)])

    @property
    def is_begun(self) -> bool:
        """Return whether there was anything to write."""
        return self._writer is not None

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return neutralize(value) if isinstance(value, str) else orjson.dumps(value).decode()


def compare_account(
    client: LagoClient,
    ground: Ground,
    organization_id: UUID,
    path: Path,
    details: Details,
    progress: Progress = lambda _done, _total: None,
) -> Verdict:
    """Compare every customer and the configuration; nothing is written but the file at `path`.

    :raises LagoRefused: if Lago can't be asked to the end.
    """
    with closing(DifferenceFile(path)) as file:
        comparison = _Comparison(client, ground, organization_id, file, details)
        return comparison.run(progress)


class _Comparison:
    """One comparison on its way."""

    def __init__(
        self,
        client: LagoClient,
        ground: Ground,
        organization_id: UUID,
        file: DifferenceFile,
        details: Details,
    ) -> None:
        self.client, self.ground, self.organization_id = client, ground, organization_id
        self.file, self.details = file, details
        self.verdict = Verdict()

    def run(self, progress: Progress) -> Verdict:
        verdict = self.verdict
        seen = Seen()
        walk = CustomerWalk(self.client, seen)
        for page in walk:
            for theirs, ours in self._pairs(page):
                self._compare(theirs, ours)
            progress(verdict.theirs, walk.total)
        for external_id in seen.unmet(self.organization_id):
            verdict.only_here += 1
            self.file.add(external_id, "", "", _("only here"))
        verdict.not_shown = walk.missing
        verdict.ours = count_here(self.organization_id)
        for place, difference in compare_ground(self.ground, self.organization_id):
            verdict.ground += 1
            self._note(place, difference)
        return verdict

    def _pairs(self, page: list[Json]) -> Iterator[tuple[Json, Json | None]]:
        whole = [one for one in self.details.of(page) if one is not None]
        ours = customers_here(self.organization_id, [one["external_id"] for one in whole])
        for theirs in whole:
            self.ground.note_sections(theirs.get("applicable_invoice_custom_sections") or [])
            yield theirs, ours.get(theirs["external_id"])

    def _compare(self, theirs: Json, ours: Json | None) -> None:
        self.verdict.theirs += 1
        if ours is None:
            self.verdict.missing_here += 1
            self.file.add(theirs["external_id"], "", _("only at Lago"), "")
            return
        differences = compare_customers(theirs, ours)
        if differences:
            self.verdict.different += 1
        else:
            self.verdict.same += 1
        for difference in differences:
            self.verdict.by_field[_field(difference.path)] += 1
            self._note(theirs["external_id"], difference)

    def _note(self, what: str, difference: Difference) -> None:
        self.file.add(what, difference.path, difference.theirs, difference.ours)


def _field(path: str) -> str:
    """Return what a difference is counted under: entries of a list go by the list."""
    head, _dot, tail = path.partition(".")
    if head in ("metadata", "integration_customers"):
        last = tail.rpartition(".")[2] if "." in tail else ""
        return f"{head}.*.{last}" if last else head
    return path
