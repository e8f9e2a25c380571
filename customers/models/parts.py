"""What belongs to a customer: its shipping address, notes, taxes and sections."""

import uuid

from django.db import models
from django.db.models.functions import Now

from billing.models import InvoiceCustomSection, Tax
from billing.organizations.models import OrganizationPart
from customers.models.address import Address
from customers.models.customer import of_customer, one_of_customer

METADATA_MAX = 5
METADATA_KEY_LENGTH = 20
METADATA_VALUE_LENGTH = 100


class ShippingAddress(OrganizationPart, Address):
    """Where goods go, when that is not the billing address."""

    customer = one_of_customer("shipping_address")


class CustomerMetadata(OrganizationPart):
    """One of at most five notes a caller keeps with a customer."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = of_customer("metadata")
    key = models.CharField(max_length=METADATA_KEY_LENGTH)
    value = models.CharField(max_length=METADATA_VALUE_LENGTH)
    display_in_invoice = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            # Checked at the end of a statement, so that two entries can swap their keys.
            models.UniqueConstraint(
                fields=["customer", "key"],
                name="metadata_key_once",
                deferrable=models.Deferrable.IMMEDIATE,
            )
        ]


class AppliedTax(OrganizationPart):
    """A tax set on a customer, by hand or by the automatic EU rules."""

    class Origin(models.TextChoices):
        MANUAL = "manual"
        AUTOMATIC = "automatic"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = of_customer("applied_taxes")
    tax = models.ForeignKey(
        Tax, on_delete=models.PROTECT, db_constraint=False, related_name="applied_taxes"
    )
    origin = models.CharField(max_length=16, choices=Origin, default=Origin.MANUAL)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "tax"], name="applied_tax_once")]


class SelectedSection(OrganizationPart):
    """A section chosen for this customer instead of its billing entity's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = of_customer("selected_sections")
    section = models.ForeignKey(
        InvoiceCustomSection,
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="customer_selections",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "section"], name="selected_section_once")
        ]
