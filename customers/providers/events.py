"""What others are told about customers at providers (contract: webhooks-and-providers.md 1.6).

Each is called in the transaction that did it.
"""

from typing import Any
from uuid import UUID

import orjson

from billing.events.models import WebhookEndpoint
from billing.webhooks.write import announce
from customers.models import Customer, ProviderLink
from customers.providers.adapter import Failure
from customers.read import customer_json

CREATED = "customer.payment_provider_created"
FAILED = "customer.payment_provider_error"
CHECKOUT = "customer.checkout_url_generated"
_NOT_IN_BASE = (
    "metadata",
    "taxes",
    "integration_customers",
    "applicable_invoice_custom_sections",
    "error_details",
)


def base_form(customer: Customer) -> dict[str, Any]:
    """Return the customer as events show it."""
    found = customer_json(customer.organization_id, customer.external_id)
    assert found is not None  # noqa: S101  # mypy: we hold its row
    form: dict[str, Any] = orjson.loads(found[1])
    return {key: value for key, value in form.items() if key not in _NOT_IN_BASE}


def is_wanted(organization_id: UUID, event_type: str) -> bool:
    """Say whether some endpoint wants to know of this kind of event."""
    return (
        WebhookEndpoint.objects.wanting(event_type).filter(organization_id=organization_id).exists()
    )


def announce_created(customer: Customer) -> None:
    """Tell that the customer exists at its provider."""
    if is_wanted(customer.organization_id, CREATED):
        announce(customer.organization_id, CREATED, "customer", customer.pk, base_form(customer))


def announce_failure(link: ProviderLink, failure: Failure) -> None:
    """Tell that a provider refused, or could not be reached for too long."""
    error = {"message": failure.message, "error_code": failure.code}
    announce(
        link.organization_id,
        FAILED,
        "payment_provider_customer_error",
        link.customer_id,
        {**checkout_subject(link), "provider_error": error},
    )


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
