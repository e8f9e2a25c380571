"""Taxes in the back office."""

from typing import Any

from billing.events.actor import Actor
from billing.staff.forms import WishForm, long_text, organization_choice, switch, text
from billing.staff.roles import Ability
from billing.staff.screens import WishScreen, fact
from billing.taxes.change import TaxChange
from billing.taxes.models import Tax
from billing.taxes.write import change_tax, create_tax, delete_tax


class TaxForm(WishForm):
    """A tax as people edit it."""

    organization = organization_choice()
    name = text("Name")
    code = text("Code", "What programs and customers call it by.")
    rate = text("Rate in per cent", "For example 5.5.")
    description = long_text("Description")
    applied_to_organization = switch(
        "For all customers", "Applied by the default billing entity to customers without taxes."
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
            "rate": f"{instance.rate.normalize():f}",
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


class TaxScreen(WishScreen):
    """Taxes that can be set on customers and billing entities."""

    writes = Ability.SET_TAXES
    wish_form = TaxForm
    list_display = ("name", "code", "percentage")
    search_fields = ("name", "code")
    ordering = ("name",)
    add_fieldsets = (
        (
            None,
            {
                "fields": (
                    "organization",
                    "name",
                    "code",
                    "rate",
                    "description",
                    "applied_to_organization",
                )
            },
        ),
    )
    fieldsets = (
        (
            None,
            {"fields": ("name", "code", "rate", "description", "applied_to_organization")},
        ),
    )

    def get_queryset(self, request: Any) -> Any:
        """Return the taxes that are not deleted."""
        return super().get_queryset(request).filter(deleted_at=None)

    @fact("Rate", ordering="rate")
    def percentage(self, tax: Tax) -> str:
        """Return the rate as people write it."""
        return f"{tax.rate.normalize():f} %"

    def delete_row(self, obj: Tax, actor: Actor) -> None:
        """Take the tax off everything, then delete it."""
        delete_tax(obj.organization_id, obj.code, actor)
