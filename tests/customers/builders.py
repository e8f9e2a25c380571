"""Builders of customers: `make_customer(organization, **values)`, through the writer."""

from itertools import count
from typing import Any

from billing.events.actor import SYSTEM
from billing.models import Organization
from customers.change import CustomerChange
from customers.models import Customer
from customers.write import write_customers

_numbers = count(1)


def make_customer(organization: Organization, **values: Any) -> Customer:
    """Make a customer of these wire values; the rest is as the writer leaves it."""
    return make_customers(organization, [values])[0]


def make_customers(organization: Organization, wishes: list[dict[str, Any]]) -> list[Customer]:
    """Make customers in one transaction; they are in the order of the wishes."""
    changes = [
        CustomerChange.read({"external_id": f"customer_{next(_numbers)}"} | wish) for wish in wishes
    ]
    outcomes = write_customers(organization.id, changes, SYSTEM)
    found = Customer.objects.in_bulk([outcome.customer_id for outcome in outcomes])
    return [found[outcome.customer_id] for outcome in outcomes]
