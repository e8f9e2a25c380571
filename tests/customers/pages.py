"""The page of a customer in the admin, as a browser handles it."""

from typing import Any

from django.http import HttpResponse
from django.test import Client

from billing.events.actor import SYSTEM
from customers.admin.form import CustomerForm
from customers.models import Customer

LIST = "/admin/customers/customer/"
ADD = f"{LIST}add/"


def page_of(customer: Customer) -> str:
    """Return the address of the page."""
    return f"{LIST}{customer.pk}/change/"


def what_a_browser_sends(customer: Customer) -> dict[str, Any]:
    """Return the form of a customer as a browser sends it when nobody edited anything."""
    form = CustomerForm(instance=Customer.objects.get(pk=customer.pk), actor=SYSTEM)
    sent: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if value is True:
            sent[bound.html_name] = "on"
        elif value not in (None, False):
            sent[bound.html_name] = value
    return sent


def edit(client: Client, customer: Customer, **edits: Any) -> HttpResponse:
    """Open the page of a customer, edit these fields, save."""
    sent = what_a_browser_sends(customer) | edits
    sent = {name: value for name, value in sent.items() if value is not None}
    return client.post(page_of(customer), sent)  # type: ignore[return-value]
