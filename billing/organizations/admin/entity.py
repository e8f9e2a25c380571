"""Billing entities in the back office: edited, made the default, archived, given a logo."""

import base64
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing.dependents import Column, count_customers
from billing.errors import Invalid, NotFound
from billing.organizations.admin.issuer import (
    ADDRESS,
    IDENTITY,
    INVOICES,
    NUMBERING,
    IssuerForm,
    select,
    several,
    told_inherited,
)
from billing.organizations.change import LOGO_SIZE, BillingEntityChange, NewBillingEntity
from billing.organizations.models import BillingEntity
from billing.organizations.write import (
    archive_billing_entity,
    change_billing_entity,
    create_billing_entity,
    default_billing_entity,
    make_default,
    restore_billing_entity,
)
from billing.sections.models import InvoiceCustomSection
from billing.staff.forms import organization_choice, switch, text
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.screens import fact
from billing.staff.sentences import sentence
from billing.staff.settings import SettingsForm, SettingsScreen, badge
from billing.staff.workplace import Workplace
from billing.taxes.models import Tax

_LINKED: Mapping[str, type[Model]] = {
    "tax_codes": Tax,
    "invoice_custom_section_codes": InvoiceCustomSection,
}
_DATES = (
    ("subscription_invoice_issuing_date_anchor", "subscription_invoice_issuing_date_adjustment"),
)


class NewEntityForm(SettingsForm):
    """What a new billing entity needs; the rest is filled in on its own screen."""

    organization = organization_choice()
    name = text(gettext_lazy("Name"), gettext_lazy("What you and your colleagues call it."))
    code = text(
        gettext_lazy("Code"), gettext_lazy("What programs call it by; fixed once it is made.")
    )

    def read(self, instance: BillingEntity) -> dict[str, Any]:
        """Return the values it starts with."""
        return {"name": instance.name, "code": instance.code}

    def write(self, wish: dict[str, Any]) -> None:
        """Make the billing entity."""
        tenant = self.cleaned_data["organization"].pk
        self.instance = create_billing_entity(tenant, NewBillingEntity.examine(wish), self.actor)


class EntityForm(IssuerForm):
    """A billing entity as people edit it; what customers inherit is told before it changes."""

    name = text(gettext_lazy("Name"), gettext_lazy("What you and your colleagues call it."))
    phone = text(gettext_lazy("Phone"))
    document_numbering = select(
        gettext_lazy("Document numbers"),
        [(one, NUMBERING[one]) for one in BillingEntity.DocumentNumbering.values],
    )
    subscription_invoice_issuing_date_anchor = select(
        gettext_lazy("Invoices are dated by"),
        [
            ("current_period_end", gettext_lazy("End of the period")),
            ("next_period_start", gettext_lazy("Start of the next period")),
        ],
        gettext_lazy("not chosen"),
    )
    subscription_invoice_issuing_date_adjustment = select(
        gettext_lazy("Invoice date adjusts"),
        [
            ("keep_anchor", gettext_lazy("Stays")),
            (
                "align_with_finalization_date",
                gettext_lazy("Moves to the day the invoice is final"),
            ),
        ],
        gettext_lazy("not chosen"),
    )
    eu_tax_management = switch(
        gettext_lazy("Find EU taxes automatically"),
        gettext_lazy("For issuers in a member state of the EU."),
    )
    einvoicing = switch(
        gettext_lazy("E-invoices"), gettext_lazy("For issuers in France or Germany.")
    )
    tax_codes = several(
        gettext_lazy("Taxes"), help_text=gettext_lazy("For customers without taxes of their own.")
    )
    invoice_custom_section_codes = several(
        gettext_lazy("Sections on invoices"),
        help_text=gettext_lazy("For customers that chose none."),
    )

    def fit(self, place: Workplace) -> None:
        """Offer the organization's taxes and sections."""
        super().fit(place)
        for name, model in _LINKED.items():
            rows: Any = model._default_manager.filter(
                organization=place.organization, deleted_at=None
            )
            field: Any = self.fields[name]
            field.choices = [(row.code, _named(row)) for row in rows.order_by("name", "code")]
            if not field.choices:
                field.help_text = _("There are none yet.")

    def read(self, instance: BillingEntity) -> dict[str, Any]:
        """Return the values of the billing entity."""
        return super().read(instance) | {
            "tax_codes": sorted(instance.taxes.values_list("code", flat=True)),
            "invoice_custom_section_codes": sorted(
                instance.sections.values_list("code", flat=True)
            ),
        }

    def write(self, wish: dict[str, Any]) -> None:
        """Change the billing entity."""
        row, change = cast(BillingEntity, self.instance), self.change(wish)
        change_billing_entity(row.organization_id, row.code, change, self.actor)

    def change(self, wish: dict[str, Any]) -> BillingEntityChange:
        """Return the wish as the writer takes it."""
        return BillingEntityChange.examine(self.on_the_wire(wish))

    def preview(self) -> tuple[str, ...]:
        """Return what customers take over; nothing where it is going to be refused."""
        told = [] if self.change(self.wish()).problems().by_field else told_inherited(self)
        return (used_by(cast(BillingEntity, self.instance)), *told) if told else ()


def _named(row: Any) -> str:
    rate = f" ({row.rate.normalize():f} %)" if isinstance(row, Tax) else ""
    return f"{row.name}{rate}"


def used_by(entity: BillingEntity) -> str:
    """Return how many customers a billing entity has, in a sentence."""
    number = count_customers(Column.BILLING_ENTITY, [entity.pk]).get(entity.pk, 0)
    words = ngettext(
        "{number} customer is billed by {name}.", "{number} customers are billed by {name}.", number
    )
    return words.format(number=f"{number:,}", name=entity.name)


class BillingEntityScreen(SettingsScreen):
    """Legal issuers: who stands at the head of an invoice."""

    writes = Ability.SET_ENTITIES
    may_delete = False
    wish_form = EntityForm
    counted = Column.BILLING_ENTITY
    list_display = ("name", "code", "country", "state_of", "users")
    search_fields = ("name", "code", "legal_name")
    ordering = ("-is_default", "archived_at", "name")
    readonly_fields = ("code", "state_of")
    add_fieldsets = ((None, {"fields": ("organization", "name", "code")}),)
    fieldsets = (
        (None, {"fields": (("name", "code"), "state_of")}),
        (gettext_lazy("Identity"), {"fields": (*IDENTITY, "phone")}),
        (gettext_lazy("Address"), {"fields": ADDRESS}),
        (gettext_lazy("Invoices"), {"fields": (*INVOICES, *_DATES, "einvoicing")}),
        (gettext_lazy("Taxes"), {"fields": ("tax_codes", "eu_tax_management")}),
        (gettext_lazy("Sections"), {"fields": ("invoice_custom_section_codes",)}),
    )
    change_form_outer_before_template = "admin/entities/tools.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the person may change the billing entity; not while it is archived."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or obj.archived_at is None)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **_: Any
    ) -> Any:
        """Return what makes the form: a short one for a new billing entity."""
        return self.form_of(request, EntityForm if obj else NewEntityForm)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what is fixed once it is made."""
        return self.readonly_fields if obj else ()

    def link_to_users(self, row: BillingEntity) -> str:
        """Return the list of the customers it bills."""
        address = reverse("admin:customers_customer_changelist")
        return f"{address}?{urlencode({'entity': row.code})}"

    @fact(gettext_lazy("State"))
    def state_of(self, entity: BillingEntity) -> str:
        """Return whether the entity is the default or archived."""
        if entity.archived_at is not None:
            return badge(_("Archived"), "warn", "inventory_2")
        return badge(_("Default"), "info", "star") if entity.is_default else _("Active")

    @fact(gettext_lazy("Taxes"))
    def tax_codes(self, entity: BillingEntity) -> str:
        """Return the default taxes, for those who only look."""
        return ", ".join(_named(tax) for tax in entity.taxes.order_by("name", "code")) or "-"

    @fact(gettext_lazy("Sections on invoices"))
    def invoice_custom_section_codes(self, entity: BillingEntity) -> str:
        """Return the selected sections, for those who only look."""
        return ", ".join(one.name for one in entity.sections.order_by("name", "code")) or "-"


class _EntityPage(StaffPage):
    """A question about one billing entity."""

    ability = Ability.SET_ENTITIES
    section = "entities"
    template_name = "admin/entities/ask.html"

    entity: BillingEntity

    def find(self, entity_id: UUID) -> BillingEntity:
        """Return the billing entity.

        :raises Http404: if the organization has none such.
        """
        found = BillingEntity.objects.filter(
            organization=self.workplace.organization, pk=entity_id
        ).first()
        if found is None:
            raise Http404
        self.entity = found
        return found

    def get(self, request: HttpRequest, entity_id: UUID) -> HttpResponse:
        """Ask, with what would follow."""
        self.find(entity_id)
        return self.ask()

    def ask(self, refusal: str = "") -> HttpResponse:
        """Show the question, and why the last answer was refused."""
        return self.render(
            status=422 if refusal else 200,
            entity=self.entity,
            consequences=self.consequences(),
            is_so=self.is_so(),
            refusal=refusal,
        )

    def is_so(self) -> bool:
        """Return whether there is nothing left to do."""
        return False

    def consequences(self) -> list[str]:
        """Return what would follow, in sentences."""
        return []

    def done(self, words: str) -> HttpResponse:
        """Say what was done, on the screen of the billing entity."""
        messages.success(self.request, words % {"name": self.entity.name})
        address = reverse("admin:billing_billingentity_change", args=[self.entity.pk])
        return HttpResponseRedirect(address)


class DefaultPage(_EntityPage):
    """Makes a billing entity the default."""

    title = gettext_lazy("Make it the default")

    def is_so(self) -> bool:
        """Return whether it is the default."""
        return default_billing_entity(self.entity.organization_id) == self.entity

    def consequences(self) -> list[str]:
        """Return what would follow."""
        old = default_billing_entity(self.entity.organization_id)
        if old == self.entity:
            return [_("{name} is the default already.").format(name=old.name)]
        words = _(
            "New customers are billed by {new} unless another one is named, no more by {old}."
        )
        return [
            words.format(new=self.entity.name, old=old.name),
            _("Customers that exist stay with the billing entity they have."),
        ]

    def post(self, request: HttpRequest, entity_id: UUID) -> HttpResponse:
        """Make it the default."""
        row = self.find(entity_id)
        try:
            make_default(row.organization_id, row.code, self.workplace.actor())
        except NotFound:
            return self.ask(_("It is archived. Make it active again first."))
        return self.done(_("%(name)s is the default now."))


class ArchivePage(_EntityPage):
    """Archives a billing entity."""

    title = gettext_lazy("Archive")

    def consequences(self) -> list[str]:
        """Return what would follow."""
        return [
            used_by(self.entity),
            _("They stay with it. Nobody else can be given to it until it is active again."),
        ]

    def post(self, request: HttpRequest, entity_id: UUID) -> HttpResponse:
        """Archive it."""
        row = self.find(entity_id)
        try:
            archive_billing_entity(row.organization_id, row.code, self.workplace.actor())
        except Invalid:
            words = _("The default can't be archived. Make another one the default first.")
            return self.ask(words)
        return self.done(_("%(name)s is archived."))


class UnarchivePage(_EntityPage):
    """Makes an archived billing entity active again."""

    title = gettext_lazy("Make it active again")

    def is_so(self) -> bool:
        """Return whether it is active."""
        return self.entity.archived_at is None

    def consequences(self) -> list[str]:
        """Return what would follow."""
        if self.entity.archived_at is None:
            return [_("{name} is active already.").format(name=self.entity.name)]
        return [used_by(self.entity), _("Customers can be given to it again.")]

    def post(self, request: HttpRequest, entity_id: UUID) -> HttpResponse:
        """Make it active."""
        row = self.find(entity_id)
        restore_billing_entity(row.organization_id, row.code, self.workplace.actor())
        return self.done(_("%(name)s is active again."))


class LogoPage(_EntityPage):
    """Shows the logo of documents, takes another one, or takes it away."""

    title = gettext_lazy("Logo")
    template_name = "admin/entities/logo.html"

    def ask(self, refusal: str = "") -> HttpResponse:
        """Show the logo there is, and why the last one was refused."""
        row = self.entity
        kept = base64.b64encode(bytes(row.logo)).decode() if row.logo else ""
        image = f"data:{row.logo_content_type};base64,{kept}" if kept else ""
        status = 422 if refusal else 200
        return self.render(status=status, entity=row, image=image, refusal=refusal)

    def post(self, request: HttpRequest, entity_id: UUID) -> HttpResponse:
        """Keep the image that was sent, or none."""
        row = self.find(entity_id)
        sent = request.FILES.get("logo")
        if "remove" not in request.POST and sent is None:
            return self.ask(_("Choose a file first."))
        image = None
        if "remove" not in request.POST and sent is not None:
            # One byte more than may be is enough to be refused.
            content = base64.b64encode(sent.read(LOGO_SIZE + 1)).decode()
            image = f"data:;base64,{content}"
        change = BillingEntityChange.examine({"logo": image})
        try:
            change_billing_entity(row.organization_id, row.code, change, self.workplace.actor())
        except Invalid as refusal:
            codes = [code for found in refusal.problems.values() for code in found]
            return self.ask(" ".join(sentence("logo", code) for code in codes))
        except NotFound:
            return self.ask(_("It is archived. Make it active again first."))
        return self.done(_("The logo of %(name)s was changed."))


_ONE = "entities/<uuid:entity_id>"
PAGES = (
    (f"{_ONE}/default/", DefaultPage, "default_entity"),
    (f"{_ONE}/archive/", ArchivePage, "archive_entity"),
    (f"{_ONE}/unarchive/", UnarchivePage, "unarchive_entity"),
    (f"{_ONE}/logo/", LogoPage, "entity_logo"),
)
