"""Too many failures by one person from one address: counted for every step of a sign-in."""

from datetime import datetime
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_client_ip_address, get_cool_off
from axes.models import AccessAttempt
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from billing.people.frame import frame_context

Credentials = dict[str, Any]


def client_name(request: HttpRequest, credentials: Credentials | None) -> str:
    """Return the name that failures are counted under, so that `Ada` and `ada` are one."""
    found = (credentials or {}).get("username") or request.POST.get("login") or ""
    return str(found).strip().lower()


def is_locked(request: HttpRequest, person: AbstractBaseUser) -> bool:
    """Return whether the person has failed too often from this address; the answer says so then."""
    credentials = {"username": person.get_username()}
    if AxesProxyHandler.is_allowed(request, credentials):
        return False
    _mark_locked(request, credentials)
    return True


def note_failure(request: HttpRequest, person: AbstractBaseUser) -> None:
    """Count a wrong code like a wrong password."""
    user_login_failed.send(
        sender=__name__, credentials={"username": person.get_username()}, request=request
    )


def locked(
    request: HttpRequest, response: HttpResponse | None, credentials: Credentials | None
) -> HttpResponse:
    """Answer a person who is locked out: when to try again, and whom to ask."""
    context = frame_context(request) | {"until": _locked_until(request, credentials)}
    return render(request, "account/locked.html", context, status=429)


def _mark_locked(request: Any, credentials: Credentials) -> None:
    # AxesMiddleware replaces the answer of a request that is marked so.
    request.axes_locked_out, request.axes_credentials = True, credentials


def _locked_until(request: HttpRequest, credentials: Credentials | None) -> datetime:
    attempts = AccessAttempt.objects.filter(
        username=client_name(request, credentials), ip_address=get_client_ip_address(request)
    )
    last = attempts.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    return (last or timezone.now()) + get_cool_off(request)
