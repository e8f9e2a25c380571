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


def form_of(customer: Customer) -> str:
    """Return the address of the form."""
    return f"{LIST}{customer.pk}/edit/"


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
    """Open the form of a customer, edit these fields, review, and save with a reason."""
    sent = what_a_browser_sends(customer) | {"reason": "Tidied up"} | edits
    return send(client, form_of(customer), sent | {"step": "save"})


def send(client: Client, address: str, sent: dict[str, Any]) -> HttpResponse:
    """Send a form; fields that are None are not in it."""
    found = {name: value for name, value in sent.items() if value is not None}
    return client.post(address, found)  # type: ignore[return-value]


def review(client: Client, customer: Customer, **edits: Any) -> HttpResponse:
    """Open the form of a customer, edit these fields, and ask for the review."""
    return send(client, form_of(customer), what_a_browser_sends(customer) | edits)


def typed(page: Any) -> dict[str, Any]:
    """Return what a page after the form sends on, as its hidden fields hold it."""
    sent: dict[str, Any] = {}
    for name, value in page.context["typed"]:
        sent.setdefault(name, []).append(value)
    token = page.context.get("token")
    return sent | ({"token": str(token)} if token else {}) | {"reason": "Tidied up"}
