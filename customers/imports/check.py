"""The preview: what would become of every row, cell by cell, before anything is written.

The writer itself decides what it would do and leaves it at that, so that the preview says what
the same rules will do, and locks nobody out; and each row keeps the version of its customer, so
that the run leaves out whom somebody has changed since.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.errors import NotAllowed
from billing.models import InvoiceCustomSection
from customers.advice import advice_for
from customers.imports.agreed import keep_agreed
from customers.imports.garbage import seldom_collected
from customers.imports.judging import Judge, Judged, agreed_of, changes_of
from customers.imports.refusals import DOUBLED, Flaw
from customers.imports.run import only_import
from customers.imports.runner import STATES
from customers.imports.staging import StagedRow, Stretch, note, page_after, reset, staged
from customers.intakes import Import, ImportRow
from customers.write import Foreseen, foresee_customers

Progress = Callable[[Import], None]
_State = Import.State
_COUNTED = ("checkpoint", "new", "changed", "unchanged", "refused", "warnings")
# Nothing is locked, so nobody waits for the end of a batch.
_AT_ONCE = 200


def check_import(intake: Import, progress: Progress = lambda _intake: None) -> Import:
    """Judge all rows beside what is stored, and keep what was found with them.

    An interrupted check goes on where it was.

    :raises NotAllowed: if another import of the organization is running.
    """
    with seldom_collected(), only_import(intake.organization_id):
        intake.refresh_from_db()
        if intake.state == _State.STAGED:
            reset(intake)
            intake.state = _State.CHECKING
            intake.save()
        if intake.state != _State.CHECKING:
            return intake
        judge = Judge(intake)
        sections = _section_codes(intake.organization_id)
        while (found := page_after(intake, intake.checkpoint, _AT_ONCE)).rows:
            _check(intake, judge, found, sections)
            progress(intake)
        intake.state, intake.is_checked = _State.CHECKED, True
        intake.save()
    progress(intake)
    return intake


def recheck(intake: Import, numbers: Sequence[int]) -> None:
    """Judge some rows of a preview anew: what stands in them, or what it means, was mended.

    Rows that name one customer twice stay refused: see `customers.imports.mending`.

    :raises NotAllowed: if an import of the organization is at work, or this one has no preview.
    """
    with only_import(intake.organization_id), transaction.atomic():
        intake.refresh_from_db()
        if intake.state != _State.CHECKED:
            raise NotAllowed("import_is_not_checked")
        judge, sections = Judge(intake), _section_codes(intake.organization_id)
        for first in range(0, len(numbers), _AT_ONCE):
            found = intake.rows.filter(number__in=numbers[first : first + _AT_ONCE])
            rows = list(found.order_by("number"))
            _count(intake, [_told(row) for row in rows], -1)
            for row in rows:
                row.problems = [one for one in row.problems or [] if one[1] == DOUBLED] or None
            _count(intake, _judge(intake, judge, Stretch(staged(rows), b""), sections), 1)
        intake.save(update_fields=_COUNTED)


@transaction.atomic
def _check(intake: Import, judge: Judge, found: Stretch, sections: frozenset[str]) -> None:
    _count(intake, _judge(intake, judge, found, sections), 1)
    intake.checkpoint = found.rows[-1].number
    intake.save(update_fields=_COUNTED)


def _judge(
    intake: Import, judge: Judge, found: Stretch, sections: frozenset[str]
) -> list[dict[str, Any]]:
    """Have the writer decide what needs it, note what was found and return it."""
    judged = judge.read([row for row in found.rows if not row.is_agreed])
    foreseen = foresee_customers(intake.organization_id, changes_of(judged), intake.actor)
    outcomes, refused = judge.sort(judged, foreseen)
    findings = [_finding(one, outcomes, refused, judge, sections) for one in judged]
    findings += [_agreed(row) for row in found.rows if row.is_agreed]
    note(intake.id, findings)
    _keep(intake, found.terms, judged, outcomes)
    return findings


def _keep(
    intake: Import, terms: bytes, judged: Sequence[Judged], outcomes: Mapping[int, Foreseen]
) -> None:
    """Keep which rows their customers agree with as they are."""
    kept = {number: one for number, one in outcomes.items() if one.kind == "unchanged"}
    if kept and terms:
        keep_agreed(intake, terms, agreed_of(judged, kept))


def _agreed(row: StagedRow) -> dict[str, Any]:
    return {"number": row.number, "state": ImportRow.State.UNCHANGED, "version": row.version}


def _told(row: ImportRow) -> dict[str, Any]:
    """Return what was found of a row the last time."""
    return {"state": row.state, "warnings": row.warnings}


def _count(intake: Import, found: Sequence[Mapping[str, Any]], by: int) -> None:
    counts = Counter(one["state"] for one in found)
    for state in ImportRow.State:
        setattr(intake, state, getattr(intake, state) + by * counts[state])
    intake.warnings += by * sum(1 for one in found if one.get("warnings"))


def _finding(
    judged: Judged,
    outcomes: Mapping[int, Foreseen],
    refused: Mapping[int, list[Flaw]],
    judge: Judge,
    sections: frozenset[str],
) -> dict[str, Any]:
    """Return what is kept with one row."""
    number = judged.row.number
    if number in refused:
        return {"number": number, "state": ImportRow.State.REFUSED, "problems": refused[number]}
    outcome = outcomes[number]
    state = STATES[outcome.kind]
    found: dict[str, Any] = {
        "number": number, "state": state, "version": outcome.version,
    }  # fmt: skip
    if state != ImportRow.State.UNCHANGED:
        found["changes"] = outcome.diff
        found["warnings"] = _warnings(judged, judge, sections) or None
    return found


def _warnings(judged: Judged, judge: Judge, sections: frozenset[str]) -> list[Flaw]:
    """Return what looks mistaken about the row's values and is written all the same."""
    values = judged.wish.values
    found = [
        Flaw(judge.columns.column_of(advice.field), "advice", advice.sentence)
        for advice in advice_for(values)
    ]
    chosen = values.get("invoice_custom_section_codes")
    unknown = [code for code in chosen if code not in sections] if isinstance(chosen, list) else []
    column = judge.columns.column_of("invoice_custom_section_codes")
    return [*found, *(Flaw(column, "unknown_section", str(code)) for code in unknown)]


def _section_codes(organization_id: UUID) -> frozenset[str]:
    kept = InvoiceCustomSection.objects.filter(organization_id=organization_id, deleted_at=None)
    return frozenset(kept.values_list("code", flat=True))
