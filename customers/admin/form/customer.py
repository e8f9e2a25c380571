"""The form of a customer: shows one, and carries what a person edited to the writer."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from django.db import transaction
from django.forms.utils import ErrorDict
from django.utils.translation import gettext as _

from billing.events.actor import Actor
from billing.models import PaymentProvider
from billing.staff.forms import put_value
from billing.staff.sentences import sentence
from customers.admin.form.fields import CustomerFields
from customers.admin.values import (
    ADDRESS,
    CONFIGURATION,
    PLAIN,
    PROVIDER,
    integration_fields,
    metadata_fields,
    values_of,
)
from customers.change import CustomerChange
from customers.models import METADATA_MAX, Customer
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


class CustomerForm(CustomerFields):
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


def _breaks(code: str, value: str | None, values: list[str | None]) -> bool:
    """Return whether a note's value is one that the problem is about."""
    if code == "value_is_mandatory":
        return not value or value.isspace()
    return code != "value_already_exist" or values.count(value) > 1
