"""Where a customer is mirrored: at a payment provider, in integrations."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from billing.models import Integration, PaymentProvider
from billing.organizations.models import OrganizationPart
from billing.values import TEXT_LENGTH
from customers.models.customer import of_customer, one_of_customer


class ProviderLink(OrganizationPart):
    """A customer's mirror at a payment provider; the provider is its connection's type."""

    class PaymentMethod(models.TextChoices):
        CARD = "card"
        SEPA_DEBIT = "sepa_debit"
        US_BANK_ACCOUNT = "us_bank_account"
        BACS_DEBIT = "bacs_debit"
        LINK = "link"
        BOLETO = "boleto"
        CRYPTO = "crypto"
        CUSTOMER_BALANCE = "customer_balance"

    customer = one_of_customer("provider_link")
    connection = models.ForeignKey(
        PaymentProvider,
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="links",
    )
    provider_customer_id = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    sync = models.BooleanField(default=False)
    sync_with_provider = models.BooleanField(default=False)
    provider_payment_methods = ArrayField(
        models.CharField(max_length=32, choices=PaymentMethod), default=list
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "customer"],
                condition=models.Q(sync_with_provider=True, provider_customer_id=None),
                name="provider_link_waiting",
            )
        ]


class IntegrationLink(OrganizationPart):
    """A customer's mirror in an integration; at most one of a type."""

    class TargetedObject(models.TextChoices):
        COMPANIES = "companies"
        CONTACTS = "contacts"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = of_customer("integration_links")
    connection = models.ForeignKey(
        Integration, on_delete=models.PROTECT, db_constraint=False, related_name="links"
    )
    type = models.CharField(max_length=16, choices=Integration.Type)
    external_customer_id = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    sync_with_provider = models.BooleanField(default=False)
    subsidiary_id = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    targeted_object = models.CharField(max_length=16, choices=TargetedObject, null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "type"],
                name="integration_link_type_once",
                deferrable=models.Deferrable.IMMEDIATE,
            )
        ]
        indexes = [
            models.Index(
                fields=["organization", "customer"],
                condition=models.Q(sync_with_provider=True, external_customer_id=None),
                name="integration_link_waiting",
            )
        ]
