"""What every page of ours has in common: its content security policy, and its error pages."""

from collections.abc import Callable

from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views import defaults

from billing.staff.workplace import NoWorkplace


class AdminPolicy:
    """Widens the policy by what the admin's theme needs, under /admin/ alone.

    Its scripts (Alpine) evaluate expressions in attributes; its colors stand in a style element.
    Inline scripts stay forbidden there as well.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request; CSPMiddleware, outside of us, writes the header."""
        response = self.get_response(request)
        if request.path_info.startswith("/admin/"):
            vars(response).setdefault(
                "_csp_update", {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}
            )
        return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400: JSON for programs, a page for people."""
    if _for_program(request):
        return JsonResponse({"status": 400, "error": "BadRequest: malformed request"}, status=400)
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403: JSON for programs, a page for people."""
    if _for_program(request):
        return JsonResponse({"status": 403, "error": "Forbidden"}, status=403)
    page = "403_no_organization.html" if isinstance(exception, NoWorkplace) else "403.html"
    return defaults.permission_denied(request, exception, page)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404: JSON for programs, a page for people."""
    if _for_program(request):
        body = {"status": 404, "error": "Not Found", "code": "resource_not_found"}
        return JsonResponse(body, status=404)
    return defaults.page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer 500: JSON for programs, a page for people."""
    if _for_program(request):
        body = {"status": 500, "error": "Internal Server Error", "code": "internal_error"}
        return JsonResponse(body, status=500)
    return defaults.server_error(request)


def _for_program(request: HttpRequest) -> bool:
    """Say whether config/wsgi.py sent it this way, or it looks for some other API."""
    return hasattr(request, "for_program") or request.path_info.startswith("/api/")
