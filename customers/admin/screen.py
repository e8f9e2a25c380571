"""The list of customers, and the page of one."""

from typing import Any

from django.http import HttpRequest

from billing.events.actor import Actor
from billing.staff.roles import Ability
from billing.staff.screens import WishScreen
from customers.admin.form import CustomerForm
from customers.delete import delete_customer
from customers.models import Customer


class CustomerScreen(WishScreen):
    """Customers, found, read and edited."""

    writes = Ability.EDIT_CUSTOMERS
    deletes = Ability.DELETE_CUSTOMERS
    wish_form = CustomerForm

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the customers that are not deleted."""
        return super().get_queryset(request).filter(deleted_at=None)

    def delete_row(self, obj: Customer, actor: Actor) -> None:
        """Delete the customer; its external id is free again."""
        delete_customer(obj.organization_id, obj.external_id, actor)
