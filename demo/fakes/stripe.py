"""A stand-in for Stripe: customers, checkout sessions, payment methods, signed webhooks."""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from demo.fakes.server import Call, Fake, Reply

_numbers = itertools.count(1)


def _id(prefix: str) -> str:
    return f"{prefix}_{time.time_ns():x}{next(_numbers):04d}"


class StripeFake(Fake):
    """Stripe, as far as Tarn talks to it; it takes any key but `sk_wrong`."""

    name = "Stripe"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.methods: dict[str, dict[str, Any]] = {}
        self.sessions: list[dict[str, Any]] = []

    def columns(self, customer: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Return what the page shows of a customer."""
        address = customer.get("address") or {}
        metadata = customer.get("metadata") or {}
        return [
            ("Id", customer["id"]),
            ("Name", customer.get("name")),
            ("E-mail", customer.get("email")),
            ("City", address.get("city")),
            ("Country", address.get("country")),
            ("In Tarn", metadata.get("customer_id")),
        ]

    def refusal(self, status: int, message: str, code: str | None = None) -> Reply:
        """Return an error as Stripe writes it."""
        kind = "api_error" if status >= 500 else "invalid_request_error"
        if "key was used" in message:
            kind = "idempotency_error"
        error = {"message": message, "type": kind, **({"code": code} if code else {})}
        return Reply(status, {"error": error}, {"Request-Id": _id("req")})

    def answer(self, call: Call) -> Reply:
        """Do what a call asks for."""
        if call.headers.get("authorization", "").endswith("sk_wrong"):
            return self.refusal(401, "Invalid API Key provided: sk_wr***")
        params = _nested(call.query if call.method == "GET" else call.body.decode())
        parts = call.path.strip("/").split("/")[1:]
        reply = self._route(call.method, parts, params)
        reply.headers.setdefault("Request-Id", _id("req"))
        return reply

    def _route(self, method: str, parts: list[str], params: dict[str, Any]) -> Reply:
        if self.adopts and parts[0] == "customers" and parts[-1].startswith("cus_"):
            self.customers.setdefault(parts[-1], {"id": parts[-1], "invoice_settings": {}})
        match (method, parts):
            case ("POST", ["customers"]):
                return self._create(params)
            case ("GET", ["customers", "search"]):
                return self._search(params)
            case ("POST", ["checkout", "sessions"]):
                return self._session(params)
            case ("GET", ["payment_methods", method_id]) if method_id in self.methods:
                return Reply(200, self.methods[method_id])
            case (_, ["customers", customer_id, *rest]) if customer_id in self.customers:
                return self._of_customer(method, self.customers[customer_id], rest, params)
        return self.refusal(404, f"No such {parts[0]}: '{parts[-1]}'", "resource_missing")

    def _of_customer(
        self, method: str, customer: dict[str, Any], rest: list[str], params: dict[str, Any]
    ) -> Reply:
        if method == "POST" and not rest:
            return self._update(customer, params)
        if rest == ["payment_methods"]:
            own = [one for one in self.methods.values() if one["customer"] == customer["id"]]
            return Reply(200, {"object": "list", "data": own})
        if rest == ["funding_instructions"]:
            return Reply(200, _funding(params))
        return Reply(200, self._expanded(customer))

    def _create(self, params: dict[str, Any]) -> Reply:
        if "@" not in params.get("email", "@"):
            return self.refusal(400, f"Invalid email address: {params['email']}", "email_invalid")
        customer = {"id": _id("cus"), "object": "customer", "created": int(time.time())}
        self.customers[customer["id"]] = customer | {"invoice_settings": {}} | params
        return Reply(200, self.customers[customer["id"]])

    def _update(self, customer: dict[str, Any], params: dict[str, Any]) -> Reply:
        if "@" not in (params.get("email") or "@"):
            return self.refusal(400, f"Invalid email address: {params['email']}", "email_invalid")
        for key, value in params.items():
            old = customer.get(key)
            customer[key] = {**old, **value} if isinstance(old, dict) and value else value or None
        return Reply(200, customer)

    def _search(self, params: dict[str, Any]) -> Reply:
        wanted = params.get("query", "").split("'")[3]
        found = [
            customer
            for customer in self.customers.values()
            if customer.get("metadata", {}).get("lago_customer_id") == wanted
        ]
        return Reply(200, {"object": "search_result", "data": found})

    def _session(self, params: dict[str, Any]) -> Reply:
        if params.get("customer") not in self.customers and not self.adopts:
            return self.refusal(400, "No such customer", "resource_missing")
        number = _id("cs_test")
        real = f"https://checkout.stripe.com/c/pay/{number}"
        url = self.open_page(number, params["customer"], real)
        session = {"id": number, "object": "checkout.session", "url": url} | params
        self.sessions.append(session)
        return Reply(200, session)

    def leave_method(self, customer_id: str) -> tuple[bytes, dict[str, str]]:
        """Give a card."""
        method = self.add_method(customer_id)
        about = {"id": _id("seti"), "customer": customer_id, "payment_method": method}
        assert self.ear is not None  # noqa: S101  # who has none tells nobody
        body, signature = signed(event("setup_intent.succeeded", about), self.ear.secret)
        return body, {"Stripe-Signature": signature}

    def _expanded(self, customer: dict[str, Any]) -> dict[str, Any]:
        chosen = customer["invoice_settings"].get("default_payment_method")
        settings = {"default_payment_method": self.methods.get(chosen)}
        return customer | {"invoice_settings": settings}

    def add_method(self, customer_id: str | None, **card: Any) -> str:
        """Give a customer a card, and return its id."""
        number = _id("pm")
        details = {"brand": "visa", "last4": "4242", "exp_year": 2030, "exp_month": 7} | card
        self.methods[number] = {
            "id": number,
            "object": "payment_method",
            "type": "card",
            "card": details,
            "customer": customer_id,
        }
        return number


def _funding(params: dict[str, Any]) -> dict[str, Any]:
    iban = {"account_holder_name": "Stripe", "bic": "TESTDEFF", "iban": "DE89370400440532013000"}
    address = {"type": "iban", "iban": iban | {"country": "DE"}}
    return {
        "object": "funding_instructions",
        "currency": params.get("currency"),
        "bank_transfer": {"financial_addresses": [address]},
    }


def _nested(text: str) -> dict[str, Any]:
    """Return form data as Stripe's clients encode it: `address[city]=Paris`, `types[0]=card`."""
    found: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        head, *rest = key.replace("]", "").split("[")
        place: Any = found
        for name in [head, *rest][:-1]:
            place = place.setdefault(name, {})
        place[[head, *rest][-1]] = value
    return {key: _as_list(value) for key, value in found.items()}


def _as_list(value: Any) -> Any:
    if isinstance(value, dict) and value and all(key.isdigit() for key in value):
        return list(value.values())
    return value


def event(kind: str, about: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    """Return an event as Stripe sends it."""
    data = {"object": dict(about), "previous_attributes": values.pop("previous", {})}
    return {
        "id": _id("evt"),
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "data": data,
    } | values


def signed(body: Mapping[str, Any], secret: str, at: int | None = None) -> tuple[bytes, str]:
    """Return the bytes of an event and its `Stripe-Signature`."""
    data = json.dumps(body).encode()
    stamp = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), b"%d.%b" % (stamp, data), hashlib.sha256).hexdigest()
    return data, f"t={stamp},v1={digest}"
