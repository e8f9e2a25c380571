"""Every table of the ground floor, gathered for Django; each lives in its noun's package."""

from billing.api.models import ApiKey, IdempotentAnswer, RequestCount
from billing.connections.models import Integration, PaymentProvider
from billing.events.models import ChangeRecord, SigningKey, WebhookEndpoint
from billing.organizations.models import BillingEntity, Membership, Organization
from billing.sections.models import BillingEntitySection, InvoiceCustomSection
from billing.staff.models import StaffPreference
from billing.tallies import Tally
from billing.taxes.models import BillingEntityTax, Tax
from billing.webhooks.models import Attempt, Delivery, Event

__all__ = [
    "ApiKey",
    "Attempt",
    "BillingEntity",
    "BillingEntitySection",
    "BillingEntityTax",
    "ChangeRecord",
    "Delivery",
    "Event",
    "IdempotentAnswer",
    "Integration",
    "InvoiceCustomSection",
    "Membership",
    "Organization",
    "PaymentProvider",
    "RequestCount",
    "SigningKey",
    "StaffPreference",
    "Tally",
    "Tax",
    "WebhookEndpoint",
]
