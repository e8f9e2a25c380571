"""What GoCardless' events do to a customer (contract: webhooks-and-providers.md 3.2)."""

from collections.abc import Callable

from customers.mirrors import PaymentMethod
from customers.providers.inbound import Ignored, Told
from customers.providers.methods import store_default

# No payment can be taken by such a mandate any more.
_ENDED = frozenset({"cancelled", "failed", "expired", "consumed", "blocked"})


def created(told: Told) -> None:
    """Make the mandate the default, if it is still in force by now."""
    mandate_id = told.notice.facts["mandate"]
    owner, status, method = told.adapter.mandate(mandate_id)  # type: ignore[attr-defined]  # its own
    links = told.links(owner)
    if not links or status in _ENDED:
        raise Ignored
    for link in links:
        store_default(link, method, told.notice.happened_at)


def cancelled(told: Told) -> None:
    """Forget the mandate."""
    found = PaymentMethod.objects.filter(
        organization_id=told.organization_id,
        connection_id=told.adapter.connection.pk,
        remote_id=told.notice.facts["mandate"],
    )
    if not found.delete()[0]:
        raise Ignored


HANDLERS: dict[str, Callable[[Told], None]] = {
    "mandates.created": created,
    "mandates.cancelled": cancelled,
}
