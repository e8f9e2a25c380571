"""Which addresses webhooks may go to, as far as their text tells (contract: resources.md 4).

What a name resolves to is looked at when a webhook is delivered; a name can change its mind.
"""

import ipaddress
import re
from typing import Any

import idna
from django.conf import settings

from billing.values import URL_LENGTH, fail, has_control_character, is_blank, plain_text

PORTS = ("80", "443", "8443")

_URL = re.compile(r"(https?)://([^/?#]*)(?:[/?#].*)?\Z", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]+)(?::([0-9]{1,5}))?\Z")
_LOCAL_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?\Z")
# Whatever its other labels, a host whose last one is a number is read as an IPv4 address.
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")


def webhook_url(value: Any) -> str:
    """Return an address that webhooks may go to, as sent."""
    found = plain_text(value) if value is not None else ""
    if is_blank(found):
        raise fail("value_is_mandatory")
    if not _is_allowed(found):
        raise fail("url_is_invalid")
    return found


def _is_allowed(url: str) -> bool:
    if len(url) > URL_LENGTH or "\\" in url or has_control_character(url):
        return False
    if any(map(str.isspace, url)):
        return False
    parts = _URL.match(url)
    # "@" ends user info; both are refused before anything reads them another way.
    authority = _AUTHORITY.match(parts[2]) if parts and "@" not in parts[2] else None
    if parts is None or authority is None:
        return False
    local = settings.TARN_WEBHOOK_ALLOW_LOCAL
    if parts[1].lower() == "http" and not (local or settings.TARN_WEBHOOK_ALLOW_HTTP):
        return False
    host, port = authority[1], authority[2]
    if local:
        return (port is None or 0 < int(port) < 65_536) and _is_any_host(host)
    return port in (None, *PORTS) and _is_public_name(host)


def _is_public_name(host: str) -> bool:
    """Return whether the host is a name with a dot inside, and no address in any notation."""
    name = _in_ascii(host)
    if name is None or "." not in name or name.endswith("."):
        return False
    return _NUMBER.match(name.rpartition(".")[2]) is None


def _is_any_host(host: str) -> bool:
    """Return whether the host is a name or an address that a test installation may use."""
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return False
        return True
    return _LOCAL_NAME.match(host) is not None or _in_ascii(host) is not None


def _in_ascii(host: str) -> str | None:
    """Return the name as DNS is asked for it; None if it can't be one."""
    try:
        return idna.encode(host, uts46=True, std3_rules=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        return None
