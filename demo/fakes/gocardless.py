"""A stand-in for GoCardless: customers, billing requests and flows, mandates, signed webhooks."""

import hashlib
import hmac
import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from demo.fakes.server import Call, Fake, Reply

_numbers = itertools.count(1)
_LOCATION = "https://pay.gocardless.com/billing/static/flow"


def _id(prefix: str) -> str:
    return f"{prefix}{datetime.now(UTC):%y%m%d%H%M%S}{next(_numbers):05d}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class GocardlessFake(Fake):
    """GoCardless, as far as Tarn talks to it; it takes any token but one that ends in `wrong`."""

    name = "GoCardless"
    page_size = 500

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.mandates: dict[str, dict[str, Any]] = {}
        self.requests: dict[str, dict[str, Any]] = {}

    def columns(self, customer: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Return what the page shows of a customer."""
        person = [customer.get("given_name"), customer.get("family_name")]
        return [
            ("Id", customer["id"]),
            ("Company", customer.get("company_name")),
            ("Person", " ".join(name for name in person if name)),
            ("E-mail", customer.get("email")),
            ("In Tarn", (customer.get("metadata") or {}).get("lago_customer_id")),
        ]

    def refusal(self, status: int, message: str, reason: str | None = None, **more: Any) -> Reply:
        """Return an error as GoCardless writes it."""
        kinds = {422: "validation_failed", 409: "invalid_state"}
        kind = "gocardless" if status >= 500 else kinds.get(status, "invalid_api_usage")
        problems = [{"message": message, "reason": reason, **more}] if reason or more else []
        number = _id("0-")
        error = {
            "message": message,
            "type": kind,
            "code": status,
            "errors": problems,
            "request_id": number,
            "documentation_url": "https://developer.gocardless.com/api-reference#errors",
        }
        return Reply(status, {"error": error}, {"X-Request-Id": number})

    def repeat(self, first: Reply) -> Reply:
        """Name what was made: GoCardless calls a repeated key a conflict."""
        [made] = first.body.values()
        return self.refusal(
            409,
            "A resource has already been created with this idempotency key",
            "idempotent_creation_conflict",
            links={"conflicting_resource_id": made["id"]},
        )

    def answer(self, call: Call) -> Reply:
        """Do what a call asks for."""
        if call.headers.get("authorization", "").endswith("wrong"):
            return self.refusal(401, "The access token was not found", "access_token_not_found")
        kind, *rest = call.path.strip("/").split("/")
        asked = json.loads(call.body)[kind] if call.body else {}
        if self.adopts and kind == "customers" and rest and rest[0].startswith("CU"):
            self.customers.setdefault(rest[0], {"id": rest[0], "created_at": _now()})
        if call.method == "POST" and not rest:
            return self._make(kind, asked)
        match (call.method, kind, rest):
            case ("GET", "customers", []):
                return self._list(parse_qs(call.query))
            case ("GET", "customers", [number]) if number in self.customers:
                return Reply(200, {"customers": self.customers[number]})
            case ("GET", "mandates", [number]) if number in self.mandates:
                return Reply(200, {"mandates": self.mandates[number]})
        return self.refusal(404, "Resource not found", "resource_not_found")

    def _make(self, kind: str, asked: dict[str, Any]) -> Reply:
        makers = {
            "customers": self._create,
            "billing_requests": self._request,
            "billing_request_flows": self._flow,
        }
        if kind not in makers:
            return self.refusal(404, "Resource not found", "resource_not_found")
        return makers[kind](asked)

    def _create(self, asked: dict[str, Any]) -> Reply:
        if "@" not in asked.get("email", "@"):
            return self.refusal(422, "is not an e-mail address", field="email")
        if not asked.get("company_name") and not (
            asked.get("given_name") and asked.get("family_name")
        ):
            return self.refusal(
                422, "must be given, or the names of a person", field="company_name"
            )
        customer = {"id": _id("CU"), "created_at": _now(), "metadata": {}} | asked
        self.customers[customer["id"]] = customer
        return Reply(201, {"customers": customer})

    def _list(self, params: dict[str, list[str]]) -> Reply:
        """Answer a page, the newest first."""
        since = datetime.fromisoformat(params.get("created_at[gte]", ["0001-01-01T00:00:00Z"])[0])
        found = [
            one
            for one in reversed(self.customers.values())
            if datetime.fromisoformat(one["created_at"]) >= since
        ]
        if "after" in params:
            ids = [one["id"] for one in found]
            found = found[ids.index(params["after"][0]) + 1 :]
        size = min(int(params.get("limit", ["50"])[0]), self.page_size)
        after = found[size - 1]["id"] if len(found) > size else None
        cursors = {"before": None, "after": after}
        meta = {"cursors": cursors, "limit": size}
        return Reply(200, {"customers": found[:size], "meta": meta})

    def _request(self, asked: dict[str, Any]) -> Reply:
        customer_id = (asked.get("links") or {}).get("customer")
        if customer_id not in self.customers and not self.adopts:
            return self.refusal(422, "does not exist", field="links[customer]")
        request = {"id": _id("BRQ"), "status": "pending", "created_at": _now()} | asked
        self.requests[request["id"]] = request
        return Reply(201, {"billing_requests": request})

    def _flow(self, asked: dict[str, Any]) -> Reply:
        request = self.requests.get((asked.get("links") or {}).get("billing_request"))
        if request is None:
            return self.refusal(422, "does not exist", field="links[billing_request]")
        number = _id("BRF")
        url = self.open_page(number, request["links"]["customer"], f"{_LOCATION}?id={number}")
        flow = {"id": number, "authorisation_url": url} | asked
        return Reply(201, {"billing_request_flows": flow})

    def leave_method(self, customer_id: str) -> tuple[bytes, dict[str, str]]:
        """Give a mandate."""
        mandate = self.add_mandate(customer_id)
        assert self.ear is not None  # noqa: S101  # who has none tells nobody
        body, signature = signed([event("mandates.created", mandate)], self.ear.secret)
        return body, {"Webhook-Signature": signature}

    def add_mandate(self, customer_id: str, status: str = "pending_submission") -> str:
        """Have a customer give a mandate, and return its id."""
        number = _id("MD")
        self.mandates[number] = {
            "id": number,
            "scheme": "sepa_core",
            "status": status,
            "reference": number[-6:],
            "links": {"customer": customer_id, "customer_bank_account": _id("BA")},
        }
        return number


def event(kind: str, mandate_id: str, origin: str = "api", **values: Any) -> dict[str, Any]:
    """Return an event as GoCardless sends it; `kind` is such as `mandates.created`."""
    resource, action = kind.split(".")
    return {
        "id": _id("EV"),
        "created_at": _now(),
        "resource_type": resource,
        "action": action,
        "details": {"origin": origin, "cause": f"mandate_{action}", "description": "It happened."},
        "links": {"mandate": mandate_id},
    } | values


def signed(events: list[Mapping[str, Any]], secret: str) -> tuple[bytes, str]:
    """Return the bytes of a webhook and its `Webhook-Signature`."""
    data = json.dumps({"events": events, "meta": {"webhook_id": _id("WB")}}).encode()
    return data, hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
