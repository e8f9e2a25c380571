"""Every address of the server."""

from django.contrib import admin
from django.urls import path

from config import health

urlpatterns = [
    path("health", health.health),
    path("ready", health.ready),
    path("admin/", admin.site.urls),
]

handler400 = "config.pages.bad_request"
handler403 = "config.pages.forbidden"
handler404 = "config.pages.not_found"
handler500 = "config.pages.failed"
