"""Parts of a path, read from the request target as it was sent (customers.md 1.1).

Routes match the undecoded path, so an encoded slash never splits an id. What can't be an id
becomes one that nothing has: the answer is then the ordinary 404 of the resource, after the key,
the permission and the body were looked at.
"""

import re
from urllib.parse import quote, unquote_to_bytes
from uuid import UUID

from django.urls import register_converter
from django.urls.converters import get_converters

from billing.values import NO_SUCH_CODE, TEXT_LENGTH

NO_SUCH_ID = UUID(int=0)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def decode(part: str) -> str:
    """Return a part of an undecoded path as text; `+` stays a plus."""
    if "%" not in part and part.isascii():
        found = part
    else:
        try:
            found = unquote_to_bytes(part).decode()
        except UnicodeDecodeError:
            return NO_SUCH_CODE
    if "\0" in found or len(found) > TEXT_LENGTH:
        return NO_SUCH_CODE
    return found


class CodeConverter:
    """A code or an id chosen by the caller: any character, slashes and dots included."""

    regex = r"(?s:.+)"

    def to_python(self, value: str) -> str:
        """Return the decoded text, or NO_SUCH_CODE."""
        return decode(value)

    def to_url(self, value: str) -> str:
        """Return the text as a path takes it."""
        return quote(value, safe="")


class IdConverter(CodeConverter):
    """An id that we made: a UUID."""

    def to_python(self, value: str) -> UUID:  # type: ignore[override]
        """Return the UUID, or NO_SUCH_ID."""
        found = decode(value)
        return UUID(found) if _UUID.fullmatch(found) else NO_SUCH_ID

    def to_url(self, value: UUID) -> str:  # type: ignore[override]
        """Return the UUID as a path takes it."""
        return str(value)


if "code" not in get_converters():
    register_converter(CodeConverter, "code")
    register_converter(IdConverter, "id")
