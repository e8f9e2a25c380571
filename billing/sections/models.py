"""Texts of their own that an organization prints on invoices."""

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from billing.organizations.models import BillingEntity, Organization, OrganizationPart
from billing.values import TEXT_LENGTH

SECTION_TEXT_LENGTH = 1_024
SECTION_DETAILS_LENGTH = 10_000


class InvoiceCustomSectionQuerySet(models.QuerySet["InvoiceCustomSection"]):
    def kept(self) -> "InvoiceCustomSectionQuerySet":
        return self.filter(deleted_at=None)


class InvoiceCustomSection(models.Model):
    """A block of text for invoices, chosen by `code`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="sections"
    )
    code = models.CharField(max_length=TEXT_LENGTH)
    name = models.CharField(max_length=TEXT_LENGTH)
    display_name = models.CharField(max_length=SECTION_TEXT_LENGTH, null=True, blank=True)
    description = models.CharField(max_length=SECTION_TEXT_LENGTH, null=True, blank=True)
    details = models.TextField(max_length=SECTION_DETAILS_LENGTH, null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = InvoiceCustomSectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("invoice section")
        verbose_name_plural = _("invoice sections")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "code"],
                condition=models.Q(deleted_at=None),
                name="section_code_once",
            ),
            models.UniqueConstraint(fields=["organization", "id"], name="section_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class BillingEntitySection(OrganizationPart):
    """A section a billing entity prints unless the customer chose others."""

    billing_entity = models.ForeignKey(
        BillingEntity,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="section_links",
    )
    section = models.ForeignKey(
        InvoiceCustomSection,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="entity_links",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["billing_entity", "section"], name="entity_section_once"
            )
        ]
