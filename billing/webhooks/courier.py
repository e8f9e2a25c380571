"""Makes the deliveries that are due, many at a time; one courier in each worker process."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from time import time
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from billing.events.models import ChangeRecord
from billing.events.signing import private_key
from billing.organizations.models import Organization
from billing.tallies import count
from billing.waking import PAUSE, Watch, in_database, is_stopping
from billing.webhooks import queue
from billing.webhooks.body import Happened
from billing.webhooks.calls import CALLS_AT_ONCE, Answer, Caller
from billing.webhooks.queue import Claim, Result
from billing.webhooks.signatures import Signer

# Something due this soon is waited for; later things have a job of their own.
WAIT_SECONDS = 6.0
# How often a courier whose calls are under way looks for more to do.
_LOOK_SECONDS = 0.1
# How long it waits for more answers, to keep them by one write.
_GATHER_SECONDS = 0.01
_LATE = Answer(0, error="the body is no longer kept")

log = structlog.get_logger(__name__)


class Courier:
    """Delivers until nothing is due."""

    def __init__(self) -> None:
        self._caller = Caller()
        self._calls: set[asyncio.Task[Result]] = set()
        self._woken = asyncio.Event()
        self._watch = Watch()

    def wake(self) -> None:
        """Say that there may be more to do."""
        self._woken.set()

    async def run(self) -> datetime | None:
        """Deliver what is due; return when something is due again, if it is."""
        try:
            while True:
                self._woken.clear()
                await self._go_on(await self._answers())
                if self._calls:
                    self._watch.found()
                    continue
                due = await in_database(queue.next_due)
                if not await self._is_worth_waiting(due):
                    return due
        finally:
            await self._caller.close()

    async def _answers(self) -> list[Result]:
        """Return what calls came to; where all take their time, nothing after a while."""
        if not self._calls:
            return []
        done, self._calls = await asyncio.wait(
            self._calls, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if done:
            await asyncio.sleep(_GATHER_SECONDS)
            done |= {call for call in self._calls if call.done()}
            self._calls -= done
        return [call.result() for call in done]

    async def _go_on(self, results: Sequence[Result]) -> None:
        """Keep results, and start the calls there is room for."""
        room = 0 if is_stopping() else CALLS_AT_ONCE - len(self._calls)
        letters = await in_database(_keep_and_claim, results, room)
        self._calls |= {asyncio.create_task(self._deliver(*one)) for one in letters}

    async def _deliver(self, claim: Claim, letter: "Letter | None") -> Result:
        if letter is None:
            return Result(claim, _LATE)
        headers = letter.signer.headers(claim.algorithm, claim.id, int(time()), letter.body)
        return Result(claim, await self._caller.post(claim.url, headers, letter.body))

    async def _is_worth_waiting(self, due: datetime | None) -> bool:
        """Wait for what is due soon, or still comes; say whether there may be something to do."""
        while not is_stopping():
            seconds = (due - datetime.now(UTC)).total_seconds() if due else None
            if self._woken.is_set() or (seconds is not None and seconds <= 0):
                return True
            if self._watch.is_over and (seconds is None or seconds >= WAIT_SECONDS):
                return False
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE):
                    await self._woken.wait()
            if await in_database(queue.spread):
                self._watch.found()
                return True
        return False


class Letter:
    """A body and those who sign it."""

    __slots__ = ("body", "signer")

    def __init__(self, body: bytes, signer: Signer) -> None:
        self.body = body
        self.signer = signer


def _keep_and_claim(results: Sequence[Result], room: int) -> list[tuple[Claim, Letter | None]]:
    """Keep what calls came to; return the next ones with their letters, at most `room`."""
    if results:
        _keep(results)
    queue.spread()
    claims = queue.claim(room) if room else []
    return list(zip(claims, _letters(claims), strict=True)) if claims else []


def _letters(claims: Iterable[Claim]) -> list[Letter | None]:
    """Return the letter of each claim; None if its body is no longer kept."""
    claims = list(claims)
    signers = _signers({claim.organization_id for claim in claims})
    records = _records(claims)
    return [
        Letter(_body(claim, records), signers[claim.organization_id])
        if claim.snapshot is not None
        else None
        for claim in claims
    ]


def _body(claim: Claim, records: dict[int, ChangeRecord]) -> bytes:
    record = records.get(claim.record_id or 0)
    happened = Happened(
        claim.event_type,
        claim.object_type,
        claim.organization_id,
        claim.snapshot or "",
        record.changes if record else None,
        {"door": record.door, "id": record.actor_id, "name": record.actor_name} if record else None,
    )
    return happened.body(with_changes=claim.with_changes)


def _records(claims: Iterable[Claim]) -> dict[int, ChangeRecord]:
    wanted = [claim.record_id for claim in claims if claim.with_changes and claim.record_id]
    return ChangeRecord.objects.in_bulk(wanted) if wanted else {}


def _signers(organization_ids: set[UUID]) -> dict[UUID, Signer]:
    issuer = f"{settings.TARN_PUBLIC_URL}/api/v1"
    key = private_key()
    return {
        organization.pk: Signer(_hmac_keys(organization), key, issuer)
        for organization in Organization.objects.filter(pk__in=organization_ids)
    }


def _hmac_keys(organization: Organization) -> list[UUID]:
    """Return the present key, and the one before it for as long as both are good."""
    keys = [organization.hmac_key]
    ends = organization.previous_hmac_key_ends_at
    if organization.previous_hmac_key is not None and ends is not None and ends > timezone.now():
        keys.append(organization.previous_hmac_key)
    return keys


def _keep(results: Sequence[Result]) -> None:
    queue.settle(results)
    taken = sum(result.answer.is_success for result in results)
    count("delivery", "webhook", "taken", taken)
    count("delivery", "webhook", "failed", len(results) - taken)
