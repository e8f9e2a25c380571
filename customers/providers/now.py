"""Makes the remote customer while the caller of the API waits (contract: customers.md 2.7)."""

import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from functools import cache
from uuid import UUID

import structlog
from django.db import connections, transaction
from django.utils import timezone

from customers.mirrors import Mirror, MirrorChange
from customers.models import ProviderLink
from customers.providers.claims import wake_mirrors
from customers.providers.mirror import reflect
from customers.providers.steps import Change

# What the caller waits at most; the work goes on without it.
PATIENCE = 10.0
_CALL_SECONDS = 8.0
_AT_ONCE = 8
_LOOK_SECONDS = 0.05

log = structlog.get_logger(__name__)


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the threads of this process, made when first used: after the server has forked."""
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="provider")


def create_now(organization_id: UUID, customer_id: UUID) -> None:
    """Make the customer at its provider, waiting for `PATIENCE` at most; call it after the commit.

    What fails or takes longer is recorded and goes on in the background.
    """
    work = _threads().submit(_create, organization_id, customer_id)
    try:
        work.result(PATIENCE)
    except TookTooLong:
        log.info("provider is slow", customer=str(customer_id))
    except Exception:  # the customer is saved; its answer must not depend on a provider
        log.exception("provider work failed", customer=str(customer_id))


def create_later(organization_id: UUID, customer_id: UUID) -> None:
    """Have the background see whether a creation is to begin anew, after nothing has changed."""
    link = ProviderLink.objects.filter(
        organization_id=organization_id, customer_id=customer_id
    ).first()
    if link is None:
        return
    with transaction.atomic():
        MirrorChange.objects.create(
            organization_id=organization_id,
            customer_id=customer_id,
            payment_provider_id=link.connection_id,
            paths=[],
        )
        wake_mirrors()


def _create(organization_id: UUID, customer_id: UUID) -> None:
    try:
        link = ProviderLink.objects.filter(
            organization_id=organization_id, customer_id=customer_id
        ).first()
        if link is not None:
            reflect(
                organization_id, customer_id, link.connection_id, Change(), timeout=_CALL_SECONDS
            )
            _await(customer_id, link.connection_id)
    finally:
        connections.close_all()


def _await(customer_id: UUID, connection_id: UUID) -> None:
    """Wait for the worker if it was faster; the caller wants to know what it finds."""
    at_work = Mirror.objects.filter(
        customer_id=customer_id,
        payment_provider_id=connection_id,
        todo__contains=[Mirror.Step.CREATE],
        claimed_until__gt=timezone.now(),
    )
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and at_work.exists():
        time.sleep(_LOOK_SECONDS)
