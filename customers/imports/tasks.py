"""Imports that were begun in the back office: at once if they are small, else in the background.

Those of the command line are taken on there, by hand.
"""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from billing.errors import NotAllowed
from customers.imports.arrival import PIECE, read_in
from customers.imports.check import check_import
from customers.imports.mapping import ColumnMap
from customers.imports.run import is_at_work, only_import, run_import, set_aside
from customers.imports.runner import MovedAside
from customers.imports.staging import empty, settle
from customers.intakes import Import, ImportRow

# Fewer rows, and fewer bytes, are done while the person waits.
AT_ONCE = 200
# An import that a worker took on so often without coming further is left to people.
ATTEMPTS = 5
# A file that nobody went on with is forgotten.
_UNUSED_FOR = timedelta(days=7)
_State = Import.State
MOVING = (_State.ARRIVED, _State.MAPPED, _State.CHECKING, _State.RUNNING)


class _Asked(Exception):
    """Somebody asked to stop."""


def go_on(intake: Import) -> None:
    """Take an import on: at once if it is small, else in the background."""
    intake.refresh_from_db()
    small = intake.file_size <= PIECE / 4 if intake.state == _State.ARRIVED else False
    if small or (intake.state != _State.ARRIVED and intake.total <= AT_ONCE):
        with suppress(NotAllowed):  # another one is at work; this one's turn comes
            take_on(intake.pk)
            return
    enqueue(intake.pk)


def enqueue(import_id: UUID) -> None:
    """Have a worker take an import on."""
    job = take_import_on.configure(queueing_lock=f"import {import_id}")
    try:
        with transaction.atomic():
            job.defer(import_id=str(import_id))
    except AlreadyEnqueued:
        pass  # it will be taken on, which is all that was wanted


@app.task(
    name="customers.take_import_on", retry=RetryStrategy(max_attempts=ATTEMPTS, exponential_wait=2)
)
def take_import_on(import_id: str) -> None:
    """Take an import to where it needs a person; it goes on where it was."""
    with suppress(Import.DoesNotExist, NotAllowed, MovedAside):
        take_on(UUID(import_id))


def take_on(import_id: UUID) -> None:
    """Read, check or write the file, whichever is its turn.

    :raises NotAllowed: if another import of the organization is at work.
    """
    mine = Import.objects.filter(pk=import_id)
    mine.update(attempts=F("attempts") + 1)
    try:
        _take_on(mine.get())
    except NotAllowed:
        mine.update(attempts=Greatest(F("attempts") - 1, 0))
        raise
    mine.update(attempts=0)


def _take_on(intake: Import) -> None:
    if intake.state == _State.ARRIVED:
        read_in(intake)
    elif intake.state in (_State.MAPPED, _State.CHECKING):
        _check(intake)
    elif intake.state == _State.RUNNING:
        run_import(intake, _came_further)


def _check(intake: Import) -> None:
    try:
        if intake.state == _State.MAPPED:
            _settle(intake)
        check_import(intake, _asked)
    except _Asked:
        with only_import(intake.organization_id):
            Import.objects.filter(pk=intake.pk, state=_State.CHECKING).update(
                state=_State.STAGED, wants_stop=False
            )


@transaction.atomic
def _settle(intake: Import) -> None:
    """Note what the columns fill, and begin the check: one step, so that none is left between."""
    held = Import.objects.select_for_update(no_key=True).get(pk=intake.pk)
    if held.state == _State.MAPPED:
        settle(held, ColumnMap.load(held.mapping))
        held.state = _State.CHECKING
        held.save()
    intake.refresh_from_db()


def _asked(intake: Import) -> None:
    _came_further(intake)
    at_work = Import.objects.filter(pk=intake.pk, state=_State.CHECKING)
    if at_work.filter(wants_stop=True).exists():
        raise _Asked


def _came_further(intake: Import) -> None:
    Import.objects.filter(pk=intake.pk, attempts__gt=0).update(attempts=0)


def stop_import(intake: Import) -> None:
    """Stop a check or a run; one whose worker is gone is stopped right here."""
    Import.objects.filter(pk=intake.pk, state__in=MOVING).update(wants_stop=True)
    with suppress(NotAllowed), only_import(intake.organization_id):
        set_aside(intake)
        Import.objects.filter(pk=intake.pk, state__in=(_State.MAPPED, _State.CHECKING)).update(
            state=_State.STAGED, wants_stop=False
        )


def try_first(intake: Import, count: int) -> None:
    """Write the first rows that change something, and stop behind them.

    :raises NotAllowed: if another import of the organization is at work.
    """
    intake.refresh_from_db()
    changing = intake.rows.filter(state__in=(ImportRow.State.NEW, ImportRow.State.CHANGED))
    ahead = changing.filter(number__gt=intake.checkpoint).order_by("number")
    numbers = list(ahead.values_list("number", flat=True)[:count])
    run_import(intake, until=numbers[-1] if numbers else intake.checkpoint)


@app.periodic(cron="* * * * *", periodic_id="resume_imports")
@app.task(name="customers.resume_imports", queueing_lock="resume_imports")
def resume_imports(timestamp: int) -> None:
    """Take imports on whose worker is gone, or that waited for another one's end."""
    begun_here = Import.objects.filter(state__in=MOVING, actor_id__isnull=False)
    for intake in begun_here.filter(attempts__lt=ATTEMPTS):
        if not is_at_work(intake.organization_id):
            enqueue(intake.pk)


@app.periodic(cron="37 3 * * *", periodic_id="forget_imports")
@app.task(name="customers.forget_imports", queueing_lock="forget_imports")
def forget_imports(timestamp: int) -> None:
    """Delete files nobody went on with, and the rows of imports that are old: personal data.

    What was imported when, by whom, with which counts and which SHA-256, stays.
    """
    now = timezone.now()
    unused = Import.objects.filter(started_at=None, created_at__lt=now - _UNUSED_FOR)
    for intake in unused:
        discard(intake)
    kept_for = timedelta(days=settings.TARN_IMPORT_ROWS_KEPT_DAYS)
    ended = Import.objects.filter(ended_at__lt=now - kept_for, emptied_at=None)
    for intake in ended.exclude(state=_State.RUNNING):
        empty(intake)


def discard(intake: Import) -> bool:
    """Forget an import that wrote nothing, and return whether it was one."""
    with suppress(NotAllowed), only_import(intake.organization_id), transaction.atomic():
        held = Import.objects.select_for_update().filter(pk=intake.pk, started_at=None).first()
        if held is not None:
            held.pieces.all().delete()
            held.delete()
            return True
    return False
