"""What `manage.py check` says of our own settings."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks


@checks.register()
def public_url_can_be_called(**options: Any) -> list[checks.CheckMessage]:
    """Find an address that cannot stand in a link."""
    parts = urlsplit(settings.TARN_PUBLIC_URL)
    if parts.scheme in ("http", "https") and parts.netloc:
        return []
    hint = "Write it like https://tarn.example, or leave it out."
    return [checks.Error("TARN_PUBLIC_URL is not a web address.", hint=hint, id="tarn.E001")]


@checks.register(checks.Tags.security, deploy=True)
def public_url_is_known(**options: Any) -> list[checks.CheckMessage]:
    """Find links that would lead whoever follows them to their own machine."""
    if urlsplit(settings.TARN_PUBLIC_URL).hostname not in ("localhost", "127.0.0.1", "::1"):
        return []
    hint = "Set it to the address that the outside knows, such as https://tarn.example."
    words = "TARN_PUBLIC_URL is not set: links to the portal and to logos lead nowhere."
    return [checks.Warning(words, hint=hint, id="tarn.W001")]
