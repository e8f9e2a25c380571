"""One step of one mirror: prepared in a transaction, asked outside of any, settled in another.

A creation is repeated with the same key and the same body until its outcome is known.
"""

import hashlib
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import orjson
import structlog
from django.db import transaction
from django.utils import timezone

from billing.connections.refusal import note_refusal, note_success
from billing.tallies import count
from customers.mirrors import Comparison, Mirror
from customers.models import ProviderLink
from customers.providers import events
from customers.providers.adapter import Adapter, Body, Subject, adapter_of
from customers.providers.claims import CLAIM, enqueue, locked
from customers.providers.failures import (
    Failure,
    OutcomeUnknown,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
    give_up,
    note,
)
from customers.providers.funding import store_funding_details
from customers.providers.methods import store_default
from customers.providers.sides import Side, side_of

# A provider that asks for more patience than this is asked again all the same.
LONGEST_WAIT = 3_600.0
_Step = Mirror.Step
_State = Mirror.State

# Stores what came back, of a customer and its link as they are now.
Settle = Callable[[Subject | None], None]
Call = Callable[[], Settle]

Found = TypeVar("Found")
# What calls come to, as they are counted.
_OUTCOMES = {
    Refused: "refused",
    Unauthorized: "refused",
    Throttled: "throttled",
    Unavailable: "unavailable",
}

log = structlog.get_logger(__name__)


class Turn:
    """One step of one mirror: prepared, asked, settled."""

    def __init__(self, mirror_id: UUID, timeout: float) -> None:
        self.mirror_id = mirror_id
        self.timeout = timeout
        self.mirror: Mirror

    def take(self) -> bool:
        """Do the first step; return whether to go on with the next one."""
        with transaction.atomic():
            call = self._prepare()
        if call is None:
            return False
        try:
            settle = asked(self.adapter, call)
        except Failure as failure:
            return self._fail(failure)
        with transaction.atomic():
            # The customer is locked before its mirror, as everywhere.
            subject = self.side.subject(self.mirror, lock=True)
            self.mirror = locked(self.mirror_id)
            settle(subject)
            self._succeed()
        return bool(self.mirror.todo)

    def _prepare(self) -> Call | None:
        """Return the call of the first step; None, with the claim given back, if there is none."""
        self.mirror = locked(self.mirror_id)
        self.side: Side = side_of(self.mirror)
        subject = self.side.subject(self.mirror)
        adapter = adapter_of(subject.link.connection, self.timeout) if subject else None
        if subject is None or adapter is None:
            # Nothing is deleted there: the work on a customer that is gone just stops.
            self.mirror.todo = []
        if not self.mirror.todo or subject is None or adapter is None:
            self._let_go()
            self.mirror.save()
            return None
        self.subject, self.adapter = subject, adapter
        self.mirror.claimed_until = self.mirror.next_try_at = timezone.now() + CLAIM
        self.step = _Step(self.mirror.todo[0])
        call = getattr(self, f"_{self.step.value}")()
        self.mirror.save()
        return call

    def _let_go(self) -> None:
        """Give back the claim of a mirror where nothing more is to be done, or can be."""
        self.mirror.claimed_until = None
        if not self.mirror.todo:
            self.mirror.next_try_at = None
        if self.mirror.state in (_State.QUEUED, _State.CREATING):
            self.mirror.state = _State.IDLE

    # --- Steps: each returns its call, which returns what is to be stored of it ---

    def _create(self) -> Call:
        mirror, adapter = self.mirror, self.adapter
        if self.subject.remote_id is not None:
            return lambda: _nothing
        mirror.state = _State.UNKNOWN if mirror.uncertain else _State.CREATING
        if mirror.creation_key is None:
            self._begin()
        self.was_uncertain = mirror.uncertain
        # Whoever dies from here on leaves a creation that may have had its effect.
        mirror.uncertain = True
        is_forgotten = self._key_is_forgotten()
        creation: Body = mirror.creation or {}

        def call() -> Settle:
            found = mirror.remote_id
            if found is None and is_forgotten:
                found = adapter.find(creation)
                if found is None:
                    self._begin_anew()
            found = found or adapter.create(creation, str(mirror.creation_key))
            return lambda subject: self._created(found, subject)

        return call

    def _begin(self) -> None:
        self.mirror.creation_key = uuid4()
        self.mirror.creation = self.adapter.creation(self.subject)
        self.mirror.creation_started_at = timezone.now()
        self.mirror.uncertain = False

    def _key_is_forgotten(self) -> bool:
        lifetime, began = self.adapter.key_lifetime, self.mirror.creation_started_at
        if lifetime is None or began is None or not self.was_uncertain:
            return False
        return timezone.now() - began > lifetime

    def _begin_anew(self) -> None:
        """Take a new key, after the provider has forgotten the old one and made nothing by it."""
        with transaction.atomic():
            stored = locked(self.mirror_id)
            stored.creation_key, stored.creation_started_at = uuid4(), timezone.now()
            stored.save(update_fields=["creation_key", "creation_started_at"])
        self.mirror.creation_key = stored.creation_key

    def _created(self, remote_id: str, subject: Subject | None) -> None:
        mirror = self.mirror
        sent = mirror.creation or {}
        mirror.creation_key = mirror.creation = mirror.creation_started_at = None
        mirror.uncertain = False
        if subject is None or subject.remote_id is not None:
            # Unlinked, deleted, or given an id by a client meanwhile: kept for when it is needed.
            mirror.remote_id = remote_id
            return
        mirror.remote_id = None
        fields = {k: v for k, v in sent.items() if k not in self.adapter.only_at_creation}
        mirror.pushed = {"to": remote_id, "fields": digests(fields)}
        self.side.store_id(subject, remote_id)
        mirror.todo = [*mirror.todo, *self._after_creation(subject)]

    def _after_creation(self, subject: Subject) -> list[str]:
        steps = [_Step.UPDATE, _Step.CHECKOUT] if self.adapter.updates else [_Step.CHECKOUT]
        methods = getattr(subject.link, "provider_payment_methods", [])
        if ProviderLink.PaymentMethod.CUSTOMER_BALANCE in methods:
            steps.append(_Step.FUNDING)
        return [step.value for step in steps if step not in self.mirror.todo]

    def _update(self) -> Call:
        remote_id, body = self.subject.remote_id, self.adapter.body(self.subject)
        pushed = self.mirror.pushed if self.mirror.pushed.get("to") == remote_id else {}
        before, after = pushed.get("fields", {}), digests(body)
        if remote_id is None or (pushed and before == after):
            return lambda: _nothing
        emptied = {key: None for key in before if key not in after}

        def call() -> Settle:
            self.adapter.update(remote_id, {**body, **emptied})
            return self._pushed({"to": remote_id, "fields": after})

        return call

    def _pushed(self, pushed: dict[str, Any]) -> Settle:
        def settle(subject: Subject | None) -> None:
            self.mirror.pushed = pushed
            # What was seen there is not there any more.
            Comparison.objects.filter(mirror=self.mirror).delete()

        return settle

    def _checkout(self) -> Call:
        subject, adapter = self.subject, self.adapter
        wanted = events.is_wanted(self.mirror.organization_id, events.CHECKOUT)
        if not wanted or not adapter.has_checkout_for(subject):
            return lambda: _nothing
        key = str(uuid4())

        def call() -> Settle:
            url = adapter.checkout_url(subject, key)
            return lambda now: self._handed_out(url, now)

        return call

    def _handed_out(self, url: str, subject: Subject | None) -> None:
        if subject is None or not isinstance(subject.link, ProviderLink):
            return
        events.announce_checkout(subject.link, url)
        if self.adapter.awaits is not None and subject.remote_id is None:
            self.mirror.awaiting_until = timezone.now() + self.adapter.awaits

    def _method(self) -> Call:
        subject, adapter = self.subject, self.adapter
        if subject.remote_id is None:
            return lambda: _nothing
        asked_at = timezone.now()

        def call() -> Settle:
            method = adapter.default_method(subject)

            def settle(now: Subject | None) -> None:
                if method and now and now.remote_id == subject.remote_id:
                    assert isinstance(now.link, ProviderLink)  # noqa: S101  # it has methods
                    store_default(now.link, method, asked_at)

            return settle

        return call

    def _funding(self) -> Call:
        subject, adapter = self.subject, self.adapter

        def call() -> Settle:
            details = adapter.funding_details(subject)

            def settle(now: Subject | None) -> None:
                if details and now:
                    store_funding_details(now.customer, adapter.name, details)

            return settle

        return call

    # --- What became of it ---

    def _succeed(self) -> None:
        mirror = self.mirror
        self._done()
        mirror.attempts = mirror.throttled = 0
        mirror.last_success_at = timezone.now()
        if mirror.failed_step in (None, self.step, _Step.CREATE):
            mirror.failed_step = mirror.error_message = mirror.error_code = None
            mirror.error_request_id = mirror.error_at = None
            is_awaited = mirror.awaiting_until is not None and self.subject.remote_id is None
            mirror.state = _State.AWAITING if is_awaited else _State.OK
        if not mirror.todo:
            self._let_go()
        mirror.save()

    def _done(self) -> None:
        """Take the step off; steps that were asked for meanwhile stay."""
        self.mirror.todo = [step for step in self.mirror.todo if step != self.step]

    def _fail(self, failure: Failure) -> bool:
        """Note a failure; return whether there is another step to go on with."""
        with transaction.atomic():
            subject = self.side.subject(self.mirror, lock=True)
            self.mirror = mirror = locked(self.mirror_id)
            self._note(failure)
            is_final = isinstance(failure, Refused) or not self._may_try_again(failure)
            if is_final:
                self._give_up(failure, subject)
            else:
                self._try_later(failure)
            mirror.save()
        return is_final and bool(mirror.todo)

    def _note(self, failure: Failure) -> None:
        mirror = self.mirror
        mirror.attempts += 1
        mirror.throttled += isinstance(failure, Throttled)
        note(mirror, failure)
        if self.step == _Step.CREATE and isinstance(failure, Refused | Unavailable):
            # This attempt did nothing; an earlier one still may have.
            mirror.uncertain = self.was_uncertain

    def _may_try_again(self, failure: Failure) -> bool:
        mirror, retries = self.mirror, self.adapter.retries
        if retries.throttled is None:
            return mirror.attempts < retries.attempts
        if isinstance(failure, Throttled):
            return mirror.throttled < retries.throttled
        return mirror.attempts - mirror.throttled < retries.attempts

    def _give_up(self, failure: Failure, subject: Subject | None) -> None:
        mirror = self.mirror
        self._done()
        give_up(mirror, self.step)
        if not mirror.todo:
            self._let_go()
        if self.step == _Step.CREATE and not mirror.uncertain:
            mirror.creation_key = mirror.creation = mirror.creation_started_at = None
        if subject is not None:
            events.announce_failures([(subject.link, failure)])

    def _try_later(self, failure: Failure) -> None:
        mirror = self.mirror
        seconds = self.adapter.retries.delay(mirror.attempts) * random.uniform(0.8, 1.2)  # noqa: S311  # spreads load
        if isinstance(failure, Throttled) and failure.retry_after is not None:
            seconds = min(max(failure.retry_after, 1.0), LONGEST_WAIT)
        mirror.state = _State.UNKNOWN if mirror.uncertain else _State.QUEUED
        mirror.claimed_until = None
        mirror.next_try_at = timezone.now() + timedelta(seconds=seconds)
        enqueue(mirror)


def asked(adapter: Adapter, call: Callable[[], Found]) -> Found:
    """Return what a call of the other side brought; count it, and note whether we may call at all.

    :raises Failure: whatever goes wrong.
    """
    kind = str(adapter.connection.type)
    try:
        with adapter.discreet():
            found = call()
    except Failure as failure:
        count("provider_call", kind, _OUTCOMES.get(type(failure), "unknown"))
        if isinstance(failure, Unauthorized):
            note_refusal(adapter.connection, failure.message, failure.request_id)
        raise
    except Exception as error:  # an answer can be anything, and so can a client's reaction
        log.exception(
            "a provider's answer could not be used", connection=str(adapter.connection.pk)
        )
        count("provider_call", kind, "unknown")
        raise OutcomeUnknown("The answer could not be used.", "garbled_answer") from error
    if found is not _nothing:
        count("provider_call", kind, "done")
        note_success(adapter.connection)
    return found


def _nothing(subject: Subject | None) -> None:
    """Store nothing: the step turned out not to be needed."""


def digests(body: Body) -> dict[str, str]:
    """Return a digest of each field, so that what was sent is not stored twice in clear."""
    return {
        key: hashlib.sha256(orjson.dumps(value)).hexdigest()[:16] for key, value in body.items()
    }
