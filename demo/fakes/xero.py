"""A stand-in for Xero as Nango asks it: contacts, with unique names, made once per key."""

import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from demo.fakes.server import Call, Fake, Reply

TENANT = "8fecd03b-d211-491a-a3bb-7203920abac7"
_CONTACTS = "/api.xro/2.0/Contacts"


class XeroFake(Fake):
    """Xero behind Nango, as far as Tarn talks to it; it takes any connection but `wrong`."""

    name = "Xero"
    key_header = "nango-proxy-idempotency-key"
    tenants = (TENANT,)

    def columns(self, customer: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Return what the page shows of a contact."""
        address = next(iter(customer.get("Addresses") or []), {})
        return [
            ("ContactID", customer["ContactID"]),
            ("Name", customer.get("Name")),
            ("E-mail", customer.get("EmailAddress")),
            ("City", address.get("City")),
            ("Tax number", customer.get("TaxNumber")),
            ("In Tarn", customer.get("ContactNumber")),
        ]

    def refusal(self, status: int, message: str, code: str = "ValidationException") -> Reply:
        """Return an error as Xero writes it."""
        body = {
            "ErrorNumber": 10,
            "Type": code,
            "Message": "A validation exception occurred",
            "Elements": [{"ValidationErrors": [{"Message": message}]}],
        }
        return Reply(status, body, _traced())

    def answer(self, call: Call) -> Reply:
        """Do what a call asks for."""
        refused = self._refused(call)
        if refused is not None:
            return refused
        if call.path == "/connections":
            known = [{"tenantId": one, "tenantType": "ORGANISATION"} for one in self.tenants]
            return Reply(200, known, _traced())
        if call.headers.get("nango-proxy-xero-tenant-id") not in self.tenants:
            return self.refusal(403, "AuthenticationUnsuccessful", "Forbidden")
        key = call.path.removeprefix(_CONTACTS).strip("/")
        if call.method == "GET":
            return self._shown(key, dict(parse_qsl(call.query)))
        [sent] = json.loads(call.body)["Contacts"]
        return self._put(sent) if call.method == "PUT" else self._post(key, sent)

    def _refused(self, call: Call) -> Reply | None:
        """Return what Nango itself refuses."""
        if not call.headers.get("authorization", "").startswith("Bearer "):
            error = {"code": "missing_auth_header", "message": "Authentication failed."}
            return Reply(401, {"error": error})
        is_known = call.headers.get("connection-id", "wrong") != "wrong"
        if not is_known or call.headers.get("provider-config-key") != "xero":
            error = {"code": "unknown_connection", "message": "The connection does not exist."}
            return Reply(404, {"error": error})
        return None

    def _shown(self, key: str, query: dict[str, str]) -> Reply:
        if key:
            found = [self._contact(key)]
            if found == [None]:
                return Reply(404, {"Title": "The resource you're looking for cannot be found"})
        else:
            number = query["where"].split('"')[1]
            found = [one for one in self.customers.values() if one.get("ContactNumber") == number]
        return Reply(200, {"Contacts": found}, _traced())

    def _contact(self, key: str) -> dict[str, Any] | None:
        if self.adopts:
            self.customers.setdefault(key, {"ContactID": key, "ContactStatus": "ACTIVE"})
        return self.customers.get(key)

    def _put(self, sent: dict[str, Any]) -> Reply:
        return self._keep_contact({"ContactID": str(uuid.uuid4()), "ContactStatus": "ACTIVE"}, sent)

    def _post(self, key: str, sent: dict[str, Any]) -> Reply:
        contact = self._contact(key)
        if contact is None:
            return self.refusal(400, "The contact could not be found.")
        return self._keep_contact(contact, sent)

    def _keep_contact(self, contact: dict[str, Any], sent: dict[str, Any]) -> Reply:
        if "@" not in (sent.get("EmailAddress") or "@"):
            return self.refusal(400, "Email address must be valid.")
        if len(sent.get("ContactNumber") or "") > 50:
            return self.refusal(400, "ContactNumber must be 50 characters or less.")
        for other in self.customers.values():
            is_same = other["ContactID"] == contact["ContactID"]
            if not is_same and other.get("Name") == sent.get("Name", 0):
                return self.refusal(
                    400,
                    f"The contact name {sent['Name']} is already assigned to another contact. "
                    "The contact name must be unique across all active contacts.",
                )
        kept = self.customers[contact["ContactID"]] = {**contact, **sent}
        return Reply(200, {"Contacts": [kept]}, _traced())


def _traced() -> dict[str, str]:
    return {"Xero-Correlation-Id": str(uuid.uuid4())}
