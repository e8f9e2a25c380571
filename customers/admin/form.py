"""The form of a customer: shows one, and carries what a person edited to the writer."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.db import transaction
from django.forms.utils import ErrorDict
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from billing.errors import Refusal, Stale
from billing.events.actor import Actor
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
from billing.staff.forms import Text, WishForm, put_value
from billing.staff.sentences import sentence
from customers.addresses import address_form
from customers.admin.fields import INHERITED, worded
from customers.admin.values import (
    ADDRESS,
    CONFIGURATION,
    PLAIN,
    PROVIDER,
    integration_fields,
    metadata_fields,
    path_of,
    values_of,
)
from customers.change import CustomerChange
from customers.countries import country_numbers
from customers.models import (
    METADATA_KEY_LENGTH,
    METADATA_MAX,
    METADATA_VALUE_LENGTH,
    Customer,
    IntegrationLink,
    ProviderLink,
)
from customers.review import handed_down
from customers.words import LABELS, brand, shown
from customers.write import Outcome, Precondition, write_customer

_CODES = ("billing_entity_code", "tax_codes", "invoice_custom_section_codes")


class Clash(NamedTuple):
    """A unit of the form that somebody else changed meanwhile: one field, or several as one.

    :param name: the field, or the word that the names of its fields begin with.
    """

    name: str
    fields: list[str]


class Conflict(NamedTuple):
    """What others changed while the form was open.

    :param both: what the person had edited as well.
    :param taken: what only they changed; it is in the form now.
    """

    both: list[Clash]
    taken: list[Clash]


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


class CustomerForm(WishForm):
    """A customer as finance staff edit it.

    Validating rehearses the wish: the writer judges it and nothing stays. `outcome` then says what
    saving would do; `conflict` is set if somebody else was faster.
    """

    own_fields: ClassVar[frozenset[str]] = frozenset({"seen", "reason"})
    shown_at: ClassVar[Mapping[str, str]] = {
        "base": "connection",
        "payment_provider": "connection",
        "payment_provider_code": "connection",
        "billing_entity": "billing_entity_code",
        "tax": "tax_codes",
        "invoice_custom_sections": "invoice_custom_section_codes",
        "integration": "integration_customers",
    }

    outcome: Outcome | None = None
    conflict: Conflict | None = None
    # Of a conflict: the values by field as they are now, and as they were seen.
    theirs: Mapping[str, Any] = {}
    seen_before: Mapping[str, Any] = {}

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

    def read(self, instance: Customer) -> dict[str, Any]:
        """Return the customer's values by field."""
        return values_of(instance)

    def typed(self) -> dict[str, Any]:
        """Return what stands in the fields now, by field."""
        return {bound.name: bound.value() for bound in self}

    def leave_unjudged(self) -> None:
        """Have the form show what was typed as it is: nothing is checked, nothing taken over."""
        self._errors = ErrorDict()
        self.cleaned_data = {}

    # --- What is wished for ---------------------------------------------------------------------

    def wish(self) -> dict[str, Any]:
        """Return what was edited, as it would stand on the wire."""
        edited, values = set(self.edited()), self.cleaned_data
        wish = {name: values[name] for name in (*PLAIN, *_CODES) if name in edited}
        shipping = {
            name: values[f"shipping_{name}"] for name in ADDRESS if f"shipping_{name}" in edited
        }
        configuration = {name: values[name] for name in CONFIGURATION + PROVIDER if name in edited}
        if "connection" in edited:
            configuration |= self._connection()
        if any(name.startswith("metadata_") for name in edited):
            wish["metadata"] = self._metadata()
        if any(name.startswith("integration_") for name in edited):
            wish["integration_customers"] = self._integrations()
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

    def _integrations(self) -> list[dict[str, Any]]:
        """Return every link that is wanted; types without a connection chosen lose theirs."""
        found, edited = [], set(self.edited())
        for kind in self.integration_types:
            names = integration_fields(kind)
            item = {part: self.cleaned_data[name] for part, name in names.items()}
            code = item.pop("code")
            # An id that is sent settles whether to synchronize; one that is not sent stays.
            if names["external_customer_id"] not in edited:
                item.pop("external_customer_id")
            if code is not None:
                found.append({"integration_type": kind, "integration_code": code, **item})
        return found

    # --- How it is written ----------------------------------------------------------------------

    def write(self, wish: dict[str, Any]) -> None:
        """Have the writer judge the wish, and keep nothing of it.

        :raises Refusal: as saving it would.
        """
        with transaction.atomic():
            self.outcome = self._send(wish, self.actor)
            transaction.set_rollback(True)

    def save_as(self, actor: Actor) -> Outcome:
        """Write what was edited.

        :raises Refusal: if a rule forbids it, or somebody else was faster.
        """
        return self._send(self.wish(), actor)

    def _send(self, wish: dict[str, Any], actor: Actor) -> Outcome:
        customer: Any = self.instance
        change = CustomerChange.read({"external_id": customer.external_id, **wish})
        as_seen = Precondition(if_match=(str(self.initial.get("tag")),))
        return write_customer(customer.organization_id, change, actor, as_seen)

    # --- What is wrong with it ------------------------------------------------------------------

    def add_error(self, field: str | None, error: Any) -> None:
        """Show the problem at its field, or above the form if the field is not on it."""
        super().add_error(field if field in self.fields else None, error)

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
            key, value, _display = metadata_fields(position)
            found.append((self.cleaned_data.get(key), self.cleaned_data.get(value)))
        return found

    # --- Somebody else was faster ---------------------------------------------------------------

    def merge(self) -> None:
        """Take over what only others changed, and keep apart what both changed."""
        customer: Any = self.instance
        customer.refresh_from_db()
        if customer.deleted_at is not None:
            self.add_error(None, _("Somebody else deleted this customer. Nothing was saved."))
            return
        theirs, mine = self.read(customer), set(self.edited())
        self.conflict = Conflict([], [])
        data: Any = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict: it is bound
        for clash in self._clashes(theirs):
            if mine.intersection(clash.fields):
                self.conflict.both.append(clash)
            else:
                self.conflict.taken.append(clash)
                put_values(data, self, clash.fields, theirs)
        self.theirs, self.seen_before = theirs, dict(self.initial)
        data["seen"] = json.dumps(self.carry_over(theirs))
        self.data = data

    def _clashes(self, theirs: dict[str, Any]) -> list[Clash]:
        """Return what is not as it was seen; fields that only make sense together as one."""
        units: dict[str, list[str]] = {}
        for name in self.fields:
            if name not in self.own_fields:
                units.setdefault(unit_of(name), []).append(name)
        return [
            Clash(unit, names)
            for unit, names in units.items()
            if any(self._differs(name, self.initial.get(name), theirs.get(name)) for name in names)
        ]

    def carry_over(self, theirs: dict[str, Any]) -> dict[str, Any]:
        """Keep my notes tied to those entries that are still there."""
        if not any(name.startswith("metadata_") for name in self.edited()):
            return theirs
        kept = set(theirs["metadata_ids"])
        mine = [own if own in kept else "" for own in self.initial.get("metadata_ids", [])]
        return theirs | {"metadata_ids": mine, "metadata_ids_theirs": theirs["metadata_ids"]}

    def take_their_notes(self, data: Any) -> None:
        """Tie the notes of the data to the entries that others left."""
        seen = {**self.initial, "metadata_ids": self.initial.get("metadata_ids_theirs", [])}
        data["seen"] = json.dumps(seen)


class NewCustomerForm(CustomerForm):
    """A customer that is not there yet; only what was filled in is sent."""

    external_id = line(
        lazy("External id"), lazy("What programs call the customer by. It never changes.")
    )
    organization = forms.UUIDField(widget=forms.HiddenInput, required=False)

    own_fields: ClassVar[frozenset[str]] = frozenset(
        {"seen", "reason", "external_id", "organization"}
    )

    def wish(self) -> dict[str, Any]:
        """Return what was filled in, as it would stand on the wire."""
        return {name: value for name, value in super().wish().items() if value is not None}

    def _send(self, wish: dict[str, Any], actor: Actor) -> Outcome:
        customer: Any = self.instance
        change = CustomerChange.read({"external_id": self.cleaned_data["external_id"], **wish})
        only_new = Precondition(create_only=True)
        return write_customer(customer.organization_id, change, actor, only_new)

    def show(self, refusal: Refusal) -> None:
        """Say that the external id is taken; the page says by whom."""
        if isinstance(refusal, Stale):
            self.add_error("external_id", sentence("external_id", "value_already_exist",
                                                   self.cleaned_data["external_id"]))  # fmt: skip
        else:
            super().show(refusal)

    def owner(self) -> Customer | None:
        """Return the customer that has the external id."""
        customer: Any = self.instance
        wanted = self.data.get("external_id", "")
        kept = Customer.objects.kept().filter(organization_id=customer.organization_id)
        return kept.filter(external_id=wanted).first() if wanted else None


for _position in range(1, METADATA_MAX + 1):
    _key, _value, _display = metadata_fields(_position)
    for _made in (CustomerForm, NewCustomerForm):
        _made.base_fields[_key] = line(lazy("Name"), max_length=METADATA_KEY_LENGTH)
        _made.base_fields[_value] = line(lazy("Value"), max_length=METADATA_VALUE_LENGTH)
        _made.base_fields[_display] = tick(lazy("Printed on invoices"))


def _integration_parts(kind: str, offered: list[tuple[str, str]]) -> dict[str, forms.Field]:
    """Return the fields for a link to an integration, by what they hold."""
    return {
        "code": Choice(brand(kind), offered, help_text=lazy("Another connection clears the id.")),
        "external_customer_id": line(lazy("Customer id there")),
        "sync_with_provider": tick(lazy("Create there")),
        "subsidiary_id": line(lazy("Subsidiary")),
        "targeted_object": Choice(lazy("Created as"), IntegrationLink.TargetedObject.choices),
    }


def unit_of(field: str) -> str:
    """Return the unit that a field is decided with: the notes, a provider, an address, itself."""
    if field in PROVIDER:
        return "connection"
    if field in ("skip_invoice_custom_sections", "invoice_custom_section_codes"):
        return "invoice_custom_section_codes"
    return {"metadata": "metadata", "integration": "integration_customers"}.get(
        field.partition("_")[0], field
    )


def put_values(data: Any, form: CustomerForm, names: list[str], values: Mapping[str, Any]) -> None:
    """Set fields in the data of a form, as a browser would have sent them."""
    for name in names:
        put_value(data, name, form.fields[name], values.get(name))


def example(words: str | None) -> str:
    """Return the hint that shows an example, "" for none."""
    return _("For example %(example)s") % {"example": words} if words else ""


def _breaks(code: str, value: str | None, values: list[str | None]) -> bool:
    """Return whether a note's value is one that the problem is about."""
    if code == "value_is_mandatory":
        return not value or value.isspace()
    return code != "value_already_exist" or values.count(value) > 1
