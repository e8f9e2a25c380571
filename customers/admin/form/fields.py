"""The fields of a customer: what they offer, and what they are called where the customer is."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from billing.models import (
    BillingEntity,
    Integration,
    InvoiceCustomSection,
    PaymentProvider,
    Tax,
)
from billing.staff.choices import (
    NONE,
    Choice,
    Several,
    countries,
    currencies,
    languages,
    timezones,
)
from billing.staff.forms import Text, WishForm
from customers.addresses import address_form
from customers.admin.fields import INHERITED, worded
from customers.admin.values import ADDRESS, integration_fields, metadata_fields, path_of
from customers.countries import country_numbers
from customers.models import (
    METADATA_KEY_LENGTH,
    METADATA_MAX,
    METADATA_VALUE_LENGTH,
    Customer,
    IntegrationLink,
    ProviderLink,
)
from customers.providers.adapter import adapter_class
from customers.review import handed_down
from customers.words import LABELS, brand, shown


def line(label: Any, help_text: Any = "", **options: Any) -> Text:
    """Return a field of one line."""
    return Text(label=label, help_text=help_text, **options)


def days(label: Any) -> Text:
    """Return a field for a number of days."""
    return line(label, widget=forms.TextInput(attrs={"inputmode": "numeric"}))


def tick(label: Any, help_text: Any = "") -> forms.BooleanField:
    """Return a box to tick."""
    return forms.BooleanField(label=label, help_text=help_text, required=False)


def _label(path: str) -> Any:
    return LABELS[path]


def _setting(name: str) -> Any:
    return LABELS[f"billing_configuration.{name}"]


class CustomerFields(WishForm):
    """Every field of a customer, as its organization, country and billing entity have it."""

    country = Choice(lazy("Country"), countries)
    customer_type = Choice(
        _label("customer_type"), worded("customer_type", Customer.CustomerType.values)
    )
    legal_name = line(_label("legal_name"))
    name = line(_label("name"))
    firstname = line(_label("firstname"))
    lastname = line(_label("lastname"))
    email = line(_label("email"), lazy("Several addresses with commas between."))
    phone = line(_label("phone"), widget=forms.TextInput(attrs={"type": "tel"}))
    url = line(_label("url"))
    logo_url = line(_label("logo_url"), lazy("The address of a picture."))
    account_type = Choice(
        _label("account_type"), worded("account_type", Customer.AccountType.values), none=None
    )
    billing_entity_code = Choice(_label("billing_entity_code"), (), none=None)
    external_salesforce_id = line(_label("external_salesforce_id"))
    address_line1 = line("")
    address_line2 = line("")
    zipcode = line("")
    city = line("")
    state = line("")
    shipping_country = Choice(lazy("Country"), countries)
    shipping_address_line1 = line("")
    shipping_address_line2 = line("")
    shipping_zipcode = line("")
    shipping_city = line("")
    shipping_state = line("")
    tax_identification_number = line("")
    legal_number = line("")
    tax_codes = Several(_label("tax_codes"))
    currency = Choice(_label("currency"), currencies)
    timezone = Choice(_label("timezone"), timezones, INHERITED)
    net_payment_term = days(lazy("Days to pay"))
    invoice_grace_period = days(lazy("Days of grace before an invoice is final"))
    document_locale = Choice(_setting("document_locale"), languages, INHERITED)
    finalize_zero_amount_invoice = Choice(
        _label("finalize_zero_amount_invoice"),
        worded("finalize_zero_amount_invoice", Customer.FinalizeZeroAmountInvoice.values),
        none=None,
    )
    subscription_invoice_issuing_date_anchor = Choice(
        _setting("subscription_invoice_issuing_date_anchor"),
        worded("subscription_invoice_issuing_date_anchor", BillingEntity.IssuingDateAnchor.values),
        INHERITED,
    )
    subscription_invoice_issuing_date_adjustment = Choice(
        _setting("subscription_invoice_issuing_date_adjustment"),
        worded(
            "subscription_invoice_issuing_date_adjustment",
            BillingEntity.IssuingDateAdjustment.values,
        ),
        INHERITED,
    )
    skip_invoice_custom_sections = tick(
        _label("skip_invoice_custom_sections"), lazy("Ticking this clears the choice below.")
    )
    invoice_custom_section_codes = Several(
        _label("invoice_custom_section_codes"),
        help_text=lazy("None: those of the billing entity. Choosing one unticks the line above."),
    )
    connection = Choice(
        lazy("Payment provider"), (), help_text=lazy("Another connection clears the id.")
    )
    provider_customer_id = line(_setting("provider_customer_id"))
    sync_with_provider = tick(_setting("sync_with_provider"))
    sync = tick(_setting("sync"))
    provider_payment_methods = Several(
        _setting("provider_payment_methods"),
        [
            (method, ", ".join(shown("billing_configuration.provider_payment_methods", [method])))
            for method in ProviderLink.PaymentMethod.values
        ],
        lazy("For Stripe alone."),
    )
    reason = line(lazy("Reason"), lazy("Kept in the history with this change."))

    def __init__(self, data: QueryDict | None = None, files: Any = None, **options: Any) -> None:
        super().__init__(data, files, **options)
        self.entity_names: dict[str, str] = {}
        self._offer_choices()
        self._speak_of_country()
        self._speak_of_billing_entity()

    # --- What it shows --------------------------------------------------------------------------

    def _offer_choices(self) -> None:
        """Offer what the organization has, and what the customer has of what is gone."""
        customer: Any = self.instance
        tenant = customer.organization_id
        entities = BillingEntity.objects.filter(organization_id=tenant).order_by("name")
        taxes = Tax.objects.kept().filter(organization_id=tenant).order_by("name")
        sections = InvoiceCustomSection.objects.kept().filter(organization_id=tenant)
        self.entity_names = {
            entity.code: entity.name
            for entity in entities.only("code", "name", "archived_at")
            if entity.archived_at is None or entity.pk == customer.billing_entity_id
        }
        self._offer("billing_entity_code", list(self.entity_names.items()))
        self._offer("tax_codes", [(tax.code, str(tax)) for tax in taxes])
        self._offer(
            "invoice_custom_section_codes",
            [(section.code, str(section)) for section in sections.order_by("name")],
        )
        providers = PaymentProvider.objects.filter(organization_id=tenant).order_by("type", "code")
        self._offer("connection", [("", NONE), *((one.code, str(one)) for one in providers)])
        self._offer_integrations(
            Integration.objects.filter(organization_id=tenant).order_by("type", "code")
        )

    def _offer(self, name: str, choices: list[Any]) -> None:
        field: Any = self.fields[name]
        field.choices = choices
        if len(choices) > 10 and isinstance(field, Choice):
            field.widget.attrs["data-combobox"] = ""

    def _offer_integrations(self, integrations: Any) -> None:
        """Add fields for the link to an integration of each type that the organization has."""
        by_type: dict[str, list[tuple[str, str]]] = {}
        for one in integrations:
            by_type.setdefault(one.type, []).append((one.code, str(one)))
        self.integration_types = list(by_type)
        for kind, offered in by_type.items():
            made = _integration_parts(kind, offered)
            self.fields.update(
                {name: made[part] for part, name in integration_fields(kind).items()}
            )

    def _speak_of_country(self) -> None:
        """Name the parts of the addresses and the numbers as the countries do."""
        country = self._typed("country")
        numbers = country_numbers(country)
        for name, number in (
            ("tax_identification_number", numbers.tax),
            ("legal_number", numbers.legal),
        ):
            self.fields[name].label = str(number.label)
            self.fields[name].help_text = example(number.example)
        for prefix, place in (("", country), ("shipping_", self._typed("shipping_country"))):
            form = address_form(place)
            for part in ADDRESS:
                field = self.fields[prefix + part]
                field.label = str(form.labels[part])
                field.help_text = example(form.examples.get(part))

    def _speak_of_billing_entity(self) -> None:
        """Say under each field what applies while it is empty."""
        entity = self._typed("billing_entity_code")
        if entity not in self.entity_names:
            return
        words = handed_down(self.instance.organization_id, entity)  # type: ignore[attr-defined]
        for name in self.fields:
            inherited = words.get(path_of(name))
            if inherited:
                self.fields[name].help_text = _("Empty: as %(entity)s has it, %(value)s.") % {
                    "entity": self.entity_names[entity],
                    "value": inherited,
                }

    def _typed(self, name: str) -> str | None:
        value = self.data.get(name) if self.is_bound else self.initial.get(name)
        return value or None


for _position in range(1, METADATA_MAX + 1):
    _key, _value, _display = metadata_fields(_position)
    CustomerFields.base_fields |= {
        _key: line(lazy("Name"), max_length=METADATA_KEY_LENGTH),
        _value: line(lazy("Value"), max_length=METADATA_VALUE_LENGTH),
        _display: tick(lazy("Printed on invoices")),
    }


def _integration_parts(kind: str, offered: list[tuple[str, str]]) -> dict[str, forms.Field]:
    """Return the fields for a link to an integration, by what they hold."""
    return {
        "code": Choice(brand(kind), offered, help_text=lazy("Another connection clears the id.")),
        "external_customer_id": line(lazy("Customer id there")),
        "sync_with_provider": tick(
            lazy("Create there") if adapter_class(kind) else lazy("Linked without an id")
        ),
        "subsidiary_id": line(lazy("Subsidiary")),
        "targeted_object": Choice(lazy("Created as"), IntegrationLink.TargetedObject.choices),
    }


def example(words: str | None) -> str:
    """Return the hint that shows an example, "" for none."""
    return _("For example %(example)s") % {"example": words} if words else ""
