"""The shape of a wish to change one customer: absent, null and value are told apart."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import PlainValidator, PrivateAttr, ValidationError

from billing import values
from billing.errors import Problems
from billing.models import BillingEntity, Integration, PaymentProvider
from billing.shape import Shape, error_details, find_problems
from billing.values import Reader, fail
from customers.identity import Identity
from customers.models import (
    METADATA_KEY_LENGTH,
    METADATA_MAX,
    METADATA_VALUE_LENGTH,
    Customer,
    IntegrationLink,
    ProviderLink,
)

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_long_text = values.text(10_000_000, blank_is_null=True)
_one_account_type = values.one_of(tuple(Customer.AccountType.values))


def _kept(reader: Reader, null: str) -> Reader:
    """Return a reader for a field that is never null: null means the value `null`."""
    return lambda value: reader(value) if value is not None else null


def _account_type(value: Any) -> str:
    if value is None:
        raise fail("value_is_invalid")
    return str(_one_account_type(value))


def _own_id(value: Any) -> str | None:
    """Return the id of an entry; anything that is no UUID counts as absent."""
    return value.lower() if isinstance(value, str) and _UUID.match(value) else None


def _provider_customer_id(value: Any) -> str | None:
    found = _long_text(value)
    if found is not None and len(found) > values.TEXT_LENGTH:
        raise fail("value_is_invalid")
    return str(found) if found is not None else None


def _payment_methods(value: Any) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise fail("value_is_invalid")
    for element in value:
        if not isinstance(element, str) or isinstance(element, values.JsonNumber):
            raise fail("value_is_invalid")
    return [values.plain_text(element) for element in value]


Text = Annotated[str | None, PlainValidator(values.text())]
Line = Annotated[
    str | None, PlainValidator(values.text(values.ADDRESS_LINE_LENGTH, blank_is_null=True))
]
BlankIsNull = Annotated[str | None, PlainValidator(values.text(blank_is_null=True))]
Country = Annotated[str | None, PlainValidator(values.country)]
Url = Annotated[str | None, PlainValidator(values.url)]
Days = Annotated[int | None, PlainValidator(values.integer)]
Flag = Annotated[bool, PlainValidator(values.flag)]
Codes = Annotated[list[str] | None, PlainValidator(values.code_list)]
OwnId = Annotated[str | None, PlainValidator(_own_id)]


def _choice(choices: Any, failure: str = "value_is_invalid", **options: bool) -> PlainValidator:
    return PlainValidator(values.one_of(tuple(choices), failure, **options))


class ShippingAddressChange(Shape):
    """The parts of a shipping address to change."""

    address_line1: Line = None
    address_line2: Line = None
    city: BlankIsNull = None
    zipcode: BlankIsNull = None
    state: BlankIsNull = None
    country: Country = None


class BillingConfigurationChange(Shape):
    """The billing settings to change, and the link to a payment provider (customers.md 2.7)."""

    invoice_grace_period: Days = None
    subscription_invoice_issuing_date_anchor: Annotated[
        str | None, _choice(BillingEntity.IssuingDateAnchor.values)
    ] = None
    subscription_invoice_issuing_date_adjustment: Annotated[
        str | None, _choice(BillingEntity.IssuingDateAdjustment.values)
    ] = None
    document_locale: Annotated[
        str | None, _choice(values.DOCUMENT_LOCALES, "not_a_valid_language_code")
    ] = None
    payment_provider: Annotated[str | None, _choice(PaymentProvider.Type.values)] = None
    payment_provider_code: Annotated[str | None, PlainValidator(values.code_reference)] = None
    provider_customer_id: Annotated[str | None, PlainValidator(_provider_customer_id)] = None
    sync: Flag = False
    sync_with_provider: Flag = False
    provider_payment_methods: Annotated[list[str] | None, PlainValidator(_payment_methods)] = None


class MetadataItem(Shape):
    """One entry of the wanted metadata."""

    id: OwnId = None
    key: Annotated[str, PlainValidator(values.required_text(METADATA_KEY_LENGTH))] = ""
    value: Annotated[str, PlainValidator(values.required_text(METADATA_VALUE_LENGTH))] = ""
    display_in_invoice: Flag = False


class IntegrationCustomerChange(Shape):
    """One wanted link to an integration (customers.md 2.10)."""

    id: OwnId = None
    integration_type: Annotated[str | None, _choice(Integration.Type.values)] = None
    integration_code: Annotated[str | None, PlainValidator(values.code_reference)] = None
    external_customer_id: BlankIsNull = None
    sync_with_provider: Flag = False
    subsidiary_id: Text = None
    targeted_object: Annotated[str | None, _choice(IntegrationLink.TargetedObject.values)] = None


@dataclass(slots=True)
class _Beside:
    """What is known or was said of a wish beside what it holds."""

    problems: Problems = field(default_factory=Problems)
    identity: Identity | None = None
    remote_ids: Mapping[str, str] | None = None
    version: int | None = None
    gone: Sequence[str] | None = None

    def row(self) -> dict[str, Any]:
        """Return what was said as the writer takes it."""
        row: dict[str, Any] = {}
        if self.identity is not None:
            row["identity"] = self.identity.row()
        if self.remote_ids is not None:
            row |= {"integrations": [], "remote_ids": self.remote_ids}
        if self.version is not None:
            row["version"] = self.version
        if self.gone is not None:
            row["gone_metadata"] = self.gone
        return row


class CustomerChange(Shape):
    """A wish to change one customer: an absent key leaves a value alone, None clears it."""

    external_id: Annotated[str, PlainValidator(values.external_id)]
    billing_entity_code: Annotated[str | None, PlainValidator(values.code_reference)] = None
    account_type: Annotated[str, PlainValidator(_account_type)] = "customer"
    customer_type: Annotated[
        str | None, _choice(Customer.CustomerType.values, empty_is_null=True)
    ] = None
    name: Text = None
    firstname: Text = None
    lastname: Text = None
    legal_name: Text = None
    legal_number: Text = None
    tax_identification_number: BlankIsNull = None
    email: Annotated[str | None, PlainValidator(values.email_list)] = None
    phone: Text = None
    url: Url = None
    logo_url: Url = None
    country: Country = None
    address_line1: Line = None
    address_line2: Line = None
    city: BlankIsNull = None
    state: BlankIsNull = None
    zipcode: BlankIsNull = None
    shipping_address: ShippingAddressChange | None = None
    currency: Annotated[str | None, _choice(values.CURRENCIES)] = None
    timezone: Annotated[str | None, _choice(values.TIMEZONES, "invalid_timezone")] = None
    net_payment_term: Days = None
    external_salesforce_id: Text = None
    finalize_zero_amount_invoice: Annotated[
        str,
        PlainValidator(
            _kept(
                values.one_of(tuple(Customer.FinalizeZeroAmountInvoice.values), "invalid_value"),
                "inherit",
            )
        ),
    ] = "inherit"
    skip_invoice_custom_sections: Annotated[bool | None, PlainValidator(values.boolean)] = None
    invoice_custom_section_codes: Codes = None
    tax_codes: Codes = None
    metadata: list[MetadataItem] | None = None
    integration_customers: list[IntegrationCustomerChange] | None = None
    billing_configuration: BillingConfigurationChange | None = None

    # In one, since each costs an import as much as reading a value does.
    _beside: _Beside = PrivateAttr(default_factory=_Beside)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Return the wish in `data`, together with the problems of its shape.

        The problems are not raised here: the writer adds those that only the database knows, so
        that the caller learns of all at once.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            change = cls._read_rest(data, error)
            change._beside.problems = find_problems(error)
            return change

    @classmethod
    def _read_rest(cls, data: Mapping[str, Any], error: ValidationError) -> Self:
        """Return what is left when the failed parts are taken out."""
        rest = _mutable(data)
        for detail in error_details(error):
            _take_out(rest, detail["loc"])
        if "integration_customers" in rest:
            rest["integration_customers"] = _present(rest["integration_customers"])
        if "external_id" in rest:
            return cls.model_validate(rest)
        change = cls.model_validate({**rest, "external_id": "?"})
        change.external_id = values.NO_SUCH_CODE
        return change

    def keeping(self, identity: Identity) -> Self:
        """Return the wish for a copy of a customer of another system."""
        self._beside.identity = identity
        return self

    @classmethod
    def naming(cls, external_id: str, link_id: UUID, remote_id: str) -> Self:
        """Return the wish to keep what an integration calls a customer.

        Of all its links only this one is touched, and only if it still waits for an id.
        """
        change = cls(external_id=external_id)
        change._beside.remote_ids = {str(link_id): remote_id}
        return change

    def expecting(self, version: int) -> Self:
        """Return the wish for a customer of this version, 0 for one that is still to come."""
        self._beside.version = version
        return self

    def laid_over(self, gone: Sequence[str]) -> Self:
        """Return the wish with its metadata beside what is stored, but for the keys `gone`."""
        self._beside.gone = gone
        return self

    @property
    def problems(self) -> Problems:
        """Return the problems of the shape and of rules that need nothing but the wish."""
        problems = self._beside.problems
        if self.metadata is not None and len(self.metadata) > METADATA_MAX:
            problems.add("metadata", "invalid_count")
        if self.skip_invoice_custom_sections and self.invoice_custom_section_codes is not None:
            problems.add("invoice_custom_sections", "skip_sections_and_selected_ids_sent_together")
        return problems

    def row(self) -> dict[str, Any]:
        """Return the wish as the writer takes it: keyed by part, holding only what was sent."""
        row: dict[str, Any] = {"external_id": self.external_id, "fields": self.sent(_FIELDS)}
        self._add_sections(row)
        if self.billing_entity_code is not None:
            row["entity"] = self.billing_entity_code
        if self.shipping_address is not None:
            row["shipping"] = self.shipping_address.sent()
        if self.tax_codes is not None:
            row["taxes"] = self.tax_codes
        if self.metadata is not None:
            row["metadata"] = [item.sent() for item in self.metadata]
        if self.integration_customers is not None:
            row["integrations"] = [item.sent() for item in self.integration_customers]
        if self.billing_configuration is not None:
            self._add_configuration(row, self.billing_configuration)
        return row | self._beside.row()

    def _add_sections(self, row: dict[str, Any]) -> None:
        """Settle what skipping and selecting mean together (customers.md 2.11)."""
        if self.invoice_custom_section_codes is not None:
            row["sections"] = self.invoice_custom_section_codes
            row["fields"]["skip_invoice_custom_sections"] = False
        elif self.skip_invoice_custom_sections is not None:
            row["fields"]["skip_invoice_custom_sections"] = self.skip_invoice_custom_sections
            if self.skip_invoice_custom_sections:
                row["sections"] = []

    def _add_configuration(self, row: dict[str, Any], wish: BillingConfigurationChange) -> None:
        row["configuration"] = wish.sent(CONFIGURATION)
        provider = wish.sent(_PROVIDER)
        if wish.payment_provider_code is not None:
            provider["code"] = wish.payment_provider_code
        if wish.provider_customer_id and values.is_card_number(wish.provider_customer_id):
            provider["card"] = True
        if wish.provider_payment_methods:
            provider["methods"] = wish.provider_payment_methods
            provider["refused_methods"] = _refuse_methods(wish.provider_payment_methods)
        if provider:
            row["provider"] = provider


_STRUCTURED = {
    "external_id",
    "billing_entity_code",
    "shipping_address",
    "skip_invoice_custom_sections",
    "invoice_custom_section_codes",
    "tax_codes",
    "metadata",
    "integration_customers",
    "billing_configuration",
}
_FIELDS = frozenset(CustomerChange.model_fields.keys() - _STRUCTURED)
CONFIGURATION = frozenset(
    {
        "invoice_grace_period",
        "subscription_invoice_issuing_date_anchor",
        "subscription_invoice_issuing_date_adjustment",
        "document_locale",
    }
)
_PROVIDER = frozenset({"payment_provider", "provider_customer_id", "sync", "sync_with_provider"})
KNOWN_KEYS = frozenset(CustomerChange.model_fields)

_METHODS = frozenset(ProviderLink.PaymentMethod.values)


def _refuse_methods(methods: list[str]) -> list[str]:
    """Return the codes of the rules these Stripe payment methods break; [] when none."""
    codes = []
    if not _METHODS.issuperset(methods):
        codes.append("value_is_invalid")
    if "link" in methods and "card" not in methods:
        codes.append("value_is_invalid")
    if "customer_balance" in methods and set(methods) != {"customer_balance"}:
        codes.append("customer_balance cannot be combined with other payment methods")
    return codes


def _mutable(value: Any) -> Any:
    """Return a copy whose mappings and lists can lose parts."""
    if isinstance(value, Mapping):
        return {key: _mutable(part) for key, part in value.items()}
    return [_mutable(part) for part in value] if isinstance(value, list) else value


def _present(items: list[Any] | None) -> list[Any] | None:
    return None if items is None else [item for item in items if item is not None]


def _take_out(data: dict[str, Any], place: tuple[int | str, ...]) -> None:
    """Remove the part at `place`, and what can't be judged without it."""
    top, *path = place
    if not path:
        data.pop(str(top), None)
    elif isinstance(path[0], int):
        _take_out_of_list(data, str(top), path[0], path[1:])
    elif path[0] == "payment_provider":
        data[str(top)] = {k: v for k, v in data[str(top)].items() if k in CONFIGURATION}
    else:
        data[str(top)].pop(str(path[0]), None)


def _take_out_of_list(
    data: dict[str, Any], name: str, position: int, path: list[int | str]
) -> None:
    """Remove a failed part of a list; the other items are judged as if it had been fine."""
    if not path:
        data.pop(name, None)
    elif name not in data or data[name][position] is None:
        return
    elif path[0] in ("key", "value"):
        # Collides with no other item, and lets none look as if it lacked something.
        data[name][position][path[0]] = f"{values.NO_SUCH_CODE}{position}"
    elif path[0] in ("integration_type", "integration_code"):
        data[name][position] = None
    else:
        data[name][position].pop(path[0], None)
