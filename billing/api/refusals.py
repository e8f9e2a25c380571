"""Refusals and failures as answers: the only place that knows statuses (customers.md 1.5)."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import django.db
import psycopg
from django.core.exceptions import SuspiciousOperation
from psycopg import errors

from billing.api.answers import ApiResponse
from billing.api.body import BadBody
from billing.api.etags import weak_etag
from billing.errors import Invalid, NotAllowed, NotFound, Stale, ThirdPartyRefused, Unreachable

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = "1"
_WORDS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_DATABASE_IS_AWAY = (
    django.db.OperationalError,
    django.db.InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
# What the server reports as an internal error while it fails over or ends a session.
_SESSION_ENDED = (errors.ReadOnlySqlTransaction, errors.IdleInTransactionSessionTimeout)
# Class 54 of the SQL states, a limit of the program, fails again at every try.
_PROGRAM_LIMIT = "54"


class Refused(Exception):
    """The edge turns a request away before any rule sees it.

    :param words: what a 400 says after `BadRequest:`.
    """

    def __init__(
        self,
        status: int,
        code: str | None = None,
        *,
        words: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code
        self.words = words
        self.headers = headers or {}


def error_answer(
    status: int,
    code: str | None = None,
    *,
    words: str | None = None,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ApiResponse:
    """Return an error in the envelope of the wire."""
    error = f"BadRequest: {words}" if status == 400 else _WORDS[status]
    body: dict[str, Any] = {"status": status, "error": error}
    if code is not None:
        body["code"] = code
    if details is not None:
        body["error_details"] = details
    response = ApiResponse(body, status)
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def answer_to(error: Exception, route: str) -> ApiResponse:
    """Return the answer to whatever was raised while a request of `route` was handled.

    What nobody foresaw is logged and answered as a 500 that tells nothing.
    """
    for kind, answer in _ANSWERS.items():
        if isinstance(error, kind):
            return answer(error)
    if _is_outage(error):
        log.warning("database unavailable at %s", route, exc_info=error)
        return unavailable()
    log.error("unexpected error at %s", route, exc_info=error)
    return error_answer(500, "internal_error")


def unavailable() -> ApiResponse:
    """Return the answer of a server whose database, or a provider, is out of reach."""
    return error_answer(503, "service_unavailable", headers={"Retry-After": RETRY_AFTER_SECONDS})


def _is_outage(error: Exception) -> bool:
    cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
    if isinstance(cause, _SESSION_ENDED):
        return True
    if str(getattr(cause, "sqlstate", None) or "").startswith(_PROGRAM_LIMIT):
        return False
    return isinstance(error, _DATABASE_IS_AWAY)


def _refused(error: Refused) -> ApiResponse:
    return error_answer(error.status, error.code, words=error.words, headers=error.headers)


def _stale(error: Stale) -> ApiResponse:
    headers = {"ETag": weak_etag(error.current)} if error.current is not None else None
    return error_answer(412, "precondition_failed", headers=headers)


def _third_party(error: ThirdPartyRefused) -> ApiResponse:
    details = {"third_party": error.third_party, "thirdparty_error": error.words}
    return error_answer(422, "third_party_error", details=details)


def _suspicious(error: SuspiciousOperation) -> ApiResponse:
    return error_answer(400, words="the request cannot be read")


_ANSWERS: dict[type[Exception], Callable[[Any], ApiResponse]] = {
    Refused: _refused,
    BadBody: lambda error: error_answer(400, words=str(error)),
    Invalid: lambda error: error_answer(422, "validation_errors", details=error.problems),
    NotFound: lambda error: error_answer(404, f"{error.resource}_not_found"),
    NotAllowed: lambda error: error_answer(405, error.code),
    Stale: _stale,
    ThirdPartyRefused: _third_party,
    Unreachable: lambda error: unavailable(),
    SuspiciousOperation: _suspicious,
}
