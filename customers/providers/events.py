"""What others are told about customers at providers and integrations.

Contract: webhooks-and-providers.md 1.6.

Each is called in the transaction that did it.
"""

from typing import Any
from uuid import UUID

import orjson

from billing.events.models import WebhookEndpoint
from billing.webhooks.write import announce
from customers.models import Customer, IntegrationLink, ProviderLink
from customers.providers.adapter import Failure
from customers.read import customer_json

CREATED = "customer.payment_provider_created"
FAILED = "customer.payment_provider_error"
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


def announce_integration_failure(link: IntegrationLink, failure: Failure) -> None:
    """Tell that an integration refused, or could not be reached for too long."""
    family = _FAMILIES[link.type]
    announce(
        link.organization_id,
        f"customer.{family}_provider_error",
        f"{family}_provider_customer_error",
        link.customer_id,
        {
            "lago_customer_id": str(link.customer_id),
            "external_customer_id": link.customer.external_id,
            f"{family}_provider": link.type,
            f"{family}_provider_code": link.connection.code,
            "provider_error": {"message": failure.message, "error_code": failure.code},
        },
    )


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
