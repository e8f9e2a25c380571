"""Asking a Lago server by its REST API: patiently, and never more than it allows.

The key goes into one header and nowhere else: into no message, no log and no redirect.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpcore2
import httpx2
import stamina
from django.utils.translation import gettext as _
from stamina.instrumentation import RetryDetails

from billing.values import JsonNumber
from customers.providers.wire import UNCONNECTED, Line

_ATTEMPTS = 8
_SECONDS_IN_ALL = 600.0
# Longer than any window of a rate limit; what asks for more is told to people instead.
_LONGEST_WAIT = 300.0
_MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})
# What one call may take, however slowly its answer drips, and what is read of it: a page of a
# hundred customers is half a megabyte.
_SECONDS = 60.0
_LARGEST = 50_000_000
_SECONDS_BETWEEN_WORDS = 10.0

Json = dict[str, Any]


class LagoRefused(Exception):
    """Lago can't be asked, or answers what can't be used; the message is a sentence for people."""


class LagoMissing(LagoRefused):
    """Lago has no such thing, or has it no more."""


class _Passing(Exception):
    """This went wrong and may go well later.

    :param wait: the seconds the server asks for; None if it names none.
    """

    def __init__(self, words: str, wait: float | None = None) -> None:
        super().__init__(words)
        self.wait = wait


class _Transport(httpx2.BaseTransport):
    """Sends calls over connections that are kept, each thread over its own."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._lines: list[Line] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a call and return its whole answer."""
        if not hasattr(self._own, "line"):
            self._own.line = Line(_SECONDS, _LARGEST)
            self._lines.append(self._own.line)
        try:
            answer: httpx2.Response = self._own.line.send(request)
        except UNCONNECTED as error:
            raise httpx2.ConnectError(str(error)) from error
        except httpcore2.TimeoutException as error:
            raise httpx2.ReadTimeout(str(error)) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise httpx2.ReadError(str(error)) from error
        return answer

    def close(self) -> None:
        """Close the connections of all threads."""
        for line in self._lines:
            line.close()


class Telling:
    """Tells people when Lago is asked again: now and then, however many requests wait."""

    def __init__(self, say: Callable[[str], Any]) -> None:
        self._say = say
        self._told: float | None = None

    def __call__(self, details: RetryDetails) -> None:
        """Tell of one more try, unless somebody was told a moment ago."""
        now = time.monotonic()
        if self._told is not None and now - self._told < _SECONDS_BETWEEN_WORDS:
            return
        self._told = now
        self._say(
            _("Lago: %(reason)s. Asking again in %(seconds)d s.")
            % {"reason": details.caused_by, "seconds": max(1, round(details.wait_for))}
        )


class LagoClient:
    """Reads from one Lago account; several threads may ask at once."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        insecure_http: bool = False,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.address = _address(url, insecure_http=insecure_http)
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise LagoRefused(_("The API key holds characters that no key has. Copy it again."))
        self._http = httpx2.Client(
            base_url=f"{self.address}/api/v1/",
            headers={
                "Authorization": f"Bearer {key}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # what is packed could be of any size
            },
            follow_redirects=False,
            trust_env=False,
            transport=transport or _Transport(),
        )
        self._not_before = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, *path: str, **parameters: str | int) -> Json:
        """Return the JSON object at a path, asking again while the trouble may pass.

        :raises LagoMissing: if there is nothing.
        :raises LagoRefused: if Lago refuses, or the trouble does not pass.
        """
        target = "/".join(_quoted(part) for part in path)
        try:
            for attempt in stamina.retry_context(
                on=_wait_for,
                attempts=_ATTEMPTS,
                timeout=_SECONDS_IN_ALL,
                wait_initial=0.5,
                wait_max=30.0,
            ):
                with attempt:
                    return self._try(target, parameters)
        except _Passing as trouble:
            raise LagoRefused(
                _("%(what)s: %(reason)s, again and again. Nothing is lost; try later.")
                % {"what": f"{self.address}/api/v1/{target}", "reason": trouble}
            ) from None
        raise AssertionError  # a loop of attempts ends by one of the above

    def _try(self, target: str, parameters: Mapping[str, str | int]) -> Json:
        time.sleep(max(0.0, self._not_before - time.monotonic()))
        try:
            answer = self._http.get(target, params=dict(parameters))
        except httpx2.TransportError as error:
            raise _Passing(_reason(error)) from None
        except httpx2.HTTPError as error:
            raise _Passing(type(error).__name__) from None
        self._mind_limit(answer)
        if answer.status_code in _MAY_PASS:
            raise _Passing(_("it answers %d") % answer.status_code, _asked_wait(answer))
        if answer.status_code != 200:
            raise self._refusal(answer, target)
        return _read(answer)

    def _mind_limit(self, answer: httpx2.Response) -> None:
        """Ask nothing before the window is renewed, if this was the last request it allows."""
        if answer.headers.get("x-ratelimit-remaining") == "0":
            wait = _seconds(answer.headers.get("x-ratelimit-reset"))
            self._not_before = time.monotonic() + min(wait or 0.0, _LONGEST_WAIT)

    def _refusal(self, answer: httpx2.Response, target: str) -> LagoRefused:
        """Return a sentence for a status that no repetition mends."""
        what = f"{self.address}/api/v1/{target}"
        status = answer.status_code
        if status == 401:
            return LagoRefused(_("%s does not know this API key.") % self.address)
        if status == 403:
            return LagoRefused(
                _("The API key may not read %s. Give it the permission to read.") % what
            )
        if status == 404:
            return LagoMissing(_("There is nothing at %s.") % what)
        if 300 <= status < 400:
            host = httpx2.URL(answer.headers.get("location", "")).host or _("another place")
            return LagoRefused(
                _("%(what)s leads on to %(host)s, and the key goes nowhere but to --url. If that "
                  "is your Lago, give its own address.") % {"what": what, "host": host}
            )  # fmt: skip
        return LagoRefused(_("%(what)s answers %(status)d.") % {"what": what, "status": status})


def _address(url: str, *, insecure_http: bool) -> str:
    """Return scheme, host and path of an installation, without the API's own path.

    :raises LagoRefused: if a key should not be sent there.
    """
    try:
        parts = httpx2.URL(url.strip())
    except httpx2.InvalidURL:
        parts = httpx2.URL("")
    if parts.scheme not in ("http", "https") or not parts.host or parts.userinfo:
        raise LagoRefused(_("“%s” is not the address of an API: https://api.example.com.") % url)
    if parts.scheme == "http" and not insecure_http:
        raise LagoRefused(
            _("The key would travel in clear. Use https, or say --insecure-http if nobody can "
              "listen between here and there.")
        )  # fmt: skip
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    path = parts.path.rstrip("/").removesuffix("/api/v1").rstrip("/")
    return f"{parts.scheme}://{host}{port}{path}"


def _quoted(part: str) -> str:
    """Return one piece of a path; dots alone would be taken for steps."""
    return part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="")


def _wait_for(error: Exception) -> bool | float:
    """Return whether to ask again, or after how many seconds."""
    if not isinstance(error, _Passing):
        return False
    if error.wait is None:
        return True
    return error.wait if error.wait <= _LONGEST_WAIT else False


def _asked_wait(answer: httpx2.Response) -> float | None:
    wait = _seconds(answer.headers.get("retry-after"))
    return wait if wait is not None else _seconds(answer.headers.get("x-ratelimit-reset"))


def _seconds(text: str | None) -> float | None:
    if text is None or not text.isascii() or not text.isdigit():
        return None
    return float(text)


def _reason(error: httpx2.TransportError) -> str:
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return _("it can't be reached")
    if isinstance(error, httpx2.TimeoutException):
        return _("it does not answer in time")
    return _("the connection breaks off")


def _read(answer: httpx2.Response) -> Json:
    """Return the JSON object of an answer; numbers with a fraction stay as they were written."""
    try:
        found = json.loads(answer.content, parse_float=JsonNumber, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _Passing(_("its answer is no JSON, or breaks off")) from None
    if not isinstance(found, dict):
        raise _Passing(_("its answer is no JSON object"))
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)
