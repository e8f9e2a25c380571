"""Every table of the ground floor, gathered for Django; each lives in its noun's package."""

from billing.api.models import ApiKey, IdempotentAnswer, RequestCount
from billing.connections.models import Integration, PaymentProvider
from billing.events.models import ChangeRecord, SigningKey, WebhookEndpoint
from billing.organizations.models import BillingEntity, Membership, Organization
from billing.sections.models import BillingEntitySection, InvoiceCustomSection
from billing.taxes.models import BillingEntityTax, Tax

__all__ = [
    "ApiKey",
    "BillingEntity",
    "BillingEntitySection",
    "BillingEntityTax",
    "ChangeRecord",
    "IdempotentAnswer",
    "Integration",
    "InvoiceCustomSection",
    "Membership",
    "Organization",
    "PaymentProvider",
    "RequestCount",
    "SigningKey",
    "Tax",
    "WebhookEndpoint",
]
