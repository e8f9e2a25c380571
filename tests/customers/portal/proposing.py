"""A customer with a page of its own, and what it proposes there."""

from typing import Any
from uuid import uuid4

from billing.models import Organization
from customers.history import customer_now
from customers.models import Customer, Proposal
from customers.portal.details import seen_in
from customers.portal.propose import Draft, propose
from tests.customers.builders import make_customer

CANAL: dict[str, Any] = {
    "external_id": "canal",
    "legal_name": "Canal SAS",
    "email": "compta@canal.test",
    "country": "FR",
    "address_line1": "12 quai de Valmy",
    "zipcode": "75010",
    "city": "Paris",
    "tax_identification_number": "FR00812345678",
}


def make_canal(organization: Organization, **values: Any) -> Customer:
    """Make a customer in Paris."""
    return make_customer(organization, **{**CANAL, **values})


def seen_by(customer: Customer) -> dict[str, Any]:
    """Return what the customer sees on its page now."""
    return seen_in(customer_now(customer.organization_id, customer.pk).values)


def draft(customer: Customer, note: str = "", **edits: str) -> Draft:
    """Return what the customer sends after these edits; `__` stands for the dot of a path."""
    seen = seen_by(customer)
    typed = {path: value or "" for path, value in seen.items()}
    typed |= {name.replace("__", "."): value for name, value in edits.items()}
    return Draft(uuid4(), seen, typed, note)


def make_proposal(customer: Customer, note: str = "", **edits: str) -> Proposal:
    """Have the customer propose these edits."""
    return propose(customer, draft(customer, note, **edits))
