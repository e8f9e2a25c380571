"""Forms that come back as no page of ours makes them: who sent them is written down.

Each page refuses such a form by itself. Here, in one place, is noticed that it did.
"""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

from billing.staff.workplace import has_workplace, organizations_of, workplace

# What Django, or a form of ours, says of a value that its page never offered.
NOT_OFFERED = frozenset({"invalid_choice", "invalid_pk_value", "incomplete"})
# A form may be sent by whoever switched meanwhile: that is asked for by itself.
_TENANT = "organization"

log = structlog.get_logger(__name__)


class Tampered(Http404):
    """A form holds in this field what its page never put there."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class TamperingLog:
    """Writes down who sent a form that was refused because no page of ours makes it.

    The line has the ids of the person and of the organization, the route and the names of the
    fields; no values, which may be personal.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        response = self.get_response(request)
        if request.method == "POST" and request.path_info.startswith(reverse("admin:index")):
            self._look(request, response)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        """Take down what a page refused outright."""
        if isinstance(error, Tampered):
            note(request, error.field)
        elif isinstance(error, Http404) and request.resolver_match:
            note(request, *request.resolver_match.kwargs)
        elif isinstance(error, PermissionDenied):
            request._tarn_forbidden = True  # type: ignore[attr-defined]  # lives as long as a request

    def _look(self, request: HttpRequest, response: HttpResponseBase) -> None:
        if not request.user.is_authenticated or not has_workplace(request):
            return
        fields = {*_noted(request), *_not_offered(response), *_foreign_tenant(request)}
        if fields:
            _write(request, "tampered_form", fields=sorted(fields))
        elif getattr(request, "_tarn_forbidden", False):
            _write(request, "forbidden_form")


def note(request: HttpRequest, *fields: str) -> None:
    """Have it written down that these fields held what their page never put there."""
    request._tarn_tampered = _noted(request) | set(fields)  # type: ignore[attr-defined]  # see above


def _noted(request: HttpRequest) -> set[str]:
    found: set[str] = getattr(request, "_tarn_tampered", set())
    return found


def _not_offered(response: HttpResponseBase) -> Iterator[str]:
    """Return the fields of the form on the page whose values were not on offer."""
    context = getattr(response, "context_data", None) or {}
    form = context.get("form") or getattr(context.get("adminform"), "form", None)
    if not isinstance(form, BaseForm) or not form.is_bound:
        return
    for name, errors in form.errors.as_data().items():
        field = form.fields.get(name)
        if name != _TENANT and (
            NOT_OFFERED & {error.code for error in errors}
            or (field is not None and field.widget.is_hidden)
        ):
            yield name


def _foreign_tenant(request: HttpRequest) -> Iterator[str]:
    """Return the field that names an organization the person doesn't work for."""
    sent = request.POST.get(_TENANT, "")
    if sent in ("", str(workplace(request).organization.pk)):
        return
    try:
        is_mine = organizations_of(request.user).filter(pk=UUID(sent)).exists()
    except ValueError:
        is_mine = False
    if not is_mine:
        yield _TENANT


def _write(request: HttpRequest, event: str, **facts: Any) -> None:
    match = request.resolver_match
    log.warning(
        event,
        person=str(request.user.pk),
        organization=str(workplace(request).organization.pk),
        route=match.route if match else None,
        **facts,
    )
