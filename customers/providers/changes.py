"""What the changes of customers ask for at their connections: many at a time, in their order.

A trigger on the change records keeps the changes (`MirrorChange`); here each becomes steps of its
mirror, which `customers.providers.turn` takes. All of it is one transaction: who dies in it leaves
the changes where they were.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import orjson
import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models.functions import Now

from billing.connections.refusal import note_refusal
from billing.models import Integration, PaymentProvider
from billing.statements import Statement
from billing.tallies import count
from customers.mirrors import Mirror, MirrorChange, PaymentMethod
from customers.providers.adapter import Adapter, Subject, adapter_of
from customers.providers.events import announce_failures
from customers.providers.failures import Refused, give_up, note
from customers.providers.mirror import add, is_under_way
from customers.providers.sides import subjects_of
from customers.providers.steps import Change, steps_after

AT_ONCE = 500
# What can't be dealt with, for whatever reason, is looked at again after this.
PUT_OFF = timedelta(minutes=10)

_HERE = Path(__file__).parent
_WAITS = Statement("""
SELECT FROM customers_mirrorchange WHERE put_off_until IS NULL OR put_off_until <= now() LIMIT 1
""")
_TAKE = Statement(_HERE / "take.sql")
_HOLD = Statement(_HERE / "hold.sql")
_KEEP = Statement(_HERE / "keep.sql")
_KEPT = (
    "id", "state", "todo", "attempts", "throttled", "next_try_at", "failed_step",
    "error_message", "error_code", "error_request_id", "error_at",
)  # fmt: skip

log = structlog.get_logger(__name__)

# How many were refused at once, at which connection and why.
Refusals = Counter[tuple[PaymentProvider | Integration, Refused]]
# A customer at a connection.
Place = tuple[UUID, UUID | None, UUID | None]


class Taken(NamedTuple):
    """A change that waited, and is ours until the end of the transaction."""

    id: int
    organization_id: UUID
    customer_id: UUID
    payment_provider_id: UUID | None
    integration_id: UUID | None
    paths: list[str]
    remote_id: str | None

    @property
    def place(self) -> Place:
        """Return whose change it is, and for which connection."""
        return self.customer_id, self.payment_provider_id, self.integration_id


class Unfit(Exception):
    """Changes that could not be dealt with together; they still wait."""

    def __init__(self, ids: list[int]) -> None:
        super().__init__(ids)
        self.ids = ids


def see_to_changes() -> bool:
    """Turn the changes that wait into steps of mirrors; return whether there were any."""
    if _WAITS.row({}) is None:
        return False
    while _see_to(AT_ONCE) == AT_ONCE:
        pass
    return True


def _see_to(most: int) -> int:
    """See to so many changes; those that can't be seen to are put off, and keep no other back."""
    try:
        with transaction.atomic():
            taken = sorted(Taken(*row) for row in _TAKE.rows({"most": most}))
            refused = _ask_together(taken)
    except Unfit as unfit:
        if len(unfit.ids) > 1:
            return sum(_see_to(1) for _ in unfit.ids)
        cause = unfit.__cause__
        log.error("a change could not be told to a connection", change=unfit.ids[0], exc_info=cause)
        until = Now() + PUT_OFF
        return MirrorChange.objects.filter(pk__in=unfit.ids).update(put_off_until=until)
    for (connection, refusal), number in refused.items():
        count("provider_call", str(connection.type), "refused", number)
        if connection.refused_since is None:
            note_refusal(connection, refusal.message, refusal.request_id)
    return len(taken)


def _ask_together(taken: Sequence[Taken]) -> Refusals:
    try:
        return _Round(taken).ask() if taken else Counter()
    except (OperationalError, InterfaceError):
        raise  # the database is away: the job comes again
    except Exception as error:
        raise Unfit([change.id for change in taken]) from error


class _Round:
    """Some changes on their way to their mirrors."""

    def __init__(self, taken: Sequence[Taken]) -> None:
        self._taken = taken
        self._mirrors = _held(taken)
        self._had_something_to_do = {
            place for place, mirror in self._mirrors.items() if mirror.todo
        }
        self._subjects = subjects_of(self._mirrors.values())
        self._adapters: dict[UUID, Adapter | None] = {}
        self._refusals: dict[UUID, Refused | None] = {}

    def ask(self) -> Refusals:
        """Note the steps that are asked for; return how many were refused at once, and why."""
        with_method = _with_method(self._taken)
        asked: dict[Place, Mirror] = {}
        for change in self._taken:
            if self._asks(change, has_method=change.customer_id in with_method):
                asked[change.place] = self._mirrors[change.place]
        refused = [mirror for place, mirror in asked.items() if self._is_refused(place, mirror)]
        _keep(asked, begun=self._had_something_to_do)
        return self._tell(refused)

    def _asks(self, change: Taken, *, has_method: bool) -> bool:
        """Add the steps a change asks for to its mirror; return whether there are any new ones."""
        mirror = self._mirrors[change.place]
        subject = self._subjects.get(mirror.pk)
        adapter = self._adapter_of(subject) if subject else None
        if subject is None or adapter is None:
            return False
        steps = steps_after(
            Change.read(change.paths, change.remote_id),
            adapter,
            subject,
            is_under_way=is_under_way(mirror),
            has_method=has_method,
        )
        return add(mirror, steps)

    def _adapter_of(self, subject: Subject) -> Adapter | None:
        key = subject.link.connection_id
        if key not in self._adapters:
            adapter = self._adapters[key] = adapter_of(subject.link.connection)
            self._refusals[key] = adapter.refusal() if adapter else None
        return self._adapters[key]

    def _is_refused(self, place: Place, mirror: Mirror) -> bool:
        """Give up at once what nobody need be asked for, unless something was begun before."""
        refusal = self._refusals[self._subjects[mirror.pk].link.connection_id]
        if refusal is None or place in self._had_something_to_do or mirror.creation_key:
            return False
        note(mirror, refusal)
        give_up(mirror, Mirror.Step(mirror.todo[0]))
        mirror.todo, mirror.next_try_at = [], None
        return True

    def _tell(self, refused: Iterable[Mirror]) -> Refusals:
        told = [
            (link, refusal)
            for mirror in refused
            if (link := self._subjects[mirror.pk].link)
            and (refusal := self._refusals[link.connection_id])
        ]
        announce_failures(told)
        return Counter((link.connection, refusal) for link, refusal in told)


def _held(taken: Iterable[Taken]) -> dict[Place, Mirror]:
    """Return the mirrors of these changes, made where there are none, held until the end."""
    places = {change.place: change for change in taken}.values()
    _HOLD.rows(
        {
            "organizations": [one.organization_id for one in places],
            "customers": [one.customer_id for one in places],
            "payment_providers": [one.payment_provider_id for one in places],
            "integrations": [one.integration_id for one in places],
        }
    )
    mirrors = (
        Mirror.objects.select_for_update()
        .filter(
            organization_id__in={one.organization_id for one in places},
            customer_id__in={one.customer_id for one in places},
        )
        .order_by("id")
        .defer("pushed", "creation")
    )
    return {(one.customer_id, one.payment_provider_id, one.integration_id): one for one in mirrors}


def _with_method(taken: Iterable[Taken]) -> Collection[UUID]:
    methods = PaymentMethod.objects.filter(customer_id__in={one.customer_id for one in taken})
    return set(methods.values_list("customer_id", flat=True))


def _keep(asked: dict[Place, Mirror], begun: Collection[Place]) -> None:
    rows = [
        {name: getattr(mirror, name) for name in _KEPT}
        | {"is_to_begin": bool(mirror.todo) and place not in begun}
        for place, mirror in asked.items()
    ]
    if rows:
        _KEEP.rows({"mirrors": orjson.dumps(rows).decode()})
