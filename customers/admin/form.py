"""The form of a customer: shows one, and carries what a person edited to the writer."""

from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
)

from billing.errors import Refusal, Stale
from billing.models import (
    BillingEntity,
    InvoiceCustomSection,
    Organization,
    PaymentProvider,
    Tax,
)
from billing.staff.forms import WishForm, organization_choice, switch, text
from billing.staff.sentences import sentence
from billing.values import COUNTRIES, CURRENCIES, DOCUMENT_LOCALES, TIMEZONES
from customers.admin.values import (
    ADDRESS,
    CONFIGURATION,
    PLAIN,
    PROVIDER,
    metadata_fields,
    values_of,
)
from customers.change import CustomerChange
from customers.models import (
    METADATA_KEY_LENGTH,
    METADATA_MAX,
    METADATA_VALUE_LENGTH,
    Customer,
    ProviderLink,
)
from customers.write import Precondition, write_customer

INHERITED = "as the billing entity"
NONE = "none"


class Choice(forms.ChoiceField):
    """One of a few values, or none."""

    def __init__(
        self, label: str, choices: Any, none: str | None = NONE, help_text: str = ""
    ) -> None:
        found = list(choices)
        widget = UnfoldAdminSelectWidget if len(found) <= 10 else UnfoldAdminSelect2Widget
        if none is not None:
            found = [("", none), *found]
        super().__init__(
            label=label, choices=found, required=False, widget=widget, help_text=help_text
        )

    def clean(self, value: Any) -> Any:
        """Return the chosen value, None for none."""
        return super().clean(value) or None


class Several(forms.MultipleChoiceField):
    """Any of some values."""

    def __init__(self, label: str, widget: Any, choices: Any = (), help_text: str = "") -> None:
        super().__init__(
            label=label, choices=choices, required=False, widget=widget, help_text=help_text
        )


def _same(values: Any) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


class NewCustomerForm(WishForm):
    """What is asked for at first; the rest follows once the customer is there."""

    shown_at: ClassVar[dict[str, str]] = {}

    organization = organization_choice()
    external_id = text("External id", "What programs call the customer by; it never changes.")
    name = text("Name")
    legal_name = text("Legal name")
    email = text("E-mail", "Several addresses with commas between.")
    country = Choice("Country", _same(COUNTRIES))
    tax_identification_number = text("Tax number")
    currency = Choice("Currency", _same(CURRENCIES))
    reason = text("Reason", "Kept in the history with this change.")

    def write(self, wish: dict[str, Any]) -> None:
        """Create the customer, and nothing if it is there."""
        organization: Organization = self.cleaned_data["organization"]
        change = CustomerChange.read(wish)
        actor = self.actor.because(self.cleaned_data["reason"])
        only_new = Precondition(create_only=True)
        outcome = write_customer(organization.pk, change, actor, only_new)
        self.instance = Customer.objects.get(pk=outcome.customer_id)

    def show(self, refusal: Refusal) -> None:
        """Name the customer that is in the way."""
        if not isinstance(refusal, Stale):
            super().show(refusal)
            return
        wanted = self.cleaned_data["external_id"]
        found = Customer.objects.kept().filter(
            organization=self.cleaned_data["organization"], external_id=wanted
        )
        owner = next((str(customer) for customer in found), "another customer")
        words = f"“{wanted}” already belongs to {owner}. Open it, or use another id."
        self.add_error("external_id", words)


class CustomerForm(WishForm):
    """A customer as finance staff edit it."""

    shown_at: ClassVar[dict[str, str]] = {
        "base": "connection",
        "payment_provider": "connection",
        "payment_provider_code": "connection",
        "billing_entity": "billing_entity_code",
        "tax": "tax_codes",
        "invoice_custom_sections": "invoice_custom_section_codes",
    }

    name = text("Name")
    legal_name = text("Legal name")
    firstname = text("First name")
    lastname = text("Last name")
    account_type = Choice("Kind of account", Customer.AccountType.choices, none=None)
    customer_type = Choice("Company or person", Customer.CustomerType.choices)
    email = text("E-mail", "Several addresses with commas between.")
    phone = text("Phone")
    url = text("Web site")
    logo_url = text("Address of the logo")
    billing_entity_code = Choice("Billing entity", (), none=None)
    external_salesforce_id = text("Salesforce id")
    legal_number = text("Registration number")
    tax_identification_number = text("Tax number")
    tax_codes = Several(
        "Taxes", UnfoldAdminSelect2MultipleWidget, (), "None: those of the billing entity."
    )
    country = Choice("Country", _same(COUNTRIES))
    address_line1 = text("Street")
    address_line2 = text("Street, second line")
    zipcode = text("Postcode")
    city = text("City")
    state = text("State or region")
    shipping_country = Choice("Country", _same(COUNTRIES))
    shipping_address_line1 = text("Street")
    shipping_address_line2 = text("Street, second line")
    shipping_zipcode = text("Postcode")
    shipping_city = text("City")
    shipping_state = text("State or region")
    currency = Choice("Currency", _same(CURRENCIES))
    timezone = Choice("Time zone", _same(TIMEZONES), INHERITED)
    net_payment_term = text("Days to pay", f"Empty: {INHERITED}.")
    invoice_grace_period = text("Days of grace before an invoice is final", f"Empty: {INHERITED}.")
    finalize_zero_amount_invoice = Choice(
        "Invoices over nothing", Customer.FinalizeZeroAmountInvoice.choices, none=None
    )
    document_locale = Choice("Language of documents", _same(DOCUMENT_LOCALES), INHERITED)
    subscription_invoice_issuing_date_anchor = Choice(
        "Invoices are dated by", BillingEntity.IssuingDateAnchor.choices, INHERITED
    )
    subscription_invoice_issuing_date_adjustment = Choice(
        "The date is adjusted", BillingEntity.IssuingDateAdjustment.choices, INHERITED
    )
    skip_invoice_custom_sections = switch(
        "No sections on invoices", "Switching this on clears the choice below."
    )
    invoice_custom_section_codes = Several(
        "Sections on invoices",
        UnfoldAdminSelect2MultipleWidget,
        (),
        "None: those of the billing entity. Choosing switches the line above off.",
    )
    connection = Choice("Payment provider", (), help_text="Another connection clears the id.")
    provider_customer_id = text("Customer id at the provider")
    sync_with_provider = switch("Create the customer at the provider")
    sync = switch("Create it before the answer")
    provider_payment_methods = Several(
        "Payment methods",
        UnfoldAdminCheckboxSelectMultipleWidget,
        ProviderLink.PaymentMethod.choices,
        "Stripe only.",
    )
    reason = text("Reason", "Kept in the history with this change.")

    def __init__(self, data: QueryDict | None = None, files: Any = None, **options: Any) -> None:
        super().__init__(data, files, **options)
        self._offer_choices()

    def _offer_choices(self) -> None:
        """Offer what the organization has, and what the customer has of what is gone."""
        customer: Any = self.instance
        of_tenant = {"organization_id": customer.organization_id}
        entities = BillingEntity.objects.filter(**of_tenant).order_by("name")
        offered: dict[str, Any] = {
            "billing_entity_code": [
                (entity.code, entity.name)
                for entity in entities
                if entity.archived_at is None or entity.pk == customer.billing_entity_id
            ],
            "tax_codes": Tax.objects.kept().filter(**of_tenant),
            "invoice_custom_section_codes": InvoiceCustomSection.objects.kept().filter(**of_tenant),
            "connection": PaymentProvider.objects.filter(**of_tenant).order_by("type", "code"),
        }
        for name, found in offered.items():
            if not isinstance(found, list):
                found = [(row.code, str(row)) for row in found.order_by("name")]
            field: Any = self.fields[name]
            field.choices = [("", NONE), *found] if name == "connection" else found

    def read(self, instance: Customer) -> dict[str, Any]:
        """Return the customer's values by field."""
        return values_of(instance)

    def wish(self) -> dict[str, Any]:
        """Return what was edited, as it would stand on the wire."""
        edited, values = set(self.edited()), self.cleaned_data
        wish = {name: values[name] for name in PLAIN if name in edited}
        for name in ("billing_entity_code", "tax_codes", "invoice_custom_section_codes"):
            if name in edited:
                wish[name] = values[name]
        shipping = {
            name: values[f"shipping_{name}"] for name in ADDRESS if f"shipping_{name}" in edited
        }
        configuration = {name: values[name] for name in CONFIGURATION + PROVIDER if name in edited}
        if "connection" in edited:
            configuration |= self._connection()
        if any(name.startswith("metadata_") for name in edited):
            wish["metadata"] = self._metadata()
        parts = {"shipping_address": shipping, "billing_configuration": configuration}
        return wish | {name: part for name, part in parts.items() if part}

    def _connection(self) -> dict[str, Any]:
        code = self.cleaned_data["connection"]
        if code is None:
            return {"payment_provider": None}
        customer: Any = self.instance
        found = PaymentProvider.objects.filter(organization_id=customer.organization_id, code=code)
        kind = found.values_list("type", flat=True).first()
        return {"payment_provider": kind, "payment_provider_code": code}

    def _metadata(self) -> list[dict[str, Any]]:
        """Return the notes that are not empty, each with the id it was shown with."""
        ids = dict(enumerate(self.initial.get("metadata_ids", []), start=1))
        found = []
        for position in range(1, METADATA_MAX + 1):
            key, value, display = (self.cleaned_data[name] for name in metadata_fields(position))
            if key or value:
                own = {"id": ids[position]} if position in ids else {}
                found.append({**own, "key": key, "value": value, "display_in_invoice": display})
        return found

    def write(self, wish: dict[str, Any]) -> None:
        """Change the customer, unless it is another one than the person saw."""
        customer: Any = self.instance
        change = CustomerChange.read({"external_id": customer.external_id, **wish})
        actor = self.actor.because(self.cleaned_data["reason"])
        as_seen = Precondition(if_match=(str(self.initial.get("tag")),))
        write_customer(customer.organization_id, change, actor, as_seen)
        customer.refresh_from_db()

    def show_problem(self, name: str, code: str) -> None:
        """Put a problem of the notes at the notes it is about."""
        if name in ("key", "value", "id", "display_in_invoice", "metadata"):
            self._show_note_problem(name, code)
        else:
            super().show_problem(name, code)

    def _show_note_problem(self, name: str, code: str) -> None:
        part = 1 if name == "value" else 0
        fields = [metadata_fields(position)[part] for position in range(1, METADATA_MAX + 1)]
        values = [self.cleaned_data.get(field) for field in fields]
        about = [
            field
            for field, value, note in zip(fields, values, self._notes(), strict=True)
            if any(note) and _breaks(code, value, values)
        ]
        for field in about or fields[:1]:
            word = "metadata" if name == "metadata" else f"metadata_{name}"
            self.add_error(field, sentence(word, code, self.cleaned_data.get(field)))

    def _notes(self) -> list[tuple[Any, Any]]:
        found = []
        for position in range(1, METADATA_MAX + 1):
            key, value, _ = metadata_fields(position)
            found.append((self.cleaned_data.get(key), self.cleaned_data.get(value)))
        return found

    def merge(self) -> None:
        """Show theirs beside mine, or say that the customer is gone."""
        self.instance.refresh_from_db()
        if self.instance.deleted_at is None:  # type: ignore[attr-defined]  # a customer
            super().merge()
        else:
            self.add_error(None, "Somebody else deleted this customer. Nothing was saved.")

    def carry_over(self, theirs: dict[str, Any]) -> dict[str, Any]:
        """Keep my notes tied to those entries that are still there."""
        if not any(name.startswith("metadata_") for name in self.edited()):
            return theirs
        kept = set(theirs["metadata_ids"])
        mine = [own if own in kept else "" for own in self.initial.get("metadata_ids", [])]
        return theirs | {"metadata_ids": mine}


for _position in range(1, METADATA_MAX + 1):
    _key, _value, _display = metadata_fields(_position)
    CustomerForm.base_fields[_key] = text(f"Note {_position}", max_length=METADATA_KEY_LENGTH)
    CustomerForm.base_fields[_value] = text("says", max_length=METADATA_VALUE_LENGTH)
    CustomerForm.base_fields[_display] = switch("printed on invoices")


def _breaks(code: str, value: str | None, values: list[str | None]) -> bool:
    """Return whether a note's value is one that the problem is about."""
    if code == "value_is_mandatory":
        return not value or value.isspace()
    return code != "value_already_exist" or values.count(value) > 1
