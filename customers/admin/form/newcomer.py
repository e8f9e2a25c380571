"""The form of a customer that is not there yet."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as lazy

from billing.errors import Refusal, Stale
from billing.events.actor import Actor
from billing.staff.sentences import sentence
from customers.admin.form.customer import CustomerForm
from customers.admin.form.fields import line
from customers.change import CustomerChange
from customers.models import Customer
from customers.write import Outcome, Precondition, write_customer


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
