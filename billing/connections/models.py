"""Configured accounts at payment providers and integrations."""

import uuid

from django.db import models
from django.db.models.functions import Now

from billing.connections.secrets import SecretsField
from billing.organizations.models import Organization
from billing.values import TEXT_LENGTH

# What we keep of what the other side says.
WORDS_LENGTH = 1_000
REQUEST_LENGTH = 255


class Connection(models.Model):
    """What both kinds of connection share: a `code`, settings in clear, secrets encrypted.

    `refused_since` is since when its credentials are turned down, None while they are taken;
    `refusal` are the other side's words (see `billing.connections.refusal`).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(max_length=TEXT_LENGTH)
    name = models.CharField(max_length=TEXT_LENGTH)
    settings = models.JSONField(default=dict, blank=True)
    secrets = SecretsField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    refused_since = models.DateTimeField(null=True, editable=False)
    refusal = models.CharField(max_length=WORDS_LENGTH, null=True, editable=False)
    refusal_request_id = models.CharField(max_length=REQUEST_LENGTH, null=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class PaymentProvider(Connection):
    """An account at a payment provider."""

    class Type(models.TextChoices):
        STRIPE = "stripe"
        GOCARDLESS = "gocardless"
        ADYEN = "adyen"
        CASHFREE = "cashfree"
        FLUTTERWAVE = "flutterwave"
        MONEYHASH = "moneyhash"

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="payment_providers"
    )
    type = models.CharField(max_length=16, choices=Type)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "code"], name="payment_provider_code_once"
            ),
            models.UniqueConstraint(fields=["organization", "id"], name="payment_provider_tenant"),
        ]


class Integration(Connection):
    """An account at an accounting, tax or customer relations system."""

    class Type(models.TextChoices):
        NETSUITE = "netsuite"
        ANROK = "anrok"
        AVALARA = "avalara"
        XERO = "xero"
        HUBSPOT = "hubspot"
        SALESFORCE = "salesforce"

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="integrations"
    )
    type = models.CharField(max_length=16, choices=Type)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "code"], name="integration_code_once"),
            models.UniqueConstraint(
                fields=["organization", "id", "type"], name="integration_tenant"
            ),
            models.UniqueConstraint(
                fields=["organization", "id"], name="integration_of_any_type_tenant"
            ),
        ]
