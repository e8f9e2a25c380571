"""The customer's own page: no password, no cookie, no script; whoever has the link may open it."""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import structlog
from csp.constants import NONE, SELF
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as lazy
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from billing.errors import Invalid, NotAllowed, NotFound
from customers.history import customer_now
from customers.models import Customer
from customers.portal.details import details_of, seen_in
from customers.portal.form import (
    Problems,
    StaleForm,
    differences_of,
    groups_of,
    read_draft,
    sealed_form,
    typed_in,
)
from customers.portal.links import LinkEnded, LinkExpired, NoSuchLink, read_token
from customers.portal.propose import last_judged, propose, waiting_proposal, withdraw
from customers.portal.visits import count_visit

# A form is a few lines; nothing larger is read.
BODY_BYTES = 65_536
_FORM_TYPE = "application/x-www-form-urlencoded"
_LANGUAGES = dict(settings.LANGUAGES)
# So long a customer sees what became of its proposal.
_SHOWN_FOR = timedelta(days=60)
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
_POLICY = {
    "default-src": [NONE],
    "script-src": [NONE],
    "connect-src": [NONE],
    "font-src": [NONE],
    "manifest-src": [NONE],
    "style-src": [SELF],
    "img-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}
_REFUSALS: Mapping[str, Any] = {
    "nothing_proposed": lazy(
        "Nothing differs from what we have already, so there was nothing to send."
    ),
    "too_many_proposals": lazy(
        "You have sent many corrections today. Please send the next one tomorrow; "
        "the last one is with us."
    ),
    "stale": lazy("This page was open for too long. Please look at your entries, and send again."),
}

log = structlog.get_logger(__name__)


@method_decorator(csrf_exempt, name="dispatch")
class PortalPage(View):
    """What a customer sees of itself, with a form to propose corrections.

    There is no session that a stranger's page could make use of: who sends a form needs the link,
    and a form that we made for its customer. Django's check would turn browsers away, which send
    no origin from a page without referrer.
    """

    http_method_names = ["get", "head", "post"]
    customer: Customer

    def dispatch(self, request: HttpRequest, *args: Any, **values: Any) -> HttpResponseBase:
        """Answer, and have nobody keep, index, frame or pass on what is shown."""
        response = self._answer(request, str(values["token"]))
        for name, value in _HEADERS.items():
            response.headers[name] = value
        vars(response)["_csp_config"] = _POLICY
        return response

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the page."""
        return self._show()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep a proposal, or take it back; then show the page anew."""
        refused = _refused_form(request)
        if refused is not None:
            return _closed(request, "form", refused)
        try:
            draft = read_draft(self.customer, request.POST)
            if "withdraw" in request.POST:
                withdraw(self.customer)
            else:
                propose(self.customer, draft)
        except StaleForm:
            return self._show_again("stale")
        except NotAllowed as refusal:
            return self._show_again(refusal.code)
        except Invalid as refusal:
            return self._show_again("", refusal.problems)
        except NotFound:
            return _closed(request, "gone", HTTPStatus.NOT_FOUND)
        response = HttpResponseRedirect(f"{request.get_full_path()}#status")
        response.status_code = HTTPStatus.SEE_OTHER
        return response

    def _answer(self, request: HttpRequest, token: str) -> HttpResponseBase:
        try:
            self.customer = read_token(token)
        except LinkExpired:
            return _closed(request, "expired", HTTPStatus.GONE)
        except LinkEnded:
            return _closed(request, "ended", HTTPStatus.GONE)
        except NoSuchLink:
            return _closed(request, "gone", HTTPStatus.NOT_FOUND)
        rate = count_visit(self.customer)
        if rate.is_exceeded:
            response = _closed(request, "busy", HTTPStatus.TOO_MANY_REQUESTS)
            response.headers["Retry-After"] = str(rate.seconds_left)
            return response
        zone = ZoneInfo(self.customer.timezone or self.customer.billing_entity.timezone)
        with translation.override(_language(request, self.customer)), timezone.override(zone):
            shown = super().dispatch(request)
            shown.headers["Content-Language"] = translation.get_language() or "en"
            return shown

    def _show_again(self, code: str, problems: Problems | None = None) -> HttpResponse:
        """Show the page with what was typed, and say what is wrong."""
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if code == "too_many_proposals":
            status = HTTPStatus.TOO_MANY_REQUESTS
        return self._show(
            status,
            problems or {},
            typed=typed_in(self.request.POST),
            note=self.request.POST.get("note", ""),
            problem=_REFUSALS.get(code, ""),
        )

    def _show(
        self,
        status: int = HTTPStatus.OK,
        problems: Problems | None = None,
        *,
        typed: Mapping[str, str] | None = None,
        **context: Any,
    ) -> HttpResponse:
        now = customer_now(self.customer.organization_id, self.customer.pk)
        seen, waiting = seen_in(now.values), waiting_proposal(self.customer)
        values = (
            seen | {path: new for path, (_, new) in waiting.changes.items()} if waiting else seen
        )
        groups = groups_of(values | dict(typed or {}), seen, problems or {})
        country = now.values["country"]
        frame = {
            "issuer": self.customer.billing_entity,
            "customer": self.customer,
            "details": details_of(self.customer, now),
            "waiting": waiting,
            "proposed": differences_of(waiting, country) if waiting else [],
            "judged": self._judged(country),
            "form": sealed_form(self.customer, seen),
            "groups": groups,
            "wrong": [field for group in groups for field in group.fields if field.error],
            "is_open": typed is not None,
            "languages": _LANGUAGES.items(),
            "note": waiting.note if waiting else "",
        }
        return render(self.request, "portal/page.html", frame | context, status=status)

    def _judged(self, country: str | None) -> dict[str, Any] | None:
        """Return what became of the last proposal, if that is news."""
        found = last_judged(self.customer)
        if found is None or found.judged_at is None:
            return None
        if timezone.now() - found.judged_at > _SHOWN_FOR:
            return None
        return {"proposal": found, "differences": differences_of(found, country)}


def _language(request: HttpRequest, customer: Customer) -> str:
    """Return what the reader chose here, else the customer's own, else what the browser asks."""
    for language in (request.GET.get("language"), customer.document_locale):
        if language in _LANGUAGES:
            return language
    return translation.get_language_from_request(request)


def _refused_form(request: HttpRequest) -> HTTPStatus | None:
    """Return why a form isn't even read, None if it may be."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit()):
        return HTTPStatus.LENGTH_REQUIRED
    if int(length) > BODY_BYTES:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if request.content_type != _FORM_TYPE:
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    if _is_from_elsewhere(request):
        log.warning("portal form from another site turned away")
        return HTTPStatus.FORBIDDEN
    return None


def _is_from_elsewhere(request: HttpRequest) -> bool:
    """Return whether the browser says that another site's page sends this."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    # Browsers send `null` from a page without referrer.
    origin = request.headers.get("Origin", "null")
    return origin != "null" and urlsplit(origin).netloc != request.get_host()


def _closed(request: HttpRequest, why: str, status: int) -> HttpResponse:
    """Return a page that says why there is nothing to see, in the browser's language."""
    return render(request, "portal/closed.html", {"why": why}, status=status)
