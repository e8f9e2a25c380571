"""Customers, and the counter that numbers them."""

from django.db import models
from django.db.models.functions import Now

from billing.ids import newest_first_id
from billing.models import BillingEntity, Organization
from billing.values import EMAIL_LIST_LENGTH, TEXT_LENGTH, URL_LENGTH
from customers.models.address import Address
from customers.readiness import incomplete


class CustomerQuerySet(models.QuerySet["Customer"]):
    def kept(self) -> "CustomerQuerySet":
        return self.filter(deleted_at=None)


class Customer(Address):
    """Who is billed, by the caller's `external_id`.

    Null in a setting means: inherited from the billing entity. `version` counts the changes of
    the customer and its lists; the ETag is made of it.
    """

    class AccountType(models.TextChoices):
        CUSTOMER = "customer"
        PARTNER = "partner"

    class CustomerType(models.TextChoices):
        COMPANY = "company"
        INDIVIDUAL = "individual"

    class FinalizeZeroAmountInvoice(models.TextChoices):
        INHERIT = "inherit"
        SKIP = "skip"
        FINALIZE = "finalize"

    id = models.UUIDField(primary_key=True, default=newest_first_id, editable=False)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        db_constraint=False,
        # An index of its own would be taken for the checks of foreign keys before the table was
        # first analyzed, and each check would then read all customers of the organization.
        db_index=False,
        related_name="customers",
    )
    billing_entity = models.ForeignKey(
        BillingEntity,
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="customers",
    )
    external_id = models.CharField(max_length=TEXT_LENGTH)
    sequential_id = models.PositiveBigIntegerField(editable=False)
    slug = models.CharField(max_length=32, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    account_type = models.CharField(
        max_length=16, choices=AccountType, default=AccountType.CUSTOMER
    )
    customer_type = models.CharField(max_length=16, choices=CustomerType, null=True, blank=True)
    name = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    firstname = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    lastname = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    legal_name = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    legal_number = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    tax_identification_number = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    email = models.CharField(max_length=EMAIL_LIST_LENGTH, null=True, blank=True)
    phone = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    url = models.CharField(max_length=URL_LENGTH, null=True, blank=True)
    logo_url = models.CharField(max_length=URL_LENGTH, null=True, blank=True)
    currency = models.CharField(max_length=3, null=True, blank=True)
    timezone = models.CharField(max_length=64, null=True, blank=True)
    net_payment_term = models.PositiveIntegerField(null=True, blank=True)
    external_salesforce_id = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    finalize_zero_amount_invoice = models.CharField(
        max_length=16,
        choices=FinalizeZeroAmountInvoice,
        default=FinalizeZeroAmountInvoice.INHERIT,
    )
    invoice_grace_period = models.PositiveIntegerField(null=True, blank=True)
    document_locale = models.CharField(max_length=5, null=True, blank=True)
    subscription_invoice_issuing_date_anchor = models.CharField(
        max_length=32, choices=BillingEntity.IssuingDateAnchor, null=True, blank=True
    )
    subscription_invoice_issuing_date_adjustment = models.CharField(
        max_length=32,
        choices=BillingEntity.IssuingDateAdjustment,
        null=True,
        blank=True,
    )
    skip_invoice_custom_sections = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=models.Q(deleted_at=None),
                name="customer_external_id_once",
            ),
            models.UniqueConstraint(
                # In this order for the same reason: it is of no use to the foreign keys' checks.
                fields=["sequential_id", "organization"],
                name="customer_sequential_id_once",
            ),
            models.UniqueConstraint(fields=["organization", "id"], name="customer_tenant"),
        ]
        indexes = [
            models.Index(
                fields=["organization", "-created_at", "id"],
                condition=models.Q(deleted_at=None),
                name="customer_newest_first",
            ),
            models.Index(
                fields=["organization", "-created_at", "id"],
                condition=models.Q(deleted_at=None) & incomplete(),
                name="customer_incomplete",
            ),
            models.Index(
                fields=["organization", "-created_at", "id"],
                condition=models.Q(deleted_at=None)
                & (
                    models.Q(tax_identification_number=None)
                    | models.Q(tax_identification_number="")
                ),
                name="customer_without_tax_number",
            ),
        ]

    def __str__(self) -> str:
        person = " ".join(part for part in (self.firstname, self.lastname) if part)
        return self.legal_name or self.name or person or self.external_id


class CustomerCounter(models.Model):
    """How many customers an organization has numbered, and how many of them are kept.

    A row of its own, so that numbering locks nothing else.
    """

    organization = models.OneToOneField(
        Organization,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="customer_counter",
    )
    last_number = models.PositiveBigIntegerField(default=0)
    kept = models.PositiveBigIntegerField(default=0)


def of_customer(related_name: str) -> "models.ForeignKey[Customer, Customer]":
    """Return the link of a row to its customer, which may have many of them.

    The database holds it by a composite key with the organization (migrations `tenant_links` and
    later ones), and another index of the table begins with it.
    """
    return models.ForeignKey(
        Customer,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name=related_name,
    )


def one_of_customer(related_name: str) -> "models.OneToOneField[Customer, Customer]":
    """Return the link of a row to its customer, which has one of them at most."""
    return models.OneToOneField(
        Customer,
        on_delete=models.CASCADE,
        db_constraint=False,
        primary_key=True,
        related_name=related_name,
    )
