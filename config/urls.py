"""Every address of the server."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from billing.api.urls import unknown_paths
from billing.organizations.api import logo
from config import health, metrics

admin.autodiscover()  # the screens: see billing/staff/apps.py

urlpatterns = [
    path("api/v1/", include("customers.urls")),  # first: what programs call most is found soonest
    path("api/v1/", include("billing.api.urls")),
    path("customer-portal/", include("customers.portal.urls")),
    path("webhooks/", include("customers.providers.urls")),
    path("health", health.health),
    path("ready", health.ready),
    path("metrics", metrics.metrics),
    path("admin/", include("billing.people.urls")),  # before the admin's own way of signing in
    path("admin/", admin.site.urls),
    path("logos/<uuid:entity_id>", logo, name="logo"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(), name="docs"),
    path("api/v1/", include(unknown_paths)),  # last: whatever none of the above took
]

handler400 = "config.pages.bad_request"
handler403 = "config.pages.forbidden"
handler404 = "config.pages.not_found"
handler500 = "config.pages.failed"
