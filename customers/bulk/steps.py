"""What bulk work does with one customer, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from uuid import UUID

from billing.errors import Invalid, NotAllowed, NotFound, Refusal
from customers.batches import BatchItem

Why = Mapping[str, Any]
"""Why a customer was left out: a `code`, and what that code needs to become a sentence."""

Result = BatchItem.Result


class Target(NamedTuple):
    """A customer of a batch, held against others until the transaction ends."""

    id: UUID
    external_id: str
    version: int
    is_deleted: bool
    seen_version: int


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done with one customer.

    :param diff: wire paths to `(old, new)`: what will be written, and nothing else.
    :param body: the wish on the wire that does it.
    :param why: why nothing is done, or, beside something to do, why not all of it.
    """

    target: Target
    diff: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    delete: bool = False
    restore: bool = False
    why: Why | None = None

    @property
    def does_something(self) -> bool:
        """Return whether there is anything to do."""
        return bool(self.diff or self.delete or self.restore)

    @property
    def result(self) -> Result | None:
        """Return what becomes of the customer if all goes well; None: done as asked."""
        if self.does_something:
            return Result.PARTLY if self.why else None
        return Result.SKIPPED if self.why else Result.UNCHANGED

    def refused(self, why: Why) -> "Step":
        """Return the step that leaves the customer as it is."""
        return Step(self.target, why=why)

    def without_change(self) -> "Step":
        """Return the step for a customer that turned out to be as wanted."""
        return replace(self, diff={}, body={})


def why_refused(refusal: Refusal) -> Why:
    """Return a refusal as a batch keeps it."""
    if isinstance(refusal, Invalid):
        return {"code": "refused", "problems": refusal.problems}
    if isinstance(refusal, NotFound):
        return {"code": f"{refusal.resource}_not_found"}
    if isinstance(refusal, NotAllowed):
        return {"code": refusal.code}
    return {"code": type(refusal).__name__.lower()}
