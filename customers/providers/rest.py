"""One call to another program's REST API, and what a failure says of whether it had an effect."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx2

from customers.providers.failures import (
    Failure,
    OutcomeUnknown,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
)
from customers.providers.wire import Wire, seconds

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
        self.wire = Wire(name, timeout)
        self.reason = reason
        self.request_id = request_id

    def do(
        self, verb: str, url: httpx2.URL, headers: Mapping[str, str], body: Any = None
    ) -> Answer:
        """Ask for something to be done.

        :raises Failure: as its kinds say.
        """
        content = None if body is None else json.dumps(body).encode()
        sent = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "Tarn",
            **headers,
        }
        return self._judge(self.wire.send(verb, url, sent, content))

    def look(self, url: httpx2.URL, headers: Mapping[str, str]) -> Answer:
        """Ask for what is there; whatever fails, nothing was done.

        :raises Refused, Unavailable:
        """
        try:
            return self.do("GET", url, headers)
        except OutcomeUnknown as error:
            raise Unavailable(error.message, error.code, error.request_id) from error

    def _judge(self, answer: httpx2.Response) -> Answer:
        status, found = answer.status_code, _parsed(answer.content)
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


def _parsed(content: bytes) -> Any:
    if content == b"":
        return None
    try:
        return json.loads(content)
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
    return line or None
