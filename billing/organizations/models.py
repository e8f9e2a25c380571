"""Who bills: the tenant, its legal issuers, and the people who may work here."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from billing.values import ADDRESS_LINE_LENGTH, TEXT_LENGTH

INVOICE_FOOTER_LENGTH = 600
PREFIX_LENGTH = 10
SLUG_LENGTH = 40


class Issuer(models.Model):
    """What an organization and a billing entity both carry onto an invoice."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=TEXT_LENGTH)
    country = models.CharField(max_length=2, null=True, blank=True)
    address_line1 = models.CharField(max_length=ADDRESS_LINE_LENGTH, null=True, blank=True)
    address_line2 = models.CharField(max_length=ADDRESS_LINE_LENGTH, null=True, blank=True)
    city = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    state = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    zipcode = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    email = models.CharField(max_length=254, null=True, blank=True)
    legal_name = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    legal_number = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    tax_identification_number = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    default_currency = models.CharField(max_length=3, default="USD")
    timezone = models.CharField(max_length=64, default="UTC")
    net_payment_term = models.PositiveIntegerField(default=0)
    document_number_prefix = models.CharField(max_length=PREFIX_LENGTH)
    finalize_zero_amount_invoice = models.BooleanField(default=True)
    email_settings = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    invoice_footer = models.CharField(max_length=INVOICE_FOOTER_LENGTH, null=True, blank=True)
    invoice_grace_period = models.PositiveIntegerField(default=0)
    document_locale = models.CharField(max_length=5, default="en")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


class Organization(Issuer):
    """A tenant; every query starts from one. `slug` is its handle, unique on the server."""

    class DocumentNumbering(models.TextChoices):
        PER_CUSTOMER = "per_customer"
        PER_ORGANIZATION = "per_organization"

    slug = models.CharField(max_length=SLUG_LENGTH, unique=True)
    document_numbering = models.CharField(
        max_length=32, choices=DocumentNumbering, default=DocumentNumbering.PER_CUSTOMER
    )
    hmac_key = models.UUIDField(default=uuid.uuid4, editable=False)
    # Good beside the new key until it ends, so that receivers can change theirs in peace.
    previous_hmac_key = models.UUIDField(null=True, editable=False)
    previous_hmac_key_ends_at = models.DateTimeField(null=True, editable=False)
    requires_second_factor = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class BillingEntity(Issuer):
    """A legal issuer of invoices; exactly one active one is the organization's default."""

    class DocumentNumbering(models.TextChoices):
        PER_CUSTOMER = "per_customer"
        PER_BILLING_ENTITY = "per_billing_entity"

    class IssuingDateAnchor(models.TextChoices):
        CURRENT_PERIOD_END = "current_period_end"
        NEXT_PERIOD_START = "next_period_start"

    class IssuingDateAdjustment(models.TextChoices):
        KEEP_ANCHOR = "keep_anchor"
        ALIGN_WITH_FINALIZATION_DATE = "align_with_finalization_date"

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="billing_entities"
    )
    code = models.CharField(max_length=TEXT_LENGTH)
    phone = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    is_default = models.BooleanField(default=False)
    document_numbering = models.CharField(
        max_length=32, choices=DocumentNumbering, default=DocumentNumbering.PER_CUSTOMER
    )
    subscription_invoice_issuing_date_anchor = models.CharField(
        max_length=32, choices=IssuingDateAnchor, null=True, blank=True
    )
    subscription_invoice_issuing_date_adjustment = models.CharField(
        max_length=32, choices=IssuingDateAdjustment, null=True, blank=True
    )
    eu_tax_management = models.BooleanField(default=False)
    einvoicing = models.BooleanField(default=False)
    logo = models.BinaryField(null=True, blank=True)
    logo_content_type = models.CharField(max_length=16, null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    taxes = models.ManyToManyField("billing.Tax", through="billing.BillingEntityTax")
    sections = models.ManyToManyField(
        "billing.InvoiceCustomSection", through="billing.BillingEntitySection"
    )

    class Meta:
        verbose_name_plural = "billing entities"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "code"], name="billing_entity_code_once"
            ),
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(is_default=True),
                name="billing_entity_one_default",
            ),
            models.UniqueConstraint(fields=["organization", "id"], name="billing_entity_tenant"),
            models.CheckConstraint(
                condition=models.Q(is_default=False) | models.Q(archived_at__isnull=True),
                name="billing_entity_default_is_active",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OrganizationPart(models.Model):
    """A row of one organization that hangs on another row of it.

    The composite key of that link (migrations `tenant_links`) already proves the organization.
    """

    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )

    class Meta:
        abstract = True


class Membership(models.Model):
    """What one person may do in one organization."""

    class Role(models.TextChoices):
        VIEWER = "viewer", _("Viewer")
        FINANCE = "finance", _("Finance clerk")
        FINANCE_LEAD = "finance_lead", _("Finance lead")
        AUDITOR = "auditor", _("Auditor")
        OPERATOR = "operator", _("Operator")

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=16, choices=Role)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"
