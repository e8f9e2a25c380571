"""Taxes in the back office."""

from decimal import Decimal, InvalidOperation
from typing import Any, cast
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing.dependents import Column, count_customers
from billing.events.actor import Actor
from billing.staff.forms import long_text, organization_choice, switch, text
from billing.staff.roles import Ability
from billing.staff.screens import fact
from billing.staff.settings import SettingsForm, SettingsScreen
from billing.taxes.change import TaxChange
from billing.taxes.models import Tax
from billing.taxes.write import change_tax, create_tax, delete_tax

FIELDS = ("name", "code", "rate", "description", "applied_to_organization")


class TaxForm(SettingsForm):
    """A tax as people edit it; a new rate or code is previewed."""

    organization = organization_choice()
    name = text(gettext_lazy("Name"))
    code = text(gettext_lazy("Code"), gettext_lazy("What programs and customers call it by."))
    rate = text(gettext_lazy("Rate in per cent"), gettext_lazy("For example 5.5."))
    description = long_text(gettext_lazy("Description"))
    applied_to_organization = switch(
        gettext_lazy("For all customers"),
        gettext_lazy("Applied by the default billing entity to customers without taxes."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.creating:
            del self.fields["organization"]

    def read(self, instance: Tax) -> dict[str, Any]:
        """Return the values of the tax."""
        return {
            "name": instance.name,
            "code": instance.code,
            "rate": _percent(instance.rate),
            "description": instance.description,
            "applied_to_organization": instance.entity_links.filter(
                billing_entity__is_default=True
            ).exists(),
        }

    def write(self, wish: dict[str, Any]) -> None:
        """Make or change the tax."""
        change = TaxChange.examine(wish)
        if self.creating:
            tenant = self.cleaned_data["organization"].pk
            self.instance = create_tax(tenant, change, self.actor)
        else:
            tax: Any = self.instance
            change_tax(tax.organization_id, tax.code, change, self.actor)

    def preview(self) -> tuple[str, ...]:
        """Return what a new rate or code changes; nothing where it can't be used anyway."""
        tax, wish, told = cast(Tax, self.instance), self.wish(), []
        new_rate = _decimal(wish.get("rate"))
        if new_rate is not None:
            words = _(
                "{name}: {old} % becomes {new} %. {used} Invoices from now on are computed with "
                "{new} %; those that exist stay as they are."
            )
            old = _percent(tax.rate)
            told.append(
                words.format(name=tax.name, old=old, new=_percent(new_rate), used=used_by(tax))
            )
        if wish.get("code"):
            words = _(
                "Programs that send the code {old} are refused from now on: they must send {new}. "
                "{used} They keep the tax."
            )
            told.append(words.format(old=tax.code, new=wish["code"], used=used_by(tax)))
        return tuple(told)


def used_by(tax: Tax) -> str:
    """Return how many customers and billing entities have the tax, in a sentence."""
    customers = count_customers(Column.TAX, [tax.pk]).get(tax.pk, 0)
    entities = tax.entity_links.count()
    told_customers = ngettext("{number} customer", "{number} customers", customers)
    told_entities = ngettext("{number} billing entity", "{number} billing entities", entities)
    return _("{customers} and {entities} use it.").format(
        customers=told_customers.format(number=f"{customers:,}"),
        entities=told_entities.format(number=f"{entities:,}"),
    )


def _percent(rate: Decimal) -> str:
    return f"{rate.normalize():f}"


def _decimal(rate: str | None) -> Decimal | None:
    try:
        return Decimal(rate) if rate else None
    except InvalidOperation:
        return None  # the writer says what is wrong with it


class TaxScreen(SettingsScreen):
    """Taxes that can be set on customers and billing entities."""

    writes = Ability.SET_TAXES
    wish_form = TaxForm
    counted = Column.TAX
    nothing_yet = (
        gettext_lazy("No taxes yet."),
        gettext_lazy("Add the rates you charge; then set them on customers and billing entities."),
    )
    list_display = ("name", "code", "percentage", "users")
    search_fields = ("name", "code")
    ordering = ("name",)
    add_fieldsets = ((None, {"fields": ("organization", *FIELDS)}),)
    fieldsets = ((None, {"fields": FIELDS}),)

    def get_queryset(self, request: Any) -> Any:
        """Return the taxes that are not deleted."""
        return super().get_queryset(request).filter(deleted_at=None)

    @fact(gettext_lazy("Rate"), ordering="rate")
    def percentage(self, tax: Tax) -> str:
        """Return the rate as people write it."""
        return f"{_percent(tax.rate)} %"

    def delete_row(self, obj: Tax, actor: Actor) -> None:
        """Take the tax off everything, then delete it."""
        delete_tax(obj.organization_id, obj.code, actor)

    def lost_with(self, obj: Tax) -> list[str]:
        """Return who loses the tax."""
        words = _("{used} They lose it, and invoices from now on are computed without it.")
        return [words.format(used=used_by(obj))]

    def link_to_users(self, row: Tax) -> str:
        """Return the list of the customers that have the tax."""
        address = reverse("admin:customers_customer_changelist")
        return f"{address}?{urlencode({'tax': row.code})}"
