"""Taking back what a batch did, an import of a million rows as well as a bulk edit of three.

An undo is a batch of its own, and can be taken back like any other. What somebody else has
changed since is left as it is and listed in the items of the undo, with who and when.
"""

from uuid import UUID

from billing.events.actor import Actor
from customers.batches import Batch
from customers.bulk.run import Progress, prepare_undo, run


def _silent(_batch: Batch) -> None:
    """Tell nobody how far it is."""


def preview_undo(
    organization_id: UUID, batch_id: UUID, actor: Actor, progress: Progress = _silent
) -> Batch:
    """Return the undo of a batch with what it would do (`forecast`, `items`); nothing is changed.

    :raises NotFound: if there is no such batch.
    :raises NotAllowed: if it has not come to its end.
    """
    undo = _unfinished(organization_id, batch_id, Batch.State.PREVIEWING)
    return run((undo or prepare_undo(organization_id, batch_id, actor)).id, progress)


def undo_batch(
    organization_id: UUID, batch_id: UUID, actor: Actor, progress: Progress = _silent
) -> Batch:
    """Take a batch back, or go on where an earlier call was interrupted; return the undo.

    :raises NotFound: if there is no such batch.
    :raises NotAllowed: if it has not come to its end.
    """
    undo = _unfinished(organization_id, batch_id, Batch.State.RUNNING)
    if undo is None:
        undo = prepare_undo(organization_id, batch_id, actor, Batch.State.RUNNING)
    return run(undo.id, progress)


def _unfinished(organization_id: UUID, batch_id: UUID, state: Batch.State) -> Batch | None:
    undos = Batch.objects.filter(organization_id=organization_id, undoes_id=batch_id, state=state)
    return undos.first()
