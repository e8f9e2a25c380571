"""The tables of the peer."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Organization(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=255)
    document_number_prefix = models.CharField(max_length=10)
    last_customer_number = models.PositiveBigIntegerField(default=0)


class ApiKey(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    organization = models.ForeignKey(Organization, models.CASCADE)
    name = models.CharField(max_length=255)
    key_hash = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField(null=True)

    is_authenticated = True


class BillingEntity(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    organization = models.ForeignKey(Organization, models.PROTECT)
    code = models.CharField(max_length=255)
    timezone = models.CharField(max_length=64)
    is_default = models.BooleanField()


class Tax(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    organization = models.ForeignKey(Organization, models.PROTECT)
    code = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    description = models.CharField(max_length=1024, null=True)
    rate = models.DecimalField(max_digits=12, decimal_places=8)
    applied_to_organization = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    # Nothing in this product can count yet.
    add_ons_count = customers_count = plans_count = charges_count = commitments_count = 0

    class Meta:
        unique_together = [("organization", "code")]
        ordering = ["created_at", "id"]


class PaymentProvider(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    organization = models.ForeignKey(Organization, models.PROTECT)
    type = models.CharField(max_length=16)
    code = models.CharField(max_length=255)


class InvoiceCustomSection(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    organization = models.ForeignKey(Organization, models.PROTECT)
    billing_entity = models.ForeignKey(BillingEntity, models.PROTECT, related_name="sections")
    code = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    description = models.CharField(max_length=1024, null=True)
    details = models.TextField(null=True)
    display_name = models.CharField(max_length=1024, null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    applied_to_organization = True

    class Meta:
        ordering = ["name", "code"]


class Customer(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    organization = models.ForeignKey(Organization, models.PROTECT)
    billing_entity = models.ForeignKey(BillingEntity, models.PROTECT)
    external_id = models.CharField(max_length=255)
    sequential_id = models.PositiveBigIntegerField()
    slug = models.CharField(max_length=32)
    account_type = models.CharField(max_length=16, default="customer")
    customer_type = models.CharField(max_length=16, null=True, blank=True)
    name = models.CharField(max_length=255, null=True, blank=True)
    firstname = models.CharField(max_length=255, null=True, blank=True)
    lastname = models.CharField(max_length=255, null=True, blank=True)
    legal_name = models.CharField(max_length=255, null=True, blank=True)
    legal_number = models.CharField(max_length=255, null=True, blank=True)
    tax_identification_number = models.CharField(max_length=255, null=True, blank=True)
    email = models.EmailField(max_length=1024, null=True, blank=True)
    phone = models.CharField(max_length=255, null=True, blank=True)
    url = models.URLField(max_length=2048, null=True, blank=True)
    logo_url = models.URLField(max_length=2048, null=True, blank=True)
    country = models.CharField(max_length=2, null=True, blank=True)
    address_line1 = models.CharField(max_length=1024, null=True, blank=True)
    address_line2 = models.CharField(max_length=1024, null=True, blank=True)
    city = models.CharField(max_length=255, null=True, blank=True)
    state = models.CharField(max_length=255, null=True, blank=True)
    zipcode = models.CharField(max_length=255, null=True, blank=True)
    currency = models.CharField(max_length=3, null=True, blank=True)
    timezone = models.CharField(max_length=64, null=True, blank=True)
    net_payment_term = models.PositiveIntegerField(null=True, blank=True)
    external_salesforce_id = models.CharField(max_length=255, null=True, blank=True)
    finalize_zero_amount_invoice = models.CharField(max_length=16, default="inherit")
    skip_invoice_custom_sections = models.BooleanField(default=False)
    invoice_grace_period = models.PositiveIntegerField(null=True, blank=True)
    document_locale = models.CharField(max_length=5, null=True, blank=True)
    subscription_invoice_issuing_date_anchor = models.CharField(max_length=32, null=True)
    subscription_invoice_issuing_date_adjustment = models.CharField(max_length=32, null=True)
    taxes = models.ManyToManyField(Tax)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    error_details: list[dict[str, str]] = []

    class Meta:
        unique_together = [("organization", "external_id"), ("organization", "sequential_id")]
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["organization", "-created_at", "id"])]


class ShippingAddress(models.Model):
    customer = models.OneToOneField(Customer, models.CASCADE, related_name="shipping_address")
    address_line1 = models.CharField(max_length=1024, null=True, blank=True)
    address_line2 = models.CharField(max_length=1024, null=True, blank=True)
    city = models.CharField(max_length=255, null=True, blank=True)
    zipcode = models.CharField(max_length=255, null=True, blank=True)
    state = models.CharField(max_length=255, null=True, blank=True)
    country = models.CharField(max_length=2, null=True, blank=True)


class CustomerMetadata(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="metadata")
    key = models.CharField(max_length=20)
    value = models.CharField(max_length=100)
    display_in_invoice = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        unique_together = [("customer", "key")]
        ordering = ["created_at", "id"]


class ProviderLink(models.Model):
    customer = models.OneToOneField(Customer, models.CASCADE, related_name="provider_link")
    connection = models.ForeignKey(PaymentProvider, models.PROTECT)
    provider_customer_id = models.CharField(max_length=255, null=True)
    sync = models.BooleanField(default=False)
    sync_with_provider = models.BooleanField(default=False)
    provider_payment_methods = ArrayField(models.CharField(max_length=32), default=list)


class IntegrationLink(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="integration_customers")
    type = models.CharField(max_length=16)
    integration_code = models.CharField(max_length=255)
    external_customer_id = models.CharField(max_length=255, null=True)
    sync_with_provider = models.BooleanField(default=False)
    subsidiary_id = models.CharField(max_length=255, null=True)


class ChangeRecord(models.Model):
    organization = models.ForeignKey(Organization, models.PROTECT)
    customer = models.ForeignKey(Customer, models.PROTECT)
    action = models.CharField(max_length=16)
    actor = models.CharField(max_length=255)
    changes = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)
