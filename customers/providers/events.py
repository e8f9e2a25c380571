"""What others are told about customers at providers and integrations.

Contract: webhooks-and-providers.md 1.6.

Each is called in the transaction that did it.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import orjson

from billing.events.models import WebhookEndpoint
from billing.webhooks.write import Told, announce, announce_all
from customers.models import Customer, IntegrationLink, ProviderLink
from customers.providers.adapter import Link
from customers.providers.failures import Failure
from customers.read import customer_json

CREATED = "customer.payment_provider_created"
CHECKOUT = "customer.checkout_url_generated"
# What an integration does for a customer, which is how events name it.
_FAMILIES = {"netsuite": "accounting", "xero": "accounting", "anrok": "tax"}
_NOT_IN_BASE = (
    "metadata",
    "taxes",
    "integration_customers",
    "applicable_invoice_custom_sections",
    "error_details",
)


def base_form(customer: Customer, *more: str) -> dict[str, Any]:
    """Return the customer as events show it.

    :param more: keys that are shown beside those of every event.
    """
    found = customer_json(customer.organization_id, customer.external_id)
    assert found is not None  # noqa: S101  # mypy: we hold its row
    form: dict[str, Any] = orjson.loads(found[1])
    hidden = set(_NOT_IN_BASE) - set(more)
    return {key: value for key, value in form.items() if key not in hidden}


def is_wanted(organization_id: UUID, event_type: str) -> bool:
    """Say whether some endpoint wants to know of this kind of event."""
    return (
        WebhookEndpoint.objects.wanting(event_type).filter(organization_id=organization_id).exists()
    )


def announce_created(customer: Customer) -> None:
    """Tell that the customer exists at its provider."""
    if is_wanted(customer.organization_id, CREATED):
        announce(customer.organization_id, CREATED, "customer", customer.pk, base_form(customer))


def announce_booked(link: IntegrationLink) -> None:
    """Tell that the customer exists in its integration."""
    event_type = f"customer.{_FAMILIES[link.type]}_provider_created"
    if is_wanted(link.organization_id, event_type):
        form = base_form(link.customer, "integration_customers")
        announce(link.organization_id, event_type, "customer", link.customer_id, form)


def announce_failures(failures: Iterable[tuple[Link, Failure]]) -> None:
    """Tell that the other side refused, or could not be reached for too long."""
    kinds: dict[tuple[UUID, str, str], list[Told]] = {}
    for link, failure in failures:
        name, about = _named(link)
        error = {"message": failure.message, "error_code": failure.code}
        kind = (link.organization_id, f"customer.{name}_error", f"{name}_customer_error")
        told = Told(link.customer_id, {**about, "provider_error": error})
        kinds.setdefault(kind, []).append(told)
    for kind, every in kinds.items():
        announce_all(*kind, every)


def _named(link: Link) -> tuple[str, dict[str, Any]]:
    """Return what an event calls this kind of connection, and how it names the customer."""
    if isinstance(link, ProviderLink):
        return "payment_provider", checkout_subject(link)
    family = _FAMILIES[link.type]
    return f"{family}_provider", {
        "lago_customer_id": str(link.customer_id),
        "external_customer_id": link.customer.external_id,
        f"{family}_provider": link.type,
        f"{family}_provider_code": link.connection.code,
    }


def announce_checkout(link: ProviderLink, url: str) -> None:
    """Hand out the page where the customer sets up how to pay."""
    announce(
        link.organization_id,
        CHECKOUT,
        "payment_provider_customer_checkout_url",
        link.customer_id,
        checkout_form(link, url),
    )


def checkout_form(link: ProviderLink, url: str) -> dict[str, Any]:
    """Return a checkout's address as events and answers show it."""
    return {**checkout_subject(link), "checkout_url": url}


def checkout_subject(link: ProviderLink) -> dict[str, Any]:
    """Return how events name a customer at a provider."""
    return {
        "lago_customer_id": str(link.customer_id),
        "external_customer_id": link.customer.external_id,
        "payment_provider": link.connection.type,
        "payment_provider_code": link.connection.code,
    }
