"""The list of customers, and the page of one."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from billing.events.actor import SYSTEM, Actor
from billing.models import BillingEntity
from billing.staff.forms import shown
from billing.staff.roles import Ability
from billing.staff.screens import WishScreen, fact
from billing.staff.workplace import staff_actor, workplace
from billing.values import COUNTRIES, CURRENCIES
from customers.admin.form import CustomerForm, NewCustomerForm
from customers.admin.values import metadata_fields
from customers.delete import delete_customer, delete_customers
from customers.models import METADATA_MAX, Customer, IntegrationLink
from customers.search import CustomerQuery
from customers.write import RefusedBatch


class _OneOf(DropdownFilter):
    """Narrows the list to one value of a column; the values are known without asking."""

    values: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(value, value) for value in self.values]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        chosen = self.value()
        if chosen not in self.values:
            return queryset
        return queryset.filter(**{str(self.parameter_name): chosen})


class CountryFilter(_OneOf):
    title = "country"
    parameter_name = "country"
    values = COUNTRIES


class CurrencyFilter(_OneOf):
    title = "currency"
    parameter_name = "currency"
    values = CURRENCIES


class BillingEntityFilter(_OneOf):
    """Narrows the list to one billing entity."""

    title = "billing entity"
    parameter_name = "billing_entity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        """Return the billing entities to choose from."""
        mine = BillingEntity.objects.filter(organization=workplace(request).organization)
        return [(str(row.pk), row.name) for row in mine.order_by("name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Return the customers of the chosen entity, if it is one of those on offer."""
        chosen = self.value()
        offered = {key for key, _ in self.lookup_choices}
        return queryset.filter(billing_entity=chosen) if chosen in offered else queryset


_ADDRESS = (("address_line1", "address_line2"), ("zipcode", "city"), ("state", "country"))
_FIELDS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (
        "Customer",
        (
            ("known_as", "numbers"),
            ("name", "legal_name"),
            ("firstname", "lastname"),
            ("customer_type", "account_type"),
            ("email", "phone"),
            ("url", "logo_url"),
            ("billing_entity_code", "external_salesforce_id"),
        ),
    ),
    ("Taxes", (("tax_identification_number", "legal_number"), "tax_codes")),
    ("Billing address", _ADDRESS),
    (
        "Shipping address",
        tuple(tuple(f"shipping_{name}" for name in pair) for pair in _ADDRESS),
    ),
    (
        "Terms",
        (
            ("currency", "timezone"),
            ("net_payment_term", "invoice_grace_period"),
            ("document_locale", "finalize_zero_amount_invoice"),
            (
                "subscription_invoice_issuing_date_anchor",
                "subscription_invoice_issuing_date_adjustment",
            ),
            "skip_invoice_custom_sections",
            "invoice_custom_section_codes",
        ),
    ),
    (
        "Payment",
        (
            ("connection", "provider_customer_id"),
            ("sync_with_provider", "sync"),
            "provider_payment_methods",
        ),
    ),
    ("Notes", tuple(metadata_fields(position) for position in range(1, METADATA_MAX + 1))),
    ("Integrations", ("integrations",)),
)
_FACTS = ("known_as", "numbers", "integrations")


class CustomerScreen(WishScreen):
    """Customers, found, read and edited."""

    writes = Ability.EDIT_CUSTOMERS
    deletes = Ability.DELETE_CUSTOMERS
    wish_form = CustomerForm
    list_display = (
        "who",
        "country",
        "tax_identification_number",
        "currency",
        "billing_entity",
        "updated_at",
    )
    list_filter = (
        BillingEntityFilter,
        CountryFilter,
        CurrencyFilter,
        ("account_type", ChoicesDropdownFilter),
        ("customer_type", ChoicesDropdownFilter),
    )
    open_lookups = frozenset({"account_type__exact", "customer_type__exact"})
    list_select_related = ("billing_entity",)
    # The columns whose order an index gives; others would sort a million rows.
    sortable_by = ()
    ordering = ("-created_at", "id")
    search_fields = ("name",)  # the box appears; get_search_results looks further
    search_help_text = "Name, legal name, external id or e-mail"
    readonly_fields = _FACTS
    add_fieldsets = (
        (
            None,
            {
                "fields": (
                    "organization",
                    "external_id",
                    "name",
                    "legal_name",
                    "email",
                    "country",
                    "tax_identification_number",
                    "currency",
                    "reason",
                ),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the customers that are not deleted."""
        return super().get_queryset(request).filter(deleted_at=None)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        """Find what `customers.search` finds."""
        if not search_term.strip():
            return queryset, False
        query = CustomerQuery(workplace(request).organization.pk, search_term.strip())
        return queryset.filter(pk__in=query.queryset().values("pk")), False

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **_: Any
    ) -> Any:
        """Ask for little at first, for everything once the customer is there."""
        return self.form_of(request, CustomerForm if obj else NewCustomerForm)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return what nobody edits."""
        return _FACTS if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return the lines of the form; to those who only look, as text."""
        if obj is None:
            return self.add_fieldsets
        if self.has_change_permission(request, obj):
            lines = (*_FIELDS, ("Why", ("reason",)))
            return [(title, {"fields": fields}) for title, fields in lines]
        return [(title, {"fields": _as_text(fields)}) for title, fields in _FIELDS]

    def delete_row(self, obj: Customer, actor: Actor) -> None:
        """Delete the customer; its external id is free again."""
        delete_customer(obj.organization_id, obj.external_id, actor)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete the chosen customers, all or none."""
        by_tenant: dict[Any, list[str]] = {}
        for tenant, external_id in queryset.values_list("organization_id", "external_id"):
            by_tenant.setdefault(tenant, []).append(external_id)
        with transaction.atomic():
            for tenant, external_ids in by_tenant.items():
                _delete_kept(tenant, external_ids, staff_actor(request.user))

    @fact("Customer")
    def who(self, customer: Customer) -> str:
        """Return the name with the external id under it."""
        return format_html(
            '{}<br><span class="text-xs">{}</span>', str(customer), customer.external_id
        )

    @fact("External id")
    def known_as(self, customer: Customer) -> str:
        """Return what programs call the customer by."""
        return customer.external_id

    @fact("Number")
    def numbers(self, customer: Customer) -> str:
        """Return the slug and the organization."""
        return f"{customer.slug} at {customer.organization}"

    @fact("Links")
    def integrations(self, customer: Customer) -> str:
        """Return the links to integrations; they are edited over the API."""
        links = IntegrationLink.objects.filter(customer=customer).select_related("connection")
        lines = [
            f"{link.connection}: {link.external_customer_id or 'not created yet'}"
            for link in links.order_by("type")
        ]
        return "\n".join(lines) or "none"


def _delete_kept(tenant: UUID, external_ids: list[str], actor: Actor) -> None:
    """Delete the customers that nobody else has deleted meanwhile."""
    while external_ids:
        try:
            delete_customers(tenant, external_ids, actor)
        except RefusedBatch as refused:
            gone = refused.refusals
            external_ids = [one for n, one in enumerate(external_ids) if n not in gone]
        else:
            return


def _as_text(fields: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        _as_text(field)
        if isinstance(field, tuple)
        else field
        if field in _FACTS
        else _reader(field)
        for field in fields
    )


@cache
def _reader(name: str) -> Callable[[Customer], str]:
    """Return what shows one field of the form as text."""

    @fact(str(CustomerForm.base_fields[name].label))
    def show(customer: Customer) -> str:
        form = _form_of(customer)
        return shown(form.fields[name], form.current.get(name))

    show.__name__ = name
    return show


def _form_of(customer: Any) -> CustomerForm:
    """Return the form of a customer on show, read once for all its fields."""
    if not hasattr(customer, "_form"):
        customer._form = CustomerForm(instance=customer, actor=SYSTEM)
    form: CustomerForm = customer._form
    return form
