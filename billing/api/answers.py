"""What the API answers: JSON, always, whatever the caller accepts."""

from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Self

import orjson
from django.http import HttpResponse

_WRITING = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


def _exact(value: Any) -> orjson.Fragment:
    """Write a decimal as a number without trailing zeros."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__qualname__} has no JSON form")
    text = format(value, "f")
    return orjson.Fragment(text.rstrip("0").rstrip(".") if "." in text else text)


def json_bytes(value: Any) -> bytes:
    """Return JSON: times in UTC to the second with `Z`, decimals exact without trailing zeros."""
    return orjson.dumps(value, default=_exact, option=_WRITING)


class ApiResponse(HttpResponse):
    """A JSON answer, from a value or from ready JSON bytes, with the object's tag if it has one."""

    rest: Callable[[], Self] | None = None
    """What is left to do after the commit; it returns the answer to give instead of this one."""

    def __init__(
        self, content: Any, status: int = HTTPStatus.OK, *, etag: str | None = None
    ) -> None:
        body = content if isinstance(content, bytes) else json_bytes(content)
        super().__init__(body, status=status, content_type="application/json")
        self.headers["Content-Length"] = str(len(body))
        if etag is not None:
            self.headers["ETag"] = etag

    @classmethod
    def after_commit(cls, rest: Callable[[], Self]) -> Self:
        """Return what stands for an answer that is found after the commit only."""
        answer = cls(b"", HTTPStatus.PROCESSING)
        answer.rest = rest
        return answer

    def finished(self) -> Self:
        """Do what is left to do, and return the answer to give; call it after the commit."""
        return self.rest() if self.rest else self
