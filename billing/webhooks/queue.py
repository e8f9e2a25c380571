"""Which deliveries are made when: spread, claimed, settled. The tables are the queue.

Jobs only say that there is something to do, so a lost or doubled job loses and doubles nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from django.db.models import Min, Q
from django.db.models.functions import Now

from billing.statements import Statement, run_all
from billing.waking import wake
from billing.webhooks.calls import CALLS_AT_ONCE, Answer
from billing.webhooks.models import Delivery, Event
from billing.webhooks.retries import GONE, delay_after

# In flight at one endpoint: a slow one takes no more than this of a worker's calls.
SHARE = 20
# An endpoint that has failed for this long, without a single success, is paused.
PATIENCE = timedelta(days=4)
BODIES_KEPT = timedelta(days=30)
RECORDS_KEPT = timedelta(days=90)

_HERE = Path(__file__).parent
_SPREAD = Statement(_HERE / "spread.sql")
_CLAIM_LOCK = Statement(_HERE / "claim_lock.sql")
_CLAIM = Statement(_HERE / "claim.sql")
_SETTLE = Statement(_HERE / "settle.sql")
# Planned once for a connection, maybe while the tables were nearly empty: such a plan reads them
# whole, and goes on to when they are full.
_BY_INDEX = Statement("""
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)
""")
# A server that crashes may forget what became of a call: it is made again, under the same id.
_AT_LEISURE = Statement("SELECT set_config('synchronous_commit', 'off', true)")


class Claim(NamedTuple):
    """A delivery that is this worker's to make, for a minute."""

    id: UUID
    organization_id: UUID
    attempts: int
    url: str
    algorithm: str
    with_changes: bool
    event_id: int
    event_type: str
    object_type: str
    snapshot: str | None
    record_id: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one claimed delivery."""

    claim: Claim
    answer: Answer


def wake_courier(at: datetime | None = None) -> None:
    """Have the courier look when this transaction is committed, or then."""
    wake("webhooks", "billing.deliver_webhooks", at)


def spread() -> int:
    """Make the deliveries of events that have none yet; return how many events that were."""
    return len(run_all([_BY_INDEX, _SPREAD], {})[-1])


def claim(room: int = CALLS_AT_ONCE) -> list[Claim]:
    """Return deliveries to make now, at most `room`."""
    rows = run_all([_BY_INDEX, _CLAIM_LOCK, _CLAIM], {"room": room, "share": SHARE})[-1]
    return [Claim(*row) for row in rows]


def settle(results: Sequence[Result]) -> None:
    """Keep what became of claimed deliveries."""
    answers = [result.answer for result in results]
    run_all(
        [_AT_LEISURE, _BY_INDEX, _SETTLE],
        {
            "ids": [result.claim.id for result in results],
            "milliseconds": [answer.milliseconds for answer in answers],
            "statuses": [answer.status for answer in answers],
            "errors": [answer.error for answer in answers],
            "answers": [answer.text for answer in answers],
            "successes": [answer.is_success for answer in answers],
            "delays": [_delay(result) for result in results],
            "patience": PATIENCE,
        },
    )


def _delay(result: Result) -> float | None:
    """Return the seconds to the next attempt; None after a success or the last failure."""
    answer = result.answer
    if answer.is_success or answer.status == GONE:
        return None
    wait = delay_after(result.claim.attempts + 1, answer.status, answer.retry_after)
    return wait.total_seconds() if wait is not None else None


def next_due() -> datetime | None:
    """Return when the next delivery is due; None if none waits."""
    waiting = Q(status__in=[Delivery.Status.PENDING, Delivery.Status.RETRYING])
    found = Delivery.objects.filter(waiting, endpoint__paused_at=None)
    due: datetime | None = found.aggregate(at=Min("due_at"))["at"]
    return due


def forget() -> None:
    """Drop bodies and records that are too old to keep."""
    Event.objects.filter(created_at__lt=Now() - RECORDS_KEPT).delete()
    Event.objects.filter(created_at__lt=Now() - BODIES_KEPT).exclude(snapshot=None).update(
        snapshot=None
    )
