"""One call to another program's REST API, and what a failure says of whether it had an effect."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx2

from customers.providers.adapter import (
    Failure,
    OutcomeUnknown,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
)
from customers.providers.reach import seconds

# What is read of an answer; a customer is a few kilobytes.
LARGEST = 1_000_000
_WORDS = 500

# Returns the reason and the code that an error's JSON gives, in the form of one program.
Reason = Callable[[Any], tuple[str | None, str | None]]


class Answer(NamedTuple):
    """What came back of a call that was done; `json` is None if there was no body."""

    headers: Mapping[str, str]
    json: Any

    def table(self) -> dict[str, Any]:
        """Return the body as an object.

        :raises OutcomeUnknown: if it is none.
        """
        if not isinstance(self.json, dict):
            raise OutcomeUnknown("The answer could not be read.", "garbled_answer")
        return self.json


class Rest:
    """A program that is asked by HTTP; each call is made once, and follows no redirect.

    :param timeout: the seconds that one call may take, however slowly its answer drips.
    :param request_id: the header by which the program's support finds a call.
    """

    def __init__(self, name: str, timeout: float, reason: Reason, request_id: str) -> None:
        self.name = name
        self.timeout = timeout
        self.reason = reason
        self.request_id = request_id

    def do(
        self, verb: str, url: httpx2.URL, headers: Mapping[str, str], body: Any = None
    ) -> Answer:
        """Ask for something to be done.

        :raises Failure: as its kinds say.
        """
        content = None if body is None else json.dumps(body).encode()
        sent = {"Accept": "application/json", "Content-Type": "application/json", **headers}
        timeout = httpx2.Timeout(self.timeout, connect=min(5.0, self.timeout))
        deadline = time.monotonic() + self.timeout
        try:
            with (
                httpx2.Client(timeout=timeout, trust_env=False) as client,
                client.stream(verb, url, headers=sent, content=content) as answer,
            ):
                return self._judge(answer, _read(answer, deadline))
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise Unavailable(f"{self.name} could not be reached.", "unreachable") from error
        except httpx2.HTTPError as error:
            raise OutcomeUnknown(f"{self.name} did not answer in time.", "no_answer") from error

    def look(self, url: httpx2.URL, headers: Mapping[str, str]) -> Answer:
        """Ask for what is there; whatever fails, nothing was done.

        :raises Refused, Unavailable:
        """
        try:
            return self.do("GET", url, headers)
        except OutcomeUnknown as error:
            raise Unavailable(error.message, error.code, error.request_id) from error

    def _judge(self, answer: httpx2.Response, content: bytes | None) -> Answer:
        status, found = answer.status_code, _parsed(content)
        if 200 <= status < 300 and found is not _UNREADABLE:
            return Answer(answer.headers, found)
        raise self._failure(answer, status, found)

    def _failure(self, answer: httpx2.Response, status: int, found: Any) -> Failure:
        words, code = _reason_of(self.reason, found)
        request_id = answer.headers.get(self.request_id)
        if status == 429:
            wait = seconds(answer.headers.get("retry-after"))
            words = words or f"{self.name} asks for patience: too many calls."
            return Throttled(words, wait, code=code, request_id=request_id)
        if status in (401, 403):
            words = words or f"{self.name} turned the credentials down."
            return Unauthorized(words, code or "authentication_failed", request_id)
        if 400 <= status < 500 and status not in (408, 409, 425) and (words or code):
            return Refused(words or f"{self.name} refused the call ({status}).", code, request_id)
        if status >= 500:
            words = words or f"{self.name} failed to answer ({status})."
            return OutcomeUnknown(words, code or "server_error", request_id)
        return OutcomeUnknown(
            f"{self.name}'s answer could not be read ({status}).", "garbled_answer", request_id
        )


_UNREADABLE = object()


def _read(answer: httpx2.Response, deadline: float) -> bytes | None:
    """Return the body; None if it is larger than any that makes sense."""
    content = b""
    for piece in answer.iter_bytes():
        content += piece
        if len(content) > LARGEST:
            return None
        if time.monotonic() > deadline:
            raise httpx2.ReadTimeout("the answer drips")
    return content


def _parsed(content: bytes | None) -> Any:
    if content == b"":
        return None
    try:
        return _UNREADABLE if content is None else json.loads(content)
    except (ValueError, RecursionError):
        return _UNREADABLE


def _reason_of(reason: Reason, found: Any) -> tuple[str | None, str | None]:
    """Return what an error's body says, as far as it has the form that it should have."""
    try:
        words, code = reason(found)
    except (AttributeError, IndexError, KeyError, TypeError):
        return None, None
    return _text(words), _text(code)


def _text(value: Any) -> str | None:
    """Return the value as one line, if it is a text or a number."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    line = "".join(one if one.isprintable() else " " for one in str(value)).strip()
    return line[:_WORDS] or None
