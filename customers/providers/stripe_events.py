"""What Stripe's events do to a customer (contract: webhooks-and-providers.md 3.2)."""

from collections.abc import Callable

from customers.models import ProviderLink
from customers.providers.adapter import Subject
from customers.providers.inbound import Ignored, Told
from customers.providers.methods import forget_method, forget_methods, knows_newer, store_default


def set_up(told: Told) -> None:
    """Make the method that was set up the default, if it still belongs to the customer."""
    links, method_id = _links(told), told.notice.facts.get("method")
    at = told.notice.happened_at
    if not method_id or any(knows_newer(link, at) for link in links):
        raise Ignored
    remote_id = links[0].provider_customer_id
    owner, method = told.adapter.method(method_id)  # type: ignore[attr-defined]  # Stripe's own
    if owner != remote_id:
        raise Ignored
    told.adapter.set_default(remote_id, method_id)  # type: ignore[attr-defined]  # the same
    for link in links:
        store_default(link, method, at)


def changed(told: Told) -> None:
    """Ask Stripe for the default as it is now: whatever came late can't bring an old one back."""
    links = _links(told)
    method = told.adapter.default_method(Subject(links[0].customer, links[0]))
    at = told.notice.happened_at
    for link in links:
        if method is None:
            forget_methods(link, at)
        else:
            store_default(link, method, at)


def detached(told: Told) -> None:
    """Forget the method."""
    method_id = told.notice.facts.get("object")
    forgotten = [forget_method(link, str(method_id)) for link in _links(told)]
    if not any(forgotten):
        raise Ignored


def _links(told: Told) -> list[ProviderLink]:
    about = told.notice.facts
    key = "object" if told.notice.type.startswith("customer.") else "customer"
    links = told.links(about.get(key))
    if not links:
        raise Ignored
    return links


HANDLERS: dict[str, Callable[[Told], None]] = {
    "setup_intent.succeeded": set_up,
    "customer.updated": changed,
    "payment_method.detached": detached,
}
