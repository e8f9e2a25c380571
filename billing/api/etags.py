"""Version tags on the wire: `ETag`, `If-Match` and `If-None-Match` (customers.md 1.7)."""

import re

from billing.values import NO_SUCH_CODE

ANY = "*"
_ELEMENT = re.compile(r'[ \t]*(?:(?:W/)?"([^"\x00-\x20\x7f]*)"[ \t]*)?(?:,|\Z)')


def weak_etag(tag: str) -> str:
    """Return a version tag as the header `ETag` carries it."""
    return f'W/"{tag}"'


def read_if_match(header: str | None) -> tuple[str, ...]:
    """Return the tags of `If-Match`, or `*` alone; empty if the header was not sent.

    A value that can't be read stands for a tag that nothing has.
    """
    if header is None:
        return ()
    if header.strip(" \t") == ANY:
        return (ANY,)
    tags: list[str] = []
    position = 0
    while position < len(header):
        element = _ELEMENT.match(header, position)
        if element is None:
            return (NO_SUCH_CODE,)
        if element[1] is not None:
            tags.append(element[1])
        position = element.end()
    # A tag in quotes is a tag, even if it is an asterisk.
    return tuple(tag for tag in tags if tag != ANY) or (NO_SUCH_CODE,)


def asks_for_none(header: str | None) -> bool:
    """Return whether `If-None-Match` wants that there is no such object; tags are ignored."""
    return header is not None and header.strip(" \t") == ANY
