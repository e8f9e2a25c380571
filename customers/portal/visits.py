"""How often a customer's page may be asked for: a flood ends before it reaches anything else."""

from billing.api.throttle import Counter, Rate
from customers.models import Customer

# In a minute, whoever asks. A page costs one, sending a form two.
VISITS = 60

_VISITS = Counter("customers_portalvisits", "customer_id", "organization_id")


def count_visit(customer: Customer) -> Rate:
    """Count a request of the customer's page, and return where that leaves it."""
    return _VISITS.count(VISITS, customer.pk, customer.organization_id)
