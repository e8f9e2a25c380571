"""A stand-in for Adyen: payment links, the shoppers they are for, signed notifications."""

import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from demo.fakes.server import Call, Fake, Reply

_numbers = itertools.count(1)
# What a notification's signature is over, in this order.
_SIGNED = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")


def _reference(prefix: str = "") -> str:
    return f"{prefix}{time.time_ns():X}"[:14] + f"{next(_numbers):04d}"


class AdyenFake(Fake):
    """Adyen, as far as Tarn talks to it; it takes any API key but one that ends in `wrong`.

    Its customers are the shoppers that links were made for, by their references.
    """

    name = "Adyen"
    # A customer of the demo that has been here already: nobody is created at Adyen by asking.
    first_customer = "de-1001"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.links: list[dict[str, Any]] = []

    def columns(self, customer: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Return what the page shows of a shopper."""
        return [
            ("Shopper reference", customer["shopperReference"]),
            ("E-mail", customer.get("shopperEmail")),
            ("Latest payment link", customer.get("url")),
            ("Until", str(customer.get("expiresAt") or "")[:10]),
            ("Stored card", customer.get("token")),
        ]

    def refusal(self, status: int, message: str, code: str = "905") -> Reply:
        """Return an error as Adyen writes it."""
        kind = {401: "security", 403: "security", 422: "validation"}.get(status, "internal")
        reference = _reference("E")
        error = {
            "status": status,
            "errorCode": code,
            "message": message,
            "errorType": kind,
            "pspReference": reference,
        }
        return Reply(status, error, {"pspReference": reference})

    def answer(self, call: Call) -> Reply:
        """Do what a call asks for."""
        if call.headers.get("x-api-key", "").endswith("wrong"):
            return self.refusal(401, "HTTP Status Response - Unauthorized", "000")
        if (call.method, call.path.split("/")[2:]) == ("POST", ["paymentLinks"]):
            return self._link(json.loads(call.body))
        return self.refusal(404, "The requested resource does not exist", "000")

    def _link(self, asked: dict[str, Any]) -> Reply:
        if asked.get("merchantAccount") == "Unknown":
            return self.refusal(403, "Invalid Merchant Account", "901")
        shopper = asked.get("shopperReference") or ""
        if not 3 <= len(shopper) <= 256:
            return self.refusal(422, "Field 'shopperReference' has no valid length", "14_013")
        if len((asked.get("amount") or {}).get("currency") or "") != 3:
            return self.refusal(422, "Unsupported currency specified", "138")
        number = _reference("PL")
        url = self.open_page(number, shopper, f"https://test.adyen.link/{number}")
        link = {"id": number, "url": url, "status": "active"} | asked
        self.links.append(link)
        self.customers[shopper] = link
        return Reply(201, link)

    def leave_method(self, customer_id: str) -> tuple[bytes, dict[str, str]]:
        """Have a card authorised for nothing, and keep its token."""
        shopper = self.customers.setdefault(customer_id, {"shopperReference": customer_id})
        reference = shopper.get("reference") or "a-payment-elsewhere"
        item = notification(customer_id, merchantReference=reference)
        shopper["token"] = item["additionalData"]["recurring.recurringDetailReference"]
        assert self.ear is not None  # noqa: S101  # who has none tells nobody
        return signed([item], self.ear.secret), {}


def notification(shopper: str | None, **values: Any) -> dict[str, Any]:
    """Return a notification of an authorisation of nothing, as Adyen sends it."""
    more = {
        "shopperReference": shopper,
        "recurring.shopperReference": shopper,
        "recurring.recurringDetailReference": _reference("M"),
        "cardSummary": "1142",
        "expiryDate": "3/2030",
    }
    item = {
        "additionalData": more | values.pop("more", {}),
        "amount": {"currency": "EUR", "value": 0},
        "eventCode": "AUTHORISATION",
        "eventDate": datetime.now(UTC).isoformat(timespec="seconds"),
        "merchantAccountCode": "AcmeECOM",
        "merchantReference": "order-1",
        "paymentMethod": "visa",
        "pspReference": _reference("P"),
        "reason": "033899:1142:03/2030",
        "success": "true",
    }
    return item | values


def signed(items: list[dict[str, Any]], key: str) -> bytes:
    """Return the bytes of a webhook, each of its notifications signed.

    :param key: hexadecimal.
    """
    wrapped = [{"NotificationRequestItem": _with_signature(item, key)} for item in items]
    return json.dumps({"live": "false", "notificationItems": wrapped}).encode()


def _with_signature(item: dict[str, Any], key: str) -> dict[str, Any]:
    amount = item.get("amount") or {}
    words = [
        *(item.get(name, "") for name in _SIGNED),
        amount.get("value", ""),
        amount.get("currency", ""),
        item.get("eventCode", ""),
        item.get("success", ""),
    ]
    text = ":".join(str(word) for word in words).encode()
    digest = hmac.new(bytes.fromhex(key), text, hashlib.sha256).digest()
    more = (item.get("additionalData") or {}) | {"hmacSignature": base64.b64encode(digest).decode()}
    return item | {"additionalData": more}
