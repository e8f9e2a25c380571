"""The form that says what to change on many customers."""

from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.models import BillingEntity, Organization, Tax
from billing.staff.sentences import sentence
from billing.values import CURRENCIES, INTEGER_MAX
from customers.bulk.edit import Edit, MetadataEdit, Setting, TaxEdit
from customers.models import METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH
from customers.words import percent

LEAVE = ""
Choices = list[tuple[str, str | Promise]]

_SETTING: Choices = [(LEAVE, _("Leave as it is")), ("set", _("Set to")), ("clear", _("Clear"))]
_TAXES: Choices = [
    (LEAVE, _("Leave as they are")),
    ("add", _("Add")),
    ("remove", _("Remove")),
    ("set", _("Replace all with")),
]
_NOTE: Choices = [(LEAVE, _("Leave as it is")), ("set", _("Set")), ("remove", _("Remove"))]


class BulkForm(forms.Form):
    """What to change; each row is left alone until somebody says otherwise."""

    term_how = forms.ChoiceField(choices=_SETTING, required=False, label=_("Payment term"))
    term = forms.IntegerField(
        required=False, min_value=0, max_value=INTEGER_MAX, label=_("Days to pay")
    )
    entity_how = forms.ChoiceField(choices=_SETTING[:2], required=False, label=_("Billing entity"))
    entity = forms.ChoiceField(required=False, label=_("Bill through"))
    currency_how = forms.ChoiceField(choices=_SETTING, required=False, label=_("Currency"))
    currency = forms.CharField(
        required=False,
        label=_("Currency code"),
        widget=forms.TextInput(attrs={"list": "currencies", "autocomplete": "off", "size": 6}),
    )
    taxes_how = forms.ChoiceField(choices=_TAXES, required=False, label=_("Taxes"))
    taxes = forms.MultipleChoiceField(
        required=False, label=_("Which taxes"), widget=forms.CheckboxSelectMultiple
    )
    note_how = forms.ChoiceField(choices=_NOTE, required=False, label=_("Metadata"))
    note_key = forms.CharField(required=False, max_length=METADATA_KEY_LENGTH, label=_("Key"))
    note_value = forms.CharField(required=False, max_length=METADATA_VALUE_LENGTH, label=_("Value"))

    def __init__(self, data: Any = None, *, organization: Organization) -> None:
        super().__init__(data)
        entities = BillingEntity.objects.filter(organization=organization, archived_at=None)
        self._field("entity").choices = [
            (one.code, f"{one.name} ({one.code})") for one in entities.order_by("name")
        ]
        taxes = Tax.objects.kept().filter(organization=organization)
        self._field("taxes").choices = [
            (one.code, f"{one.name} {percent(one.rate)} ({one.code})")
            for one in taxes.order_by("name")
        ]

    @property
    def rows(self) -> list[tuple[forms.BoundField, list[forms.BoundField]]]:
        """Return the lines of the form: how a field changes, and to what."""
        return [
            (self["term_how"], [self["term"]]),
            (self["entity_how"], [self["entity"]]),
            (self["currency_how"], [self["currency"]]),
            (self["taxes_how"], [self["taxes"]]),
            (self["note_how"], [self["note_key"], self["note_value"]]),
        ]

    def clean_currency(self) -> str:
        """Return the code in capitals."""
        typed: str = self.cleaned_data["currency"]
        code = typed.strip().upper()
        if code and code not in CURRENCIES:
            raise forms.ValidationError(sentence("currency", "value_is_invalid", typed))
        return code

    def clean(self) -> None:
        """See that something is asked for, and that it is whole."""
        hows = [name for name in self.fields if name.endswith("_how")]
        if not any(self.cleaned_data.get(name) for name in hows):
            raise forms.ValidationError(_("Choose at least one thing to change."))
        for how, value in (
            ("term_how", "term"),
            ("entity_how", "entity"),
            ("currency_how", "currency"),
            ("note_how", "note_key"),
        ):
            self._need(value, self.cleaned_data.get(how) not in (LEAVE, "clear", None))
        self._need("note_value", self.cleaned_data.get("note_how") == "set")
        self._need("taxes", self.cleaned_data.get("taxes_how") in ("add", "remove"))

    def edit(self) -> Edit:
        """Return what the person asks for."""
        said = self.cleaned_data
        return Edit(
            net_payment_term=_setting(said["term_how"], said["term"]),
            billing_entity_code=_setting(said["entity_how"], said["entity"]),
            currency=_setting(said["currency_how"], said["currency"]),
            tax_codes=TaxEdit(how=said["taxes_how"], codes=said["taxes"])
            if said["taxes_how"]
            else None,
            metadata=MetadataEdit(
                how=said["note_how"], key=said["note_key"], value=said["note_value"]
            )
            if said["note_how"]
            else None,
        )

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def _need(self, name: str, needed: bool) -> None:
        if needed and name not in self.errors and self.cleaned_data.get(name) in (None, "", []):
            self.add_error(name, sentence(name, "value_is_mandatory"))


def _setting(how: str, value: Any) -> Setting | None:
    if how == LEAVE:
        return None
    return Setting(to=value if how == "set" else None)


class ReasonForm(forms.Form):
    """Why it is done; asked for where it matters to whoever checks the books."""

    reason = forms.CharField(
        max_length=500, label=_("Reason"), widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, data: Any = None, *, required: bool) -> None:
        super().__init__(data)
        self.fields["reason"].required = required
        self.fields["reason"].error_messages["required"] = _(
            "Say why: this changes what is invoiced. The reason stands in each customer's history."
        )
