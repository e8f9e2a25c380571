"""Addresses of the peer."""

from django.urls import path

from drf_peer.views import CustomerViewSet

urlpatterns = [
    path("api/v1/customers", CustomerViewSet.as_view({"get": "list", "post": "create"})),
]
