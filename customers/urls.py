"""The customers' addresses under /api/v1/."""

from django.urls import path

from billing.api import routing
from customers.api import CheckoutView, CustomersView, CustomerView, PortalView

__all__ = ["routing", "urlpatterns"]  # the first one brings the converter `code`

urlpatterns = [
    path("customers", CustomersView.as_view()),
    # A literal end names a part of a customer; the same end with an encoded slash is an id.
    path("customers/<code:external_id>/portal_url", PortalView.as_view()),
    path("customers/<code:external_id>/checkout_url", CheckoutView.as_view()),
    path("customers/<code:external_id>", CustomerView.as_view()),
]
