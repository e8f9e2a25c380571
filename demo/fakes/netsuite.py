"""A stand-in for NetSuite: customer records, their address books, calls signed by a token."""

import base64
import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from demo.fakes.server import Call, Fake, Reply

_RECORDS = "/services/rest/record/v1/customer/"


class NetsuiteFake(Fake):
    """NetSuite, as far as Tarn talks to it.

    `secrets`, those of the client and of the token, has it check signatures; without them any
    token is taken but `wrong`.
    """

    name = "NetSuite"
    secrets: tuple[str, str] | None = None

    def columns(self, customer: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Return what the page shows of a customer."""
        lines = customer.get("addressBook") or []
        billing: dict[str, Any] = next((one for one in lines if one.get("defaultBilling")), {})
        person = f"{customer.get('firstName') or ''} {customer.get('lastName') or ''}"
        return [
            ("Id", customer["id"]),
            ("Name", customer.get("companyName") or person),
            ("E-mail", customer.get("email")),
            ("City", (billing.get("addressBookAddress") or {}).get("city")),
            ("Subsidiary", (customer.get("subsidiary") or {}).get("id")),
            ("In Tarn", customer.get("entityId")),
        ]

    def refusal(self, status: int, message: str, code: str = "USER_ERROR") -> Reply:
        """Return an error as NetSuite writes it."""
        details = [{"detail": message, "o:errorCode": code}]
        titles = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many"}
        body = {"title": titles.get(status, "Internal Server Error"), "status": status}
        return Reply(status, body | {"o:errorDetails": details}, _traced())

    def answer(self, call: Call) -> Reply:
        """Do what a call asks for."""
        if not self._is_signed(call):
            return self.refusal(401, "Invalid login attempt.", "INVALID_LOGIN")
        if not call.path.startswith(_RECORDS):
            return self.refusal(404, "The record type does not exist.", "NONEXISTENT_ID")
        key, _, part = unquote(call.path.removeprefix(_RECORDS)).partition("/")
        query = dict(parse_qsl(call.query))
        if call.method == "PUT" and key.startswith("eid:"):
            return self._upsert(call, key.removeprefix("eid:"), query)
        customer = self._customer(key)
        if customer is None:
            return self.refusal(404, "The record instance does not exist.", "NONEXISTENT_ID")
        if call.method == "PATCH":
            return self._change(customer, json.loads(call.body), query)
        items = {"items": customer.get("addressBook") or []}
        shown = items if part == "addressBook" else {**customer, "addressBook": items}
        return Reply(200, shown, _traced())

    def _customer(self, key: str) -> dict[str, Any] | None:
        if self.adopts and key.isdigit():
            self.customers.setdefault(key, {"id": key})
        if key.startswith("eid:"):
            known = (one for one in self.customers.values() if one.get("externalId") == key[4:])
            return next(known, None)
        return self.customers.get(key)

    def _upsert(self, call: Call, external_id: str, query: dict[str, str]) -> Reply:
        customer = self._customer(f"eid:{external_id}")
        record = json.loads(call.body)
        if customer is None:
            number = str(max([1000, *(int(key) for key in self.customers if key.isdigit())]) + 1)
            customer = {"id": number, "externalId": external_id}
        return self._change(customer, record, query)

    def _change(
        self, customer: dict[str, Any], record: dict[str, Any], query: dict[str, str]
    ) -> Reply:
        if "@" not in (record.get("email") or "@"):
            return self.refusal(400, "Invalid email: email must be an address.", "INVALID_CONTENT")
        for other in self.customers.values():
            if other["id"] != customer["id"] and other.get("entityId") == record.get("entityId", 0):
                words = "A customer record with this ID already exists. You must enter a unique ID."
                return self.refusal(400, words, "UNIQUE_CUST_ID_REQD")
        lines = record.pop("addressBook", {}).get("items", [])
        old = [] if query.get("replace") == "addressBook" else customer.get("addressBook") or []
        book = _merged(old, lines)
        kept = {**customer, **record}
        kept = {key: value for key, value in kept.items() if value is not None}
        self.customers[customer["id"]] = kept | ({"addressBook": book} if book else {})
        return Reply(204, "", _traced() | {"Location": f"https://fake{_RECORDS}{customer['id']}"})

    def _is_signed(self, call: Call) -> bool:
        header = call.headers.get("authorization", "")
        claims = {name: unquote(value) for name, value in re.findall(r'(\w+)="([^"]*)"', header)}
        claims.pop("realm", None)
        given = claims.pop("oauth_signature", None)
        if self.secrets is None:
            return given is not None and claims.get("oauth_token") != "wrong"
        pairs = [*parse_qsl(call.query), *claims.items()]
        text = "&".join(sorted(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs))
        address = f"http://{call.headers.get('host')}{call.path}"
        base = f"{call.method}&{_quoted(address)}&{_quoted(text)}"
        key = "&".join(_quoted(secret) for secret in self.secrets)
        mac = hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()
        return given == base64.b64encode(mac).decode()


def _merged(book: list[dict[str, Any]], lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return an address book after lines were sent: those with a key change, others are added."""
    found = {line["internalId"]: line for line in book}
    for line in lines:
        key = line.get("internalId") or max([0, *found]) + 1
        for flag in ("defaultBilling", "defaultShipping"):
            if line.get(flag):  # there is one of each
                found = {other: one | {flag: False} for other, one in found.items()}
        old = found.get(key, {})
        address = {**old.get("addressBookAddress", {}), **line.get("addressBookAddress", {})}
        address = {name: value for name, value in address.items() if value is not None}
        found[key] = {**old, **line, "internalId": key, "addressBookAddress": address}
    return list(found.values())


def _traced() -> dict[str, str]:
    return {"X-N-OperationId": str(uuid.uuid4())}


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")
