"""Links by which a customer comes to its own page, without a password (contract: customers.md 7).

A link says for whom it is and when it was made, and is signed; nothing is stored of it. So it can't
be taken back one by one: it ends after twelve hours, and all of a customer's end when the customer
is deleted or staff end them, for good. The change record of that is what ends them.
"""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from secrets import token_bytes
from struct import Struct
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.utils import timezone

from billing.errors import NotFound
from billing.events.actor import Actor
from billing.events.records import record_change
from billing.models import ChangeRecord
from customers.models import Customer

LASTS = timedelta(hours=12)
PATH = "/customer-portal/"
# Nothing of ours is longer; what is, needs no look.
TOKEN_LENGTH = 200
# What change records of a customer's links are about; they carry the customer's id.
RESOURCE = "portal_link"

# Organization, customer, nanoseconds and chance, which make each link another one.
_FORM = Struct(">16s16sQ2s")
_SECOND = 1_000_000_000


class NoSuchLink(Exception):
    """Nobody may come in by this link: it isn't ours, or its customer was deleted."""


class LinkExpired(NoSuchLink):
    """The link was ours, and is too old."""


class LinkEnded(NoSuchLink):
    """The link was ours, and staff ended all that the customer had."""


class Link(NamedTuple):
    """A link to a customer's page, to be shown once."""

    url: str
    ends_at: datetime


class _Named(NamedTuple):
    organization_id: UUID
    customer_id: UUID
    issued_at: datetime


def make_link(organization_id: UUID, external_id: str) -> str:
    """Return a new link to the page of a customer.

    :raises NotFound: if there is no such customer.
    """
    kept = Customer.objects.kept().filter(organization_id=organization_id, external_id=external_id)
    customer_id = kept.values_list("pk", flat=True).first()
    if customer_id is None:
        raise NotFound("customer")
    return _address(make_token(organization_id, customer_id))


def hand_out(customer: Customer, actor: Actor) -> Link:
    """Make a link that staff give to the customer, and record who did.

    :raises NotFound: if the customer is deleted.
    """
    if customer.deleted_at is not None:
        raise NotFound("customer")
    token = make_token(customer.organization_id, customer.pk)
    _record(customer, ChangeRecord.Action.CREATED, actor)
    return Link(_address(token), _read(token).issued_at + LASTS)


def end_links(customer: Customer, actor: Actor) -> None:
    """End all links to the customer's page that anybody has made so far."""
    _record(customer, ChangeRecord.Action.DELETED, actor)


def _record(customer: Customer, action: ChangeRecord.Action, actor: Actor) -> None:
    record_change(customer.organization_id, RESOURCE, customer.pk, action, {}, actor)


def _address(token: str) -> str:
    return f"{settings.TARN_PUBLIC_URL}{PATH}{token}"


def make_token(organization_id: UUID, customer_id: UUID) -> str:
    """Return what opens the page of a customer."""
    packed = _FORM.pack(organization_id.bytes, customer_id.bytes, time.time_ns(), token_bytes(2))
    return _signer().sign(urlsafe_b64encode(packed).decode())


def read_token(token: str) -> Customer:
    """Return the customer whose page this opens, with its billing entity.

    :raises NoSuchLink: if it opens none.
    """
    named = _read(token)
    if timezone.now() - named.issued_at > LASTS:
        raise LinkExpired
    customers = Customer.objects.kept().select_related("billing_entity")
    mine = customers.filter(organization_id=named.organization_id, pk=named.customer_id)
    found = mine.defer("billing_entity__logo").first()
    if found is None:
        raise NoSuchLink
    ended = _ended_since(named)
    if ended:
        raise LinkEnded if ended == {RESOURCE} else NoSuchLink
    return found


def _read(token: str) -> _Named:
    try:
        text = _signer().unsign(token[:TOKEN_LENGTH])
    except BadSignature:
        raise NoSuchLink from None
    organization, customer, issued, _ = _FORM.unpack(urlsafe_b64decode(text))
    at = datetime.fromtimestamp(issued / _SECOND, tz=UTC)
    return _Named(UUID(bytes=organization), UUID(bytes=customer), at)


def _ended_since(named: _Named) -> set[str]:
    """Return what was ended since: the customer, be it restored or not, or its links."""
    records = ChangeRecord.objects.filter(
        organization_id=named.organization_id,
        object_id=named.customer_id,
        action=ChangeRecord.Action.DELETED,
        at__gte=named.issued_at,
    )
    return set(records.values_list("resource", flat=True))


def _signer() -> Signer:
    return Signer(sep=".", salt="customers.portal.link")
