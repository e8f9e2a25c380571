"""Taxes, and which of them an issuer applies by default."""

from django.db import models
from django.db.models.functions import Now

from billing.ids import newest_first_id
from billing.organizations.models import BillingEntity, Organization, OrganizationPart
from billing.values import TEXT_LENGTH

TAX_DESCRIPTION_LENGTH = 1_024


class TaxQuerySet(models.QuerySet["Tax"]):
    def kept(self) -> "TaxQuerySet":
        return self.filter(deleted_at=None)


class Tax(models.Model):
    """A tax by its `code`; `rate` is a percentage, an exact decimal."""

    id = models.UUIDField(primary_key=True, default=newest_first_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="taxes")
    code = models.CharField(max_length=TEXT_LENGTH)
    name = models.CharField(max_length=TEXT_LENGTH)
    description = models.CharField(max_length=TAX_DESCRIPTION_LENGTH, null=True, blank=True)
    rate = models.DecimalField(max_digits=12, decimal_places=8)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TaxQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "taxes"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "code"],
                condition=models.Q(deleted_at=None),
                name="tax_code_once",
            ),
            models.UniqueConstraint(fields=["organization", "id"], name="tax_tenant"),
            models.CheckConstraint(
                condition=models.Q(rate__gte=0, rate__lte=1000),
                name="tax_rate_in_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class BillingEntityTax(OrganizationPart):
    """A default tax of a billing entity. Both sides belong to `organization`, by foreign key."""

    billing_entity = models.ForeignKey(
        BillingEntity,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="tax_links",
    )
    tax = models.ForeignKey(
        Tax, on_delete=models.CASCADE, db_constraint=False, related_name="entity_links"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["billing_entity", "tax"], name="entity_tax_once")
        ]
