"""What Adyen's notifications do to a customer (contract: webhooks-and-providers.md 3.2)."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.events.models import ChangeRecord
from customers.mirrors import CODE_LENGTH, WORDS_LENGTH, Mirror
from customers.models import Customer, ProviderLink
from customers.providers import events
from customers.providers.adapter import Method
from customers.providers.claims import locked
from customers.providers.failures import Refused
from customers.providers.inbound import Ignored, Told
from customers.providers.methods import knows_newer, store_default
from customers.providers.sides import mirror_at, store_provider_id

_EXPIRES = re.compile(r"(\d{1,2})/(\d{4})\Z", re.ASCII)
_ID = "billing_configuration.provider_customer_id"


def authorised(told: Told) -> None:
    """Take up what became of a customer's authorisation of no amount."""
    facts = told.notice.facts
    link = told.link_of(facts["shopper"])
    if link is None or not _is_about(facts["reference"], link):
        raise Ignored
    act = _arrive if facts["success"] else _turn_down
    with transaction.atomic():
        # The customer is locked before its mirror, as everywhere.
        Customer.objects.select_for_update(no_key=True).get(pk=link.customer_id)
        now = told.link_of(facts["shopper"])
        if now is None or now.pk != link.pk:
            raise Ignored
        act(now, told)


def _is_about(reference: str | None, link: ProviderLink) -> bool:
    """Say whether a payment's reference allows for this customer.

    Adyen signs it, but not the shopper's reference: a link of ours that comes back for another
    customer has been tampered with. Payments that others made have references of theirs.
    """
    try:
        return UUID(reference or "") == link.customer_id
    except ValueError:
        return True


def _arrive(link: ProviderLink, told: Told) -> None:
    """Store the shopper and how it pays."""
    facts, at = told.notice.facts, told.notice.happened_at
    if link.provider_customer_id != facts["shopper"]:
        if _id_changed_since(link, at):
            raise Ignored
        store_provider_id(link.customer, str(link.connection), facts["shopper"])
        link.refresh_from_db()
    if facts["method"]:
        store_default(link, _method(facts), at)
    mirror = _mirror(link)
    mirror.awaiting_until, mirror.last_success_at = None, at
    if mirror.error_at is None or mirror.error_at <= at:
        mirror.failed_step = mirror.error_message = mirror.error_code = None
        mirror.error_request_id = mirror.error_at = None
        mirror.state = Mirror.State.QUEUED if mirror.todo else Mirror.State.OK
    mirror.save()


def _turn_down(link: ProviderLink, told: Told) -> None:
    """Tell that the customer's way to pay was not authorised, unless a later one was."""
    facts, at = told.notice.facts, told.notice.happened_at
    mirror = _mirror(link)
    if knows_newer(link, at) or mirror.error_request_id == facts["psp_reference"]:
        raise Ignored
    failure = Refused(
        facts["reason"] or "Adyen did not authorise the way to pay.",
        "authorisation_refused",
        facts["psp_reference"],
    )
    mirror.error_message = failure.message[:WORDS_LENGTH]
    mirror.error_code = failure.code
    mirror.error_request_id = failure.request_id and failure.request_id[:CODE_LENGTH]
    mirror.error_at = at
    if not mirror.todo:
        mirror.state, mirror.failed_step = Mirror.State.FAILED, Mirror.Step.CHECKOUT
    mirror.save()
    events.announce_failures([(link, failure)])


def _mirror(link: ProviderLink) -> Mirror:
    found = mirror_at(
        link.organization_id, link.customer_id, payment_provider_id=link.connection_id
    )
    return locked(found.pk)


def _id_changed_since(link: ProviderLink, at: datetime) -> bool:
    """Say whether somebody gave or took the id after the customer had paid."""
    return ChangeRecord.objects.filter(
        organization_id=link.organization_id,
        resource="customer",
        object_id=link.customer_id,
        at__gt=at,
        changes__has_key=_ID,
    ).exists()


def _method(facts: dict[str, Any]) -> Method:
    expires = _EXPIRES.match(facts["expires"] or "")
    return Method(
        remote_id=facts["method"],
        kind="card" if expires else (facts["kind"] or "card")[:32],
        brand=facts["kind"],
        last_four=facts["last_four"] and facts["last_four"][-4:],
        expires_year=int(expires[2]) if expires else None,
        expires_month=int(expires[1]) if expires else None,
    )


HANDLERS: dict[str, Callable[[Told], None]] = {"AUTHORISATION": authorised}
