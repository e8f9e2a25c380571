"""Calls of the customers' API, and what a customer looks like on the wire."""

from typing import Any

from customers.models import Customer
from tests.conftest import Answer, Client

CUSTOMERS = "/api/v1/customers"
NOT_FOUND = b'{"status":404,"error":"Not Found","code":"customer_not_found"}'
NO_RESOURCE = b'{"status":404,"error":"Not Found","code":"resource_not_found"}'

BARE = {
    "billing_entity_code": "acme_corp",
    "account_type": "customer",
    "name": None,
    "firstname": None,
    "lastname": None,
    "customer_type": None,
    "sequential_id": 1,
    "slug": "ACM-1A2B-001",
    "country": None,
    "address_line1": None,
    "address_line2": None,
    "state": None,
    "zipcode": None,
    "email": None,
    "city": None,
    "url": None,
    "phone": None,
    "logo_url": None,
    "legal_name": None,
    "legal_number": None,
    "currency": None,
    "tax_identification_number": None,
    "timezone": None,
    "applicable_timezone": "UTC",
    "net_payment_term": None,
    "external_salesforce_id": None,
    "finalize_zero_amount_invoice": "inherit",
    "billing_configuration": {
        "invoice_grace_period": None,
        "payment_provider": None,
        "payment_provider_code": None,
        "document_locale": None,
        "subscription_invoice_issuing_date_anchor": None,
        "subscription_invoice_issuing_date_adjustment": None,
    },
    "shipping_address": {
        "address_line1": None,
        "address_line2": None,
        "city": None,
        "zipcode": None,
        "state": None,
        "country": None,
    },
    "skip_invoice_custom_sections": False,
    "metadata": [],
    "taxes": [],
    "integration_customers": [],
    "applicable_invoice_custom_sections": [],
    "error_details": [],
}
ORDER = [
    *("lago_id", "billing_entity_code", "external_id", "account_type", "name", "firstname"),
    *("lastname", "customer_type", "sequential_id", "slug", "created_at", "updated_at", "country"),
    *("address_line1", "address_line2", "state", "zipcode", "email", "city", "url", "phone"),
    *("logo_url", "legal_name", "legal_number", "currency", "tax_identification_number"),
    *("timezone", "applicable_timezone", "net_payment_term", "external_salesforce_id"),
    *("finalize_zero_amount_invoice", "billing_configuration", "shipping_address"),
    *("skip_invoice_custom_sections", "metadata", "taxes", "integration_customers"),
    *("applicable_invoice_custom_sections", "error_details"),
]


def post(api: Client, body: Any, **headers: str) -> Answer:
    return api.post(CUSTOMERS, json={"customer": body}, headers=headers)


def bare(customer: Customer, **differences: Any) -> dict[str, Any]:
    """Return the JSON of a customer that has little more than an id."""
    written = {
        "lago_id": str(customer.id),
        "external_id": customer.external_id,
        "created_at": f"{customer.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "updated_at": f"{customer.updated_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    return BARE | written | differences
