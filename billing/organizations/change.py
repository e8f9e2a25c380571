"""The shapes of wishes to change an organization or a billing entity (resources.md 2 and 3)."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator, WithJsonSchema

from billing import values
from billing.events.addresses import webhook_url
from billing.organizations.models import (
    INVOICE_FOOTER_LENGTH,
    PREFIX_LENGTH,
    SLUG_LENGTH,
    BillingEntity,
    Organization,
)
from billing.values import fail
from billing.wish import (
    AddressLine,
    BlankIsNull,
    Boolean,
    Code,
    Codes,
    Country,
    Currency,
    Days,
    Email,
    Name,
    Text,
    Timezone,
    Wish,
    choice,
    long_text,
    with_null,
)

SLUG_MIN_LENGTH = 3
LOGO_SIZE = 700_000  # bytes, decoded
EMAIL_SETTINGS = ("invoice.finalized", "credit_note.created", "payment_receipt.created")
# Words that mean something else at the beginning of an address, or beside one.
RESERVED_SLUGS = frozenset(
    "account admin api app assets auth customer-portal dashboard docs graphql health help lago "
    "login logout logos metrics new null oauth organizations portal public ready root schema "
    "security settings signup static status support system tarn undefined webhooks www".split()
)

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
_DATA_URI = re.compile(r"data:([a-zA-Z0-9.+-]+/[a-zA-Z0-9.+-]+)?(?:;[^;,]*)*;base64,", re.ASCII)
_SIGNATURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}


@dataclass(frozen=True, slots=True)
class Logo:
    """An image for documents, with the kind its content has."""

    content: bytes
    content_type: str


def slug(value: Any) -> str:
    """Return the handle of an organization."""
    found = values.plain_text(value)
    if len(found) < SLUG_MIN_LENGTH:
        raise fail("value_is_too_short")
    if len(found) > SLUG_LENGTH:
        raise fail("value_is_too_long")
    if not _SLUG.match(found):
        raise fail("value_is_invalid")
    if found in RESERVED_SLUGS:
        raise fail("value_is_reserved")
    return found


def document_number_prefix(value: Any) -> str:
    """Return the beginning of document numbers and customers' slugs, in upper case."""
    found = values.plain_text(value).upper()
    if values.is_blank(found):
        raise fail("value_is_mandatory")
    if len(found) > PREFIX_LENGTH:
        raise fail("value_is_too_long")
    return found


def email_settings(value: Any) -> list[str]:
    """Return which mails go out, each once."""
    if not isinstance(value, list):
        raise fail("value_is_invalid")
    for element in value:
        if not isinstance(element, str) or element not in EMAIL_SETTINGS:
            raise fail("unsupported_value")
    return list(dict.fromkeys(value))


def logo(value: Any) -> Logo:
    """Return the image in a data URI; its content says what it is, not its label."""
    if not isinstance(value, str) or isinstance(value, values.JsonNumber):
        raise fail("value_is_invalid")
    head = _DATA_URI.match(value)
    if head is None:
        raise fail("invalid_content_type")
    try:
        content = base64.b64decode(value[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise fail("invalid_content_type") from None
    kinds = [kind for kind, signature in _SIGNATURES.items() if content.startswith(signature)]
    if not kinds:
        raise fail("invalid_content_type")
    if len(content) > LOGO_SIZE:
        raise fail("file_too_large")
    return Logo(content, kinds[0])


def first_webhook_url(value: Any) -> str | None:
    """Return the address for the oldest webhook endpoint; "" changes nothing, like null."""
    return None if value is None or value == "" else webhook_url(value)


Slug = Annotated[str | None, PlainValidator(with_null(slug))]
Prefix = Annotated[str | None, PlainValidator(with_null(document_number_prefix))]
EmailSettings = Annotated[list[str] | None, PlainValidator(with_null(email_settings))]
LogoImage = Annotated[
    Logo | None,
    PlainValidator(with_null(logo)),
    WithJsonSchema({"type": "string", "description": "A data URI of a PNG or JPEG, Base64."}),
]
WebhookUrl = Annotated[str | None, PlainValidator(first_webhook_url)]
Locale = Annotated[str | None, choice(values.DOCUMENT_LOCALES, "not_a_valid_language_code")]


class BillingConfiguration(Wish):
    """The settings of invoices that stand under a key of their own."""

    clearable: ClassVar[frozenset[str]] = frozenset({"invoice_footer"})

    invoice_footer: Annotated[str | None, long_text(INVOICE_FOOTER_LENGTH)] = None
    invoice_grace_period: Days = None
    document_locale: Locale = None


class EntityBillingConfiguration(BillingConfiguration):
    """The settings of invoices of a billing entity."""

    clearable: ClassVar[frozenset[str]] = BillingConfiguration.clearable | {
        "subscription_invoice_issuing_date_anchor",
        "subscription_invoice_issuing_date_adjustment",
    }

    subscription_invoice_issuing_date_anchor: Annotated[
        str | None, choice(BillingEntity.IssuingDateAnchor.values)
    ] = None
    subscription_invoice_issuing_date_adjustment: Annotated[
        str | None, choice(BillingEntity.IssuingDateAdjustment.values)
    ] = None


class IssuerChange(Wish):
    """What an organization and a billing entity have in common."""

    clearable: ClassVar[frozenset[str]] = frozenset(
        "country address_line1 address_line2 city state zipcode legal_name legal_number "
        "tax_identification_number email".split()
    )

    country: Country = None
    address_line1: AddressLine = None
    address_line2: AddressLine = None
    city: BlankIsNull = None
    state: BlankIsNull = None
    zipcode: BlankIsNull = None
    email: Email = None
    legal_name: Text = None
    legal_number: Text = None
    tax_identification_number: BlankIsNull = None
    default_currency: Currency = None
    timezone: Timezone = None
    net_payment_term: Days = None
    document_number_prefix: Prefix = None
    finalize_zero_amount_invoice: Boolean = None
    email_settings: EmailSettings = None


class OrganizationChange(IssuerChange):
    """A wish to change an organization."""

    slug: Slug = None
    document_numbering: Annotated[str | None, choice(Organization.DocumentNumbering.values)] = None
    webhook_url: WebhookUrl = None
    billing_configuration: BillingConfiguration | None = None


class NewOrganization(OrganizationChange):
    """A wish to make or set up an organization; the API has no door for it."""

    name: Name = None
    requires_second_factor: Boolean = None


class BillingEntityChange(IssuerChange):
    """A wish to change a billing entity."""

    clearable: ClassVar[frozenset[str]] = IssuerChange.clearable | {"phone", "logo"}

    name: Name = None
    phone: Text = None
    document_numbering: Annotated[str | None, choice(BillingEntity.DocumentNumbering.values)] = None
    eu_tax_management: Boolean = None
    einvoicing: Boolean = None
    logo: LogoImage = None
    billing_configuration: EntityBillingConfiguration | None = None
    tax_codes: Codes = None
    invoice_custom_section_codes: Codes = None


class NewBillingEntity(BillingEntityChange):
    """A wish to make a billing entity."""

    code: Code = None
