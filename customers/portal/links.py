"""Links by which a customer comes to its own page, without a password (contract: customers.md 7).

A link says for whom it is and when it was made, and is signed; nothing is stored of it. So it can't
be taken back one by one: it ends after twelve hours, and all of a customer's end when the customer
is deleted, for good.
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
from billing.models import ChangeRecord
from customers.models import Customer

LASTS = timedelta(hours=12)
PATH = "/customer-portal/"
# Nothing of ours is longer; what is, needs no look.
TOKEN_LENGTH = 200

# Organization, customer, nanoseconds and chance, which make each link another one.
_FORM = Struct(">16s16sQ2s")
_SECOND = 1_000_000_000


class NoSuchLink(Exception):
    """Nobody may come in by this link: it isn't ours, or its customer was deleted."""


class LinkExpired(NoSuchLink):
    """The link was ours, and is too old."""


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
    return f"{settings.TARN_PUBLIC_URL}{PATH}{make_token(organization_id, customer_id)}"


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
    if found is None or _was_deleted(named):
        raise NoSuchLink
    return found


def _read(token: str) -> _Named:
    try:
        text = _signer().unsign(token[:TOKEN_LENGTH])
    except BadSignature:
        raise NoSuchLink from None
    organization, customer, issued, _ = _FORM.unpack(urlsafe_b64decode(text))
    at = datetime.fromtimestamp(issued / _SECOND, tz=UTC)
    return _Named(UUID(bytes=organization), UUID(bytes=customer), at)


def _was_deleted(named: _Named) -> bool:
    """Return whether the customer was deleted since, be it restored or not."""
    return ChangeRecord.objects.filter(
        organization_id=named.organization_id,
        object_id=named.customer_id,
        action=ChangeRecord.Action.DELETED,
        at__gte=named.issued_at,
    ).exists()


def _signer() -> Signer:
    return Signer(sep=".", salt="customers.portal.link")
