"""The list of customers, and the page of one."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from billing.events.actor import Actor
from billing.models import BillingEntity
from billing.staff.roles import Ability
from billing.staff.screens import WishScreen, fact
from billing.staff.workplace import staff_actor, workplace
from billing.values import COUNTRIES, CURRENCIES
from customers.admin.form import CustomerForm
from customers.delete import delete_customer, delete_customers
from customers.models import Customer
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
