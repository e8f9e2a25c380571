"""Customers and everything that hangs on one: tables and constraints, read by everyone.

Rows change through `customers.write` only. Every link carries its organization, and composite
foreign keys (migration `tenant_links`) make a link across organizations impossible.
"""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from billing.ids import newest_first_id
from billing.models import (
    BillingEntity,
    Integration,
    InvoiceCustomSection,
    Organization,
    PaymentProvider,
    Tax,
)
from billing.values import (
    ADDRESS_LINE_LENGTH,
    EMAIL_LIST_LENGTH,
    TEXT_LENGTH,
    URL_LENGTH,
)
from customers.batches import Batch, BatchItem  # noqa: F401  # Django looks for tables here
from customers.intakes import (  # noqa: F401  # the same
    Import,
    ImportPiece,
    ImportRow,
    SavedMapping,
)
from customers.mirrors import Mirror, PaymentMethod, ProviderEvent  # noqa: F401  # the same
from customers.readiness import incomplete
from customers.submission import Submission  # noqa: F401  # the same

METADATA_MAX = 5
METADATA_KEY_LENGTH = 20
METADATA_VALUE_LENGTH = 100
VIEW_NAME_LENGTH = 60


class Address(models.Model):
    """The six parts of an address."""

    address_line1 = models.CharField(max_length=ADDRESS_LINE_LENGTH, null=True, blank=True)
    address_line2 = models.CharField(max_length=ADDRESS_LINE_LENGTH, null=True, blank=True)
    city = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    zipcode = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    state = models.CharField(max_length=TEXT_LENGTH, null=True, blank=True)
    country = models.CharField(max_length=2, null=True, blank=True)

    class Meta:
        abstract = True


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


class CustomerPart(models.Model):
    """A row that belongs to one customer of one organization."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )

    class Meta:
        abstract = True


class ShippingAddress(CustomerPart, Address):
    """Where goods go, when that is not the billing address."""

    customer = models.OneToOneField(
        Customer,
        on_delete=models.CASCADE,
        db_constraint=False,
        primary_key=True,
        related_name="shipping_address",
    )


class CustomerMetadata(CustomerPart):
    """One of at most five notes a caller keeps with a customer."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(
        Customer,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="metadata",
    )
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


class AppliedTax(CustomerPart):
    """A tax set on a customer, by hand or by the automatic EU rules."""

    class Origin(models.TextChoices):
        MANUAL = "manual"
        AUTOMATIC = "automatic"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(
        Customer,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="applied_taxes",
    )
    tax = models.ForeignKey(
        Tax, on_delete=models.PROTECT, db_constraint=False, related_name="applied_taxes"
    )
    origin = models.CharField(max_length=16, choices=Origin, default=Origin.MANUAL)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "tax"], name="applied_tax_once")]


class ProviderLink(CustomerPart):
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

    customer = models.OneToOneField(
        Customer,
        on_delete=models.CASCADE,
        db_constraint=False,
        primary_key=True,
        related_name="provider_link",
    )
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


class IntegrationLink(CustomerPart):
    """A customer's mirror in an integration; at most one of a type."""

    class TargetedObject(models.TextChoices):
        COMPANIES = "companies"
        CONTACTS = "contacts"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(
        Customer,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="integration_links",
    )
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


class SelectedSection(CustomerPart):
    """A section chosen for this customer instead of its billing entity's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(
        Customer,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="selected_sections",
    )
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


class TaxNumberProblem(CustomerPart):
    """What looks wrong about a customer's tax number, as `number` and `country` were when checked.

    Counts only while the customer still has both; `customers.tax_numbers` keeps it up to date.
    """

    customer = models.OneToOneField(
        Customer,
        on_delete=models.CASCADE,
        db_constraint=False,
        primary_key=True,
        related_name="tax_number_problem",
    )
    number = models.CharField(max_length=TEXT_LENGTH)
    country = models.CharField(max_length=2, blank=True)
    found_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "found_at"], name="tax_number_problem_oldest")
        ]


class SavedView(models.Model):
    """A list of customers somebody keeps: what it is narrowed by, its order and its columns."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=VIEW_NAME_LENGTH)
    query = models.TextField(blank=True)
    columns = ArrayField(models.CharField(max_length=32), default=list)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "owner", "name"], name="saved_view_name_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ListChoice(models.Model):
    """How a person likes to see the customers of an organization."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    columns = ArrayField(models.CharField(max_length=32), default=list)
    default_view = models.ForeignKey(
        SavedView, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "person"], name="list_choice_once")
        ]


class Export(models.Model):
    """A file of customers that somebody asked for; a job writes it, a week later it is gone."""

    class Format(models.TextChoices):
        CSV = "csv"
        XLSX = "xlsx"

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    query = models.TextField(blank=True)
    columns = ArrayField(models.CharField(max_length=32))
    format = models.CharField(max_length=8, choices=Format)
    language = models.CharField(max_length=8, default="en")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    rows = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    touched_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["organization", "person", "-created_at"], name="export_newest")
        ]


class ExportPiece(models.Model):
    """A part of an export's file, so that no process ever holds the whole."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="export_piece_once")
        ]


class TaxNumberProgress(models.Model):
    """How far the check of tax numbers has read the change records; there is one row.

    :param settled: every record up to here was read.
    :param mark: so are those up to here, once `transaction` and all before it have ended.
    """

    settled = models.BigIntegerField(default=0)
    mark = models.BigIntegerField(default=0)
    transaction = models.BigIntegerField(null=True)
