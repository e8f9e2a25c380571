"""Webhooks of providers whose links are stored only: believed if signed, kept once, not acted on.

(Contract: webhooks-and-providers.md 2.5 and 3.1.)
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from billing.models import PaymentProvider
from customers.providers.adapter import Forged, Listener, Notice, adapts

SIGNATURE_SECONDS = 300
_TEXT_LENGTH = 255


@adapts(PaymentProvider.Type.CASHFREE)
class CashfreeListener(Listener):
    """A Cashfree account."""

    name = "Cashfree"

    def notices(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Notice]:
        """Return Cashfree's event; the signature is over the timestamp (ms) and the raw bytes."""
        stamp, signature = (
            headers.get(f"x-webhook-{part}") or headers.get(f"x-cashfree-{part}") or ""
            for part in ("timestamp", "signature")
        )
        key = self.signing_key("client_secret").encode()
        digest = hmac.digest(key, stamp.encode() + body, "sha256")
        _compare(signature, base64.b64encode(digest))
        sent_at = _time(stamp, now)
        event = _event(body)
        return [_notice(event, body, event.get("type"), sent_at)]


@adapts(PaymentProvider.Type.FLUTTERWAVE)
class FlutterwaveListener(Listener):
    """A Flutterwave account."""

    name = "Flutterwave"

    def notices(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Notice]:
        """Return Flutterwave's event; it signs nothing, but sends a word that we agreed on."""
        word = self.signing_key("webhook_secret").encode()
        _compare(headers.get("verif-hash", ""), word)
        event = _event(body)
        return [_notice(event, body, event.get("event") or event.get("type"), now)]


@adapts(PaymentProvider.Type.MONEYHASH)
class MoneyhashListener(Listener):
    """A MoneyHash account."""

    name = "MoneyHash"

    def notices(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Notice]:
        """Return MoneyHash's event; its third kind of signature is over Base64 and timestamp."""
        header = headers.get("moneyhash-signature", "")
        parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
        stamp = parts.get("t", "")
        key = self.signing_key("signature_key").encode()
        digest = hmac.new(key, base64.b64encode(body) + stamp.encode(), "sha256").hexdigest()
        _compare(parts.get("v3", ""), digest.encode())
        sent_at = _time(stamp, now)
        event = _event(body)
        return [_notice(event, body, event.get("type"), sent_at)]


def _compare(given: str, expected: bytes) -> None:
    if not hmac.compare_digest(given.encode(), expected):
        raise Forged("the signature does not fit")


def _time(stamp: str, now: datetime) -> datetime:
    """Return when a webhook was sent, from a stamp in seconds or milliseconds."""
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) not in (10, 13):
        raise Forged("the signature has no time")
    sent_at = datetime.fromtimestamp(int(stamp) / (1_000 if len(stamp) == 13 else 1), UTC)
    if abs((now - sent_at).total_seconds()) > SIGNATURE_SECONDS:
        raise Forged("the signature is too old or from the future")
    return sent_at


def _event(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Forged("this is no event") from error
    if not isinstance(event, dict):
        raise Forged("this is no event")
    return event


def _notice(event: Mapping[str, Any], body: bytes, kind: object, at: datetime) -> Notice:
    """Return an event; one without an id of its own is known by its bytes."""
    if not isinstance(kind, str) or not kind:
        raise Forged("this event has no type")
    own = event.get("id")
    is_id = isinstance(own, str) and 0 < len(own) <= _TEXT_LENGTH
    remote_id = str(own) if is_id else hashlib.sha256(body).hexdigest()
    return Notice(remote_id, kind[:_TEXT_LENGTH], at, {})
