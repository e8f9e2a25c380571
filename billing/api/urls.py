"""The ground floor's addresses under /api/v1/, and the answer to all that are none."""

from django.urls import path, re_path
from django.urls.resolvers import URLPattern

from billing.api import routing  # registers the converters `code` and `id`
from billing.api.view import unknown_path
from billing.events.api import (
    JsonPublicKeyView,
    PublicKeyView,
    WebhookEndpointsView,
    WebhookEndpointView,
)
from billing.organizations.api import BillingEntitiesView, BillingEntityView, OrganizationView
from billing.taxes.api import TaxesView, TaxView

__all__ = ["routing", "unknown_paths", "urlpatterns"]

urlpatterns: list[URLPattern] = [
    path("taxes", TaxesView.as_view()),
    path("taxes/<code:code>", TaxView.as_view()),
    path("organizations", OrganizationView.as_view()),
    path("billing_entities", BillingEntitiesView.as_view()),
    path("billing_entities/<code:code>", BillingEntityView.as_view()),
    path("webhook_endpoints", WebhookEndpointsView.as_view()),
    path("webhook_endpoints/<id:endpoint_id>", WebhookEndpointView.as_view()),
    path("webhooks/json_public_key", JsonPublicKeyView.as_view()),
    path("webhooks/public_key", PublicKeyView.as_view()),
]

# Comes after the addresses of every floor.
unknown_paths = [re_path("", unknown_path)]
