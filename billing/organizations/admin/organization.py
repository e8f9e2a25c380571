"""The organization's own settings, and the key its webhooks are signed with."""

from datetime import timedelta
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.organizations.admin.issuer import (
    ADDRESS,
    IDENTITY,
    INVOICES,
    NUMBERING,
    IssuerForm,
    select,
    told_inherited,
)
from billing.organizations.change import NewOrganization
from billing.organizations.models import Organization
from billing.organizations.write import change_organization, default_billing_entity
from billing.staff.forms import switch, text
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.settings import SettingsScreen
from billing.staff.workplace import workplace
from billing.webhooks.signatures import standard_secret
from billing.webhooks.write import rotate_hmac_key

OVERLAPS = (
    (1, gettext_lazy("1 hour")),
    (24, gettext_lazy("1 day")),
    (168, gettext_lazy("7 days")),
    (720, gettext_lazy("30 days")),
)
# What stays with the organization; the rest is written through to the default billing entity.
_OWN = frozenset({"name", "slug", "requires_second_factor"})


class OrganizationForm(IssuerForm):
    """The organization as people edit it; its default billing entity follows."""

    name = text(gettext_lazy("Name"))
    slug = text(
        gettext_lazy("Handle"), gettext_lazy("Part of addresses: small letters, digits, hyphens.")
    )
    document_numbering = select(
        gettext_lazy("Document numbers"),
        [(one, NUMBERING[one]) for one in Organization.DocumentNumbering.values],
    )
    requires_second_factor = switch(
        gettext_lazy("Everybody needs a second factor"),
        gettext_lazy("People without one are led to set one up before anything else opens."),
    )

    def read(self, instance: Organization) -> dict[str, Any]:
        """Return the values; where the default billing entity counts, its."""
        entity = default_billing_entity(instance.pk)
        counting = {name: getattr(entity, name) for name in ("default_currency", "timezone")}
        return super().read(instance) | counting

    def write(self, wish: dict[str, Any]) -> None:
        """Change the organization."""
        change_organization(self.instance.pk, self.change(wish), self.actor)

    def change(self, wish: dict[str, Any]) -> NewOrganization:
        """Return the wish as the writer takes it."""
        return NewOrganization.examine(self.on_the_wire(wish))

    def preview(self) -> tuple[str, ...]:
        """Return what changes with the organization; nothing where it is going to be refused."""
        through = self.labels_of(self.fields.keys() - _OWN)
        if not through or self.change(self.wish()).problems().by_field:
            return ()
        entity = default_billing_entity(cast(Organization, self.instance).pk)
        words = _("{entity}, the default billing entity, changes with it: {labels}.")
        return (words.format(entity=entity.name, labels=through), *told_inherited(self))


class OrganizationScreen(SettingsScreen):
    """The tenant where the person works."""

    tenant = "id"
    writes = Ability.SET_STAFF
    may_create = may_delete = False
    wish_form = OrganizationForm
    fieldsets = (
        (gettext_lazy("Signing in"), {"fields": ("requires_second_factor",)}),
        (gettext_lazy("Identity"), {"fields": (("name", "slug"), *IDENTITY)}),
        (gettext_lazy("Address"), {"fields": ADDRESS}),
        (gettext_lazy("Invoices"), {"fields": INVOICES}),
    )
    change_form_outer_before_template = "admin/organization/tools.html"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Open the one there is."""
        here = workplace(request).organization.pk
        return HttpResponseRedirect(reverse("admin:billing_organization_change", args=[here]))


class SigningKeyPage(StaffPage):
    """Shows the key that webhooks are signed with, and rotates it."""

    ability = Ability.SET_WEBHOOKS
    title = gettext_lazy("Key of webhooks")
    section = "organization"
    template_name = "admin/organization/signing_key.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the key; it is read again and again, unlike an API key."""
        organization = Organization.objects.get(pk=self.workplace.organization.pk)
        ends = organization.previous_hmac_key_ends_at
        response = self.render(
            secret=standard_secret(organization.hmac_key),
            raw=organization.hmac_key,
            previous_ends=ends if ends and ends > timezone.now() else None,
            overlaps=OVERLAPS,
            organization_id=organization.pk,
        )
        response["Cache-Control"] = "no-store"
        return response

    def post(self, request: HttpRequest) -> HttpResponse:
        """Rotate the key, unless it was rotated or another organization chosen meanwhile."""
        place, hours = self.workplace, request.POST.get("hours", "24")
        if hours not in {str(value) for value, _label in OVERLAPS}:
            raise PermissionDenied
        here = request.POST.get("organization") == str(place.organization.pk)
        now = Organization.objects.values_list("hmac_key", flat=True).get(pk=place.organization.pk)
        if here and request.POST.get("seen") == standard_secret(now):
            rotate_hmac_key(place.organization.pk, timedelta(hours=int(hours)), place.actor())
            messages.success(request, _("This is the new key. Give it to your receivers."))
        else:
            messages.info(request, _("The key was changed meanwhile; nothing was done now."))
        return HttpResponseRedirect(reverse("admin:signing_key"))


PAGES = (("organization/signing-key/", SigningKeyPage, "signing_key"),)
