"""The only way back for a deleted customer: kept again, recorded, counted.

It keeps its ids, its number and all that still hangs on it: taxes and sections that were deleted
meanwhile have left it already (`customers.dependents`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction

from billing.errors import Invalid, NotAllowed, NotFound, Refusal
from billing.events.actor import Actor
from billing.statements import Row, Statement, run_all
from customers.delete import KEPT
from customers.tell import TELL_OF_RESTORED
from customers.write import RefusedBatch, is_creation_race

_MARK = KEPT.format(action="restored", deleted_at="NULL", before="IS NOT NULL", sign="+")
_RESTORE = Statement((Path(__file__).parent / "restore.sql").read_text().format(kept=_MARK))
# Once more is enough to find the id taken; the rest is for ids that come and go.
_ATTEMPTS = 5


def restore_customers(organization_id: UUID, customer_ids: Sequence[UUID], actor: Actor) -> None:
    """Restore the deleted customers, all or none; each needs its external id to be free.

    :raises RefusedBatch: by position: NotFound if there is no such customer or it is named
        twice, NotAllowed if it is not deleted, Invalid if another customer has its external id.
    """
    values = {"organization": organization_id, "ids": list(customer_ids), **actor.values()}
    problems = _restore(values)
    if problems:
        raise RefusedBatch({n - 1: _refusal(problem) for n, problem in problems})


def _restore(values: Mapping[str, Any]) -> list[Row]:
    """Return the problems that kept the whole batch out, as (n, problem)."""
    for _ in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                problems, _ = run_all([_RESTORE, TELL_OF_RESTORED], values)
                return problems
        except IntegrityError as error:
            if not is_creation_race(error):
                raise
        # Somebody took the external id after we looked: look again.
    raise OperationalError("the external id of one of these customers is taken over and over")


def _refusal(problem: str) -> Refusal:
    if problem == "taken":
        return Invalid({"external_id": ["value_already_exist"]})
    return NotAllowed("customer_not_deleted") if problem == "kept" else NotFound("customer")
