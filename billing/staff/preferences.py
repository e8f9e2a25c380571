"""People's own settings, and the language that pages come in."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from billing.staff.models import StaffPreference
from billing.staff.workplace import has_workplace, workplace
from billing.values import TIMEZONES

LANGUAGES = frozenset(code for code, _ in settings.LANGUAGES)
ZONES = frozenset(TIMEZONES)


class ReadersLanguage:
    """Answers in the language a person chose, else in one that their browser asks for.

    Only browsers pass here; what programs are told is the wire's and stays English.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        language = preference(request).language if request.path_info.startswith("/admin/") else ""
        # Left again afterwards: the thread may serve a program next.
        with translation.override(language or translation.get_language_from_request(request)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "en")
        patch_vary_headers(response, ("Accept-Language",))
        return response


class ReadersTime:
    """Says times of the back office in the time zone a person chose, else in the organization's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        if not request.path_info.startswith("/admin/"):
            return self.get_response(request)
        with timezone.override(ZoneInfo(_zone(request))):
            return self.get_response(request)


def _zone(request: HttpRequest) -> str:
    if not request.user.is_authenticated:
        return settings.TIME_ZONE
    chosen = preference(request).timezone
    if chosen in ZONES:
        return chosen
    # The workplace is read for every page; here a little sooner.
    found = workplace(request).organization.timezone if has_workplace(request) else ""
    return found if found in ZONES else settings.TIME_ZONE


def preference(request: HttpRequest) -> StaffPreference:
    """Return the person's settings, read once for a request."""
    found: StaffPreference | None = getattr(request, "_tarn_preference", None)
    if found is None:
        person = request.user
        kept = StaffPreference.objects.filter(pk=person.pk).first() if person.pk else None
        found = kept or StaffPreference()
        request._tarn_preference = found  # type: ignore[attr-defined]  # lives as long as a request
    return found


def prefer(request: HttpRequest) -> HttpResponse:
    """Keep what the person chose, and go back to where they were."""
    chosen: dict[str, str | bool] = {}
    if (language := request.POST.get("language")) is not None and language in LANGUAGES | {""}:
        chosen["language"] = language
    if (zone := request.POST.get("timezone")) is not None and zone in ZONES | {""}:
        chosen["timezone"] = zone
    if (keys := request.POST.get("keys")) is not None:
        chosen["keys_off"] = keys == "off"
    if chosen:
        StaffPreference.objects.update_or_create(pk=request.user.pk, defaults=chosen)
    back = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    return HttpResponseRedirect(back if ours else reverse("admin:index"))
