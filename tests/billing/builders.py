"""Builders of the ground floor's objects: `make_<thing>(**values)`, the rest is made up."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

from billing.dependents import dependents
from billing.models import (
    ApiKey,
    BillingEntity,
    BillingEntitySection,
    BillingEntityTax,
    Integration,
    InvoiceCustomSection,
    Organization,
    PaymentProvider,
    Tax,
    WebhookEndpoint,
)

_numbers = count(1)


def make_organization(**values: Any) -> Organization:
    """Make an organization with a default billing entity, `acme_corp`."""
    number = next(_numbers)
    values = {
        "name": f"Acme {number}",
        "slug": f"acme-{number}",
        "document_number_prefix": "LAG-1234",
    } | values
    organization = Organization.objects.create(**values)
    for dependent in dependents():
        dependent.organization_created(organization.id)
    make_billing_entity(
        organization,
        code="acme_corp",
        name=organization.name,
        is_default=True,
        **{
            key: values[key]
            for key in ("country", "default_currency", "timezone", "net_payment_term")
            if key in values
        },
    )
    organization.refresh_from_db()
    return organization


def make_billing_entity(
    organization: Organization,
    *,
    taxes: Sequence[Tax] = (),
    sections: Sequence[InvoiceCustomSection] = (),
    **values: Any,
) -> BillingEntity:
    """Make an active billing entity that is not the default, with its default taxes."""
    number = next(_numbers)
    entity = BillingEntity.objects.create(
        organization=organization,
        **{
            "code": f"entity_{number}",
            "name": f"Entity {number}",
            "document_number_prefix": organization.document_number_prefix,
        }
        | values,
    )
    for tax in taxes:
        BillingEntityTax.objects.create(organization=organization, billing_entity=entity, tax=tax)
    for section in sections:
        BillingEntitySection.objects.create(
            organization=organization, billing_entity=entity, section=section
        )
    entity.refresh_from_db()
    return entity


def make_tax(organization: Organization, **values: Any) -> Tax:
    """Make a tax of 20 %."""
    number = next(_numbers)
    values = {"code": f"tax_{number}", "name": f"Tax {number}", "rate": 20} | values
    values["rate"] = Decimal(str(values["rate"]))
    tax = Tax.objects.create(organization=organization, **values)
    tax.refresh_from_db()
    return tax


def make_section(organization: Organization, **values: Any) -> InvoiceCustomSection:
    """Make an invoice custom section."""
    number = next(_numbers)
    section = InvoiceCustomSection.objects.create(
        organization=organization,
        **{"code": f"section_{number}", "name": f"Section {number}"} | values,
    )
    section.refresh_from_db()
    return section


def make_payment_provider(organization: Organization, **values: Any) -> PaymentProvider:
    """Make a Stripe connection without secrets."""
    number = next(_numbers)
    return PaymentProvider.objects.create(
        organization=organization,
        **{"type": "stripe", "code": f"stripe-{number}", "name": f"Stripe {number}"} | values,
    )


def make_integration(organization: Organization, **values: Any) -> Integration:
    """Make a NetSuite connection without secrets."""
    number = next(_numbers)
    return Integration.objects.create(
        organization=organization,
        **{
            "type": "netsuite",
            "code": f"netsuite-{number}",
            "name": f"NetSuite {number}",
        }
        | values,
    )


def make_webhook_endpoint(organization: Organization, **values: Any) -> WebhookEndpoint:
    """Make a webhook endpoint that hears every event."""
    number = next(_numbers)
    endpoint = WebhookEndpoint.objects.create(
        organization=organization,
        **{"webhook_url": f"https://hooks.example.com/{number}"} | values,
    )
    endpoint.refresh_from_db()
    return endpoint


def make_api_key(
    organization: Organization,
    key: str | None = None,
    *,
    name: str = "Test",
    permissions: dict[str, list[str]] | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Make an API key that may do everything, and return its text."""
    key = key or f"test-key-{next(_numbers):016d}"
    ApiKey.objects.create(
        organization=organization,
        name=name,
        key_hash=hashlib.sha256(key.encode()).digest(),
        last_four=key[-4:],
        permissions=permissions,
        expires_at=expires_at,
    )
    return key
