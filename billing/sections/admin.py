"""Invoice custom sections in the back office."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing.dependents import Column, count_customers
from billing.events.actor import Actor
from billing.sections.change import SectionChange
from billing.sections.models import InvoiceCustomSection
from billing.sections.write import change_section, create_section, delete_section
from billing.staff.forms import long_text, organization_choice, text
from billing.staff.roles import Ability
from billing.staff.screens import fact
from billing.staff.settings import SettingsForm, SettingsScreen

FIELDS = ("name", "display_name", "description", "details")


class SectionForm(SettingsForm):
    """A section as people edit it; its code is chosen once."""

    organization = organization_choice()
    code = text(
        gettext_lazy("Code"),
        gettext_lazy("What programs and customers call it by; fixed once it is made."),
    )
    name = text(gettext_lazy("Name"))
    display_name = text(gettext_lazy("Title on the invoice"))
    description = long_text(
        gettext_lazy("Description"), gettext_lazy("For you and your colleagues.")
    )
    details = long_text(gettext_lazy("Text on the invoice"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.creating:
            del self.fields["organization"], self.fields["code"]

    def read(self, instance: InvoiceCustomSection) -> dict[str, Any]:
        """Return the values of the section."""
        return {name: getattr(instance, name) for name in FIELDS}

    def write(self, wish: dict[str, Any]) -> None:
        """Make or change the section."""
        change = SectionChange.examine(wish)
        if self.creating:
            tenant = self.cleaned_data["organization"].pk
            self.instance = create_section(tenant, change, self.actor)
        else:
            section: Any = self.instance
            change_section(section.organization_id, section.code, change, self.actor)


class SectionScreen(SettingsScreen):
    """Texts that can be printed on invoices."""

    writes = Ability.SET_SECTIONS
    wish_form = SectionForm
    counted = Column.SECTION
    nothing_yet = (
        gettext_lazy("No invoice sections yet."),
        gettext_lazy("Add a text, such as your bank details, that can be printed on invoices."),
    )
    list_display = ("name", "code", "title", "users")
    search_fields = ("name", "code")
    ordering = ("name",)
    readonly_fields = ("code",)
    add_fieldsets = ((None, {"fields": ("organization", "code", *FIELDS)}),)
    fieldsets = ((None, {"fields": ("code", *FIELDS)}),)

    def get_queryset(self, request: Any) -> Any:
        """Return the sections that are not deleted."""
        return super().get_queryset(request).filter(deleted_at=None)

    @fact(gettext_lazy("Title on the invoice"), ordering="display_name")
    def title(self, section: InvoiceCustomSection) -> str:
        """Return what stands above the text on the invoice."""
        return section.display_name or "-"

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        """Return the code once it is chosen."""
        return self.readonly_fields if obj else ()

    def delete_row(self, obj: InvoiceCustomSection, actor: Actor) -> None:
        """Take the section out of every selection, then delete it."""
        delete_section(obj.organization_id, obj.code, actor)

    def lost_with(self, obj: InvoiceCustomSection) -> list[str]:
        """Return whose invoices lose the text."""
        number = count_customers(Column.SECTION, [obj.pk]).get(obj.pk, 0)
        words = ngettext(
            "{number} customer chose it and loses it; billing entities lose it as well.",
            "{number} customers chose it and lose it; billing entities lose it as well.",
            number,
        )
        return [words.format(number=f"{number:,}"), _("Invoices that exist stay as they are.")]
