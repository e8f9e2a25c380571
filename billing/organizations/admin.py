"""Organizations, their billing entities and their staff in the back office."""

from typing import Any

from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from billing.organizations.change import NewOrganization
from billing.organizations.models import BillingEntity, Organization
from billing.organizations.write import change_organization
from billing.staff.forms import switch
from billing.staff.roles import Ability
from billing.staff.screens import Screen, fact
from billing.staff.settings import SettingsForm, SettingsScreen

ISSUER = (
    ("legal_name", "legal_number"),
    ("tax_identification_number", "email"),
    ("address_line1", "address_line2"),
    ("zipcode", "city"),
    ("state", "country"),
    ("default_currency", "timezone"),
    ("net_payment_term", "invoice_grace_period"),
    ("document_locale", "document_numbering"),
    ("document_number_prefix", "finalize_zero_amount_invoice"),
    ("invoice_footer", "email_settings"),
)


class OrganizationForm(SettingsForm):
    """What of an organization is set here; the rest is set by the API or `manage.py apply`."""

    requires_second_factor = switch(
        _("Everybody needs a second factor"),
        _("People without one are led to set one up before anything else opens."),
    )

    def read(self, instance: Organization) -> dict[str, Any]:
        """Return whether a second factor is asked for."""
        return {"requires_second_factor": instance.requires_second_factor}

    def write(self, wish: dict[str, Any]) -> None:
        """Change the organization."""
        change_organization(self.instance.pk, NewOrganization.examine(wish), self.actor)


class OrganizationScreen(SettingsScreen):
    """Tenants. Their other values are changed over the API or by `manage.py apply`."""

    tenant = "id"
    writes = Ability.SET_STAFF
    may_create = may_delete = False
    wish_form = OrganizationForm
    list_display = ("name", "slug", "country", "default_currency", "timezone")
    search_fields = ("name", "slug")
    ordering = ("name",)
    fieldsets = (
        (_("Signing in"), {"fields": ("requires_second_factor",)}),
        (_("Organization"), {"fields": (("name", "slug"), *ISSUER)}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return everything but what the form sets; to those who only look, that too."""
        named = [name for line in ISSUER for name in line]
        own = () if self.has_change_permission(request, obj) else ("requires_second_factor",)
        return ("name", "slug", *named, *own)


class BillingEntityScreen(Screen):
    """Legal issuers. They are changed over the API or by `manage.py apply`."""

    list_display = ("name", "code", "country", "state_of")
    search_fields = ("name", "code")
    ordering = ("-is_default", "name")
    fields = (
        ("name", "code"),
        ("is_default", "archived_at"),
        *ISSUER,
        ("eu_tax_management", "einvoicing"),
        ("tax_codes", "section_codes"),
    )

    @fact("State")
    def state_of(self, entity: BillingEntity) -> str:
        """Return whether the entity is the default or archived."""
        if entity.archived_at is not None:
            return "archived"
        return "default" if entity.is_default else "active"

    @fact("Taxes")
    def tax_codes(self, entity: BillingEntity) -> str:
        """Return the codes of the default taxes."""
        return ", ".join(entity.taxes.order_by("code").values_list("code", flat=True))

    @fact("Invoice sections")
    def section_codes(self, entity: BillingEntity) -> str:
        """Return the codes of the selected sections."""
        return ", ".join(entity.sections.order_by("code").values_list("code", flat=True))


class UserScreen(UserAdmin, ModelAdmin):
    """People who can sign in; for superusers alone, since nobody else gets Django's permissions."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_filter = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "last_login")}),
    )
    filter_horizontal = ()
