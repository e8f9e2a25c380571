"""The ground floor's addresses under /api/v1/, and the answer to all that are none."""

from django.urls import re_path
from django.urls.resolvers import URLPattern

from billing.api import routing  # registers the converters `code` and `id`
from billing.api.view import unknown_path

__all__ = ["routing", "unknown_paths", "urlpatterns"]

urlpatterns: list[URLPattern] = []

# Comes after the addresses of every floor.
unknown_paths = [re_path("", unknown_path)]
