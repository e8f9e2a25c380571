"""Organizations, their billing entities and the people who can sign in, in the back office."""

from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from billing.organizations.admin.entity import PAGES as ENTITY_PAGES
from billing.organizations.admin.entity import BillingEntityScreen
from billing.organizations.admin.organization import PAGES as ORGANIZATION_PAGES
from billing.organizations.admin.organization import OrganizationScreen

__all__ = ["PAGES", "BillingEntityScreen", "OrganizationScreen", "UserScreen"]

PAGES = (*ENTITY_PAGES, *ORGANIZATION_PAGES)


class UserScreen(UserAdmin, ModelAdmin):
    """People who can sign in; for superusers alone, since nobody else gets Django's permissions."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_filter = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "is_superuser", "last_login")}),
    )
    filter_horizontal = ()
