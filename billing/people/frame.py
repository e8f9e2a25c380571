"""The pages of signing in and of one's account, in the look of the back office."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver
from django.utils.translation import gettext as _

View = Callable[..., HttpResponseBase]


def frame_context(request: HttpRequest) -> dict[str, Any]:
    """Return what the templates of the back office need besides a page's own values."""
    return {"title": _("Your account"), **admin.site.each_context(request)}


def framed(patterns: list[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """Return the addresses with their pages shown in the look of the back office."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            framed(pattern.url_patterns)
        else:
            pattern.callback = _in_frame(pattern.callback)
    return patterns


def _in_frame(view: View) -> View:
    @wraps(view)
    def show(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        request.section = "account"  # type: ignore[attr-defined]  # read by the sidebar
        response = view(request, *args, **options)
        context = getattr(response, "context_data", None)
        if context is not None:
            for name, value in frame_context(request).items():
                context.setdefault(name, value)
        return response

    return show
