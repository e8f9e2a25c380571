"""What stands before every page of the back office: signed in, with the factors asked for."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from billing.people.factors import lacks_factor

INSIDE = "/admin/"
# Open to those who are about to sign in, or to set up their second factor; its forms ask who is
# signed in, too.
OPEN = (
    "/admin/login/", "/admin/logout/", "/admin/account/", "/admin/jsi18n/", "/admin/presence/",
)  # fmt: skip


class Gate:
    """Tells scripts of a page that the session is over, and leads people to their second factor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request, or say what is missing first."""
        path = request.path_info
        if not path.startswith(INSIDE) or path.startswith(OPEN):
            return self.get_response(request)
        if not request.user.is_authenticated:
            # The admin itself leads people to the page where they sign in.
            return _signed_out(request) if is_script(request) else self.get_response(request)
        if lacks_factor(request.user):
            return _factor_needed(request)
        return self.get_response(request)


def is_script(request: HttpRequest) -> bool:
    """Return whether a script of a page asks, which can't follow to a form."""
    wanted = request.headers.get("Accept", "")
    return (
        request.headers.get("X-Requested-With") == "XMLHttpRequest"
        or "HX-Request" in request.headers
        or ("application/json" in wanted and "text/html" not in wanted)
    )


def _signed_out(request: HttpRequest) -> JsonResponse:
    words = _("Your session has ended. Sign in again; what you typed is still here.")
    body = {"error": "signed_out", "message": words, "login": reverse("account_login")}
    return JsonResponse(body, status=401)


def _factor_needed(request: HttpRequest) -> HttpResponseBase:
    page = reverse("mfa_index")
    if is_script(request):
        words = _("Set up a second factor first.")
        return JsonResponse(
            {"error": "second_factor_needed", "message": words, "login": page}, status=403
        )
    messages.warning(
        request,
        _("Your organization asks for a second factor. Set one up; then everything is open."),
    )
    return HttpResponseRedirect(f"{page}?{urlencode({'next': request.get_full_path()})}")
