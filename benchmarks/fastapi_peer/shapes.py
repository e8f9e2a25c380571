"""What comes in and what goes out, as pydantic models."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, Field, PlainSerializer

ZONES = frozenset(available_timezones())


def _zone(value: str) -> str:
    if value not in ZONES:
        raise ValueError("invalid_timezone")
    return value


def _blank_is_null(value: str) -> str | None:
    return value or None


Text = Annotated[str, Field(max_length=255)]
BlankIsNull = Annotated[str, Field(max_length=255), AfterValidator(_blank_is_null)]
Line = Annotated[str, Field(max_length=1024), AfterValidator(_blank_is_null)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Email = Annotated[str, Field(max_length=1024, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Url = Annotated[str, Field(max_length=2048, pattern=r"^https?://")]
Zone = Annotated[str, AfterValidator(_zone)]
Days = Annotated[int, Field(ge=0, le=2_147_483_647)]
Provider = Literal["stripe", "gocardless", "adyen", "cashfree", "flutterwave", "moneyhash"]
PaymentMethod = Literal[
    "card", "sepa_debit", "us_bank_account", "bacs_debit", "link",
    "boleto", "crypto", "customer_balance",
]  # fmt: skip


class AddressIn(BaseModel):
    address_line1: Line | None = None
    address_line2: Line | None = None
    city: BlankIsNull | None = None
    zipcode: BlankIsNull | None = None
    state: BlankIsNull | None = None
    country: Country | None = None


class MetadataIn(BaseModel):
    key: Annotated[str, Field(min_length=1, max_length=20)]
    value: Annotated[str, Field(min_length=1, max_length=100)]
    display_in_invoice: bool = False


class BillingConfigurationIn(BaseModel):
    invoice_grace_period: Days | None = None
    document_locale: Literal["en", "fr", "nb", "de", "it", "es", "sv", "pt-BR", "zh-TW"] | None = (
        None
    )
    subscription_invoice_issuing_date_anchor: str | None = None
    subscription_invoice_issuing_date_adjustment: str | None = None
    payment_provider: Provider | None = None
    payment_provider_code: str | None = None
    provider_customer_id: Text | None = None
    sync: bool = False
    sync_with_provider: bool = False
    provider_payment_methods: list[PaymentMethod] = ["card"]


class CustomerIn(BaseModel):
    external_id: Annotated[str, Field(min_length=1, max_length=255)]
    account_type: Literal["customer", "partner"] = "customer"
    customer_type: Literal["company", "individual"] | None = None
    name: Text | None = None
    firstname: Text | None = None
    lastname: Text | None = None
    legal_name: Text | None = None
    legal_number: Text | None = None
    tax_identification_number: BlankIsNull | None = None
    email: Email | None = None
    phone: Text | None = None
    url: Url | None = None
    logo_url: Url | None = None
    country: Country | None = None
    address_line1: Line | None = None
    address_line2: Line | None = None
    city: BlankIsNull | None = None
    state: BlankIsNull | None = None
    zipcode: BlankIsNull | None = None
    currency: Currency | None = None
    timezone: Zone | None = None
    net_payment_term: Days | None = None
    external_salesforce_id: Text | None = None
    finalize_zero_amount_invoice: Literal["inherit", "skip", "finalize"] = "inherit"
    skip_invoice_custom_sections: bool = False
    shipping_address: AddressIn | None = None
    billing_configuration: BillingConfigurationIn | None = None
    metadata: Annotated[list[MetadataIn], Field(max_length=5)] | None = None
    tax_codes: list[str] | None = None


class UpsertIn(BaseModel):
    customer: CustomerIn


def _second(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Instant = Annotated[datetime, PlainSerializer(_second, return_type=str)]
Rate = Annotated[Decimal, PlainSerializer(float, return_type=float)]


class AddressOut(BaseModel):
    address_line1: str | None
    address_line2: str | None
    city: str | None
    zipcode: str | None
    state: str | None
    country: str | None


class MetadataOut(BaseModel):
    lago_id: UUID
    key: str
    value: str
    display_in_invoice: bool
    created_at: Instant


class TaxOut(BaseModel):
    lago_id: UUID
    name: str
    code: str
    description: str | None
    rate: Rate
    applied_to_organization: bool
    created_at: Instant
    add_ons_count: int = 0
    customers_count: int = 0
    plans_count: int = 0
    charges_count: int = 0
    commitments_count: int = 0


class IntegrationOut(BaseModel):
    lago_id: UUID
    type: str
    integration_code: str
    external_customer_id: str | None
    sync_with_provider: bool
    subsidiary_id: str | None


class SectionOut(BaseModel):
    lago_id: UUID
    name: str
    code: str
    description: str | None
    details: str | None
    display_name: str | None
    applied_to_organization: bool
    organization_id: UUID
    created_at: Instant


class BillingConfigurationOut(BaseModel):
    invoice_grace_period: int | None
    payment_provider: str | None
    payment_provider_code: str | None
    document_locale: str | None
    subscription_invoice_issuing_date_anchor: str | None
    subscription_invoice_issuing_date_adjustment: str | None
    provider_customer_id: str | None
    sync: bool | None
    sync_with_provider: bool | None
    provider_payment_methods: list[str] | None


class CustomerInList(BaseModel):
    lago_id: UUID
    billing_entity_code: str
    external_id: str
    account_type: str
    name: str | None
    firstname: str | None
    lastname: str | None
    customer_type: str | None
    sequential_id: int
    slug: str
    created_at: Instant
    updated_at: Instant
    country: str | None
    address_line1: str | None
    address_line2: str | None
    state: str | None
    zipcode: str | None
    email: str | None
    city: str | None
    url: str | None
    phone: str | None
    logo_url: str | None
    legal_name: str | None
    legal_number: str | None
    currency: str | None
    tax_identification_number: str | None
    timezone: str | None
    applicable_timezone: str
    net_payment_term: int | None
    external_salesforce_id: str | None
    finalize_zero_amount_invoice: str
    billing_configuration: BillingConfigurationOut
    shipping_address: AddressOut
    skip_invoice_custom_sections: bool
    metadata: list[MetadataOut]
    taxes: list[TaxOut]
    integration_customers: list[IntegrationOut]


class CustomerOut(CustomerInList):
    applicable_invoice_custom_sections: list[SectionOut]
    error_details: list[dict[str, Any]]


class UpsertOut(BaseModel):
    customer: CustomerOut


class Meta(BaseModel):
    current_page: int
    next_page: int | None
    prev_page: int | None
    total_pages: int
    total_count: int


class PageOut(BaseModel):
    customers: list[CustomerInList]
    meta: Meta
