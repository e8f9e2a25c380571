"""What the palette finds of customers."""

from django.urls import reverse

from billing.staff.palette import Hit
from billing.staff.roles import Ability
from billing.staff.workplace import Workplace
from customers.models import Customer
from customers.search_text import is_searchable, matching

MOST = 8


def find_customers(place: Workplace, text: str) -> list[Hit]:
    """Return some of the customers that the search of the list finds, the exact one first."""
    if not place.may(Ability.READ):
        return []
    kept = Customer.objects.kept().filter(organization=place.organization)
    found = list(kept.filter(external_id=text))
    if is_searchable(text):
        others = kept.filter(matching(place.organization.pk, text)).exclude(external_id=text)
        found += others[: MOST - len(found)]
    return [_hit(customer) for customer in found]


def _hit(customer: Customer) -> Hit:
    link = reverse("admin:customers_customer_change", args=[customer.pk])
    return Hit(str(customer), customer.external_id, "person", link)
