"""Writing the rows of an import, some at a time, each time in one transaction with the checkpoint.

The checkpoint, the counts and the customers are one commit: whenever the process dies, the import
stands exactly between two batches, and goes on there.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from billing.errors import NotAllowed
from billing.events.actor import Actor
from customers.batches import Batch
from customers.imports.garbage import seldom_collected
from customers.imports.runner import Runner
from customers.intakes import Import

# One import at a time in an organization; the lock goes with the connection, however it ends.
_RUNNING_LOCK = 8404

Progress = Callable[[Import], None]
_State = Import.State


def run_import(
    intake: Import, progress: Progress = lambda _intake: None, *, until: int | None = None
) -> Import:
    """Write what is not written yet, to the end of the file or until somebody asks to stop.

    :param until: stop behind the row of this number, as if somebody had asked.
    :raises NotAllowed: if another import of the organization is running, or this one was undone.
    """
    with seldom_collected(), only_import(intake.organization_id):
        with transaction.atomic():
            # Whoever ran it and died may have left a last batch at work: it holds this row.
            Import.objects.select_for_update(no_key=True).get(pk=intake.pk)
            intake.refresh_from_db()
            if intake.state == _State.DONE:
                return intake
            _refuse_undone(intake)
            _begin(intake)
        runner = Runner(intake, until)
        with closing(runner):
            while runner.advance():
                progress(intake)
        _end(intake, _State.DONE if runner.is_done else _State.STOPPED)
    progress(intake)
    return intake


@contextmanager
def only_import(organization_id: UUID) -> Iterator[None]:
    """Hold off every other import of the organization.

    :raises NotAllowed: if one is running.
    """
    key = (_RUNNING_LOCK, str(organization_id))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", key)
        [(is_ours,)] = cursor.fetchall()
    if not is_ours:
        raise NotAllowed("import_is_running")
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", key)


@transaction.atomic
def start(intake: Import, actor: Actor) -> bool:
    """Let a checked or stopped import begin, and return whether it was this call that did.

    What it was told last stays: `run_import` takes it on from here.

    :raises NotAllowed: if it was undone.
    """
    held = Import.objects.select_for_update(no_key=True).get(pk=intake.pk)
    if held.state not in (_State.CHECKED, _State.STOPPED):
        return False
    _refuse_undone(held)
    held.actor_id, held.actor_name, held.reason = actor.id, actor.name, actor.reason
    held.attempts = 0
    _begin(held)
    return True


def is_at_work(organization_id: UUID) -> bool:
    """Return whether some process works on an import of the organization at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND classid = %s AND objid = (hashtext(%s)::bigint & 4294967295)::oid"
            " AND objsubid = 2)",
            (_RUNNING_LOCK, str(organization_id)),
        )
        [(found,)] = cursor.fetchall()
    return bool(found)


def ask_to_stop(intake: Import) -> None:
    """Have a running import end after the rows it is at; it can go on later."""
    Import.objects.filter(pk=intake.pk).update(wants_stop=True)


@transaction.atomic
def set_aside(intake: Import) -> None:
    """Count an import whose process is gone as stopped, so that it can be taken back.

    Call it while no import can run (`only_import`).
    """
    intake.refresh_from_db()
    if intake.state == _State.RUNNING:
        _end(intake, _State.STOPPED)


def _refuse_undone(intake: Import) -> None:
    begun = (Batch.State.RUNNING, Batch.State.STOPPED, Batch.State.DONE)
    if Batch.objects.filter(undoes_id=intake.id, state__in=begun).exists():
        raise NotAllowed("import_was_undone")


@transaction.atomic
def _begin(intake: Import) -> None:
    if intake.state not in (_State.RUNNING, _State.STOPPED):
        # What the check counted was a forecast; from here on the counts are what happened.
        intake.checkpoint = 0
        intake.new = intake.changed = intake.unchanged = intake.refused = 0
    intake.state, intake.wants_stop = _State.RUNNING, False
    intake.save()
    Import.objects.filter(pk=intake.pk, started_at=None).update(started_at=Now())
    actor = intake.actor
    Batch.objects.update_or_create(
        id=intake.id,
        create_defaults={
            "organization_id": intake.organization_id, "kind": Batch.Kind.IMPORT,
            "state": Batch.State.RUNNING, "door": actor.door, "actor_id": actor.id,
            "actor_name": actor.name, "reason": actor.reason, "total": intake.total,
            "started_at": Now(),
        },
        defaults={"state": Batch.State.RUNNING, "ended_at": None},
    )  # fmt: skip


@transaction.atomic
def _end(intake: Import, state: Import.State) -> None:
    Import.objects.filter(pk=intake.pk).update(state=state, ended_at=Now())
    intake.refresh_from_db()
    Batch.objects.filter(pk=intake.pk).update(
        state=Batch.State.DONE if state == _State.DONE else Batch.State.STOPPED,
        done=intake.new + intake.changed, unchanged=intake.unchanged, skipped=intake.refused,
        position=intake.behind, ended_at=Now(), moved_at=Now(),
    )  # fmt: skip
