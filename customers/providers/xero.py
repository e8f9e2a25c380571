"""Contacts at Xero (contract: webhooks-and-providers.md 4).

Xero is asked through Nango, which keeps the tokens: a connection's `connection_id` is its id there.
A contact carries our number, is looked for by it before it is made, and is made under one key:
whatever is repeated, there is one.
"""

import re
from typing import Any

import httpx2
from django.conf import settings

from billing.models import Integration
from customers.models import Customer
from customers.providers.adapter import ADDRESS, Body, Subject, adapts
from customers.providers.booking import (
    BookingAdapter,
    compared,
    contact_of,
    filled,
    person_of,
    rows_of,
)
from customers.providers.failures import OutcomeUnknown, Refused
from customers.providers.rest import Answer, Rest

_PLAIN = {
    "name": "Name",
    "firstname": "FirstName",
    "lastname": "LastName",
    "email": "EmailAddress",
    "tax_identification_number": "TaxNumber",
}
_LINES = dict(
    zip(
        ADDRESS,
        ("AddressLine1", "AddressLine2", "City", "PostalCode", "Region", "Country"),
        strict=True,
    )
)
# What Xero calls the addresses and phones that stand on an invoice.
_BILLING, _PHONE = "POBOX", "DEFAULT"
_CONTACTS = "api.xro/2.0/Contacts"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER_LENGTH = 50


@adapts(Integration.Type.XERO)
class XeroAdapter(BookingAdapter):
    """A Xero organization, by its connection in Nango."""

    name = "Xero"
    credentials = ("connection_id",)
    told_of = BookingAdapter.told_of | {"tax_identification_number"}
    only_at_creation = frozenset({"number"})

    def body(self, subject: Subject) -> Body:
        """Return names, e-mail, phone, billing address and tax number, the blank ones left out."""
        customer = subject.customer
        return filled(
            {
                "name": customer.legal_name or customer.name or person_of(customer),
                "firstname": customer.firstname,
                "lastname": customer.lastname,
                "tax_identification_number": customer.tax_identification_number,
            }
            | contact_of(subject)
        )

    def creation(self, subject: Subject) -> Body:
        """Return the body with the number by which the contact is found."""
        return self.body(subject) | {"number": _number(subject.customer)}

    def create(self, creation: Body, key: str) -> str:
        """Make the contact at Xero, unless it is there."""
        self.check_name(creation)
        tenant = self._tenant()
        found = self._find(creation, tenant)
        if found is not None:
            return found
        contact = _wire(creation) | {"ContactNumber": creation["number"]}
        return _id(self._ask("PUT", _CONTACTS, contact, tenant, key))

    def update(self, remote_id: str, body: Body) -> None:
        """Change the contact at Xero."""
        contact = _wire(body) | {"ContactID": remote_id}
        self._ask("POST", self._path(remote_id), contact, self._tenant())

    def read(self, remote_id: str) -> Body:
        """Return what Xero has of a contact."""
        contacts = rows_of(
            self._ask("GET", self._path(remote_id), None, self._tenant()), "Contacts"
        )
        if not contacts:
            raise OutcomeUnknown("Xero's answer has no contact.", "garbled_answer")
        contact = contacts[0]
        theirs = {ours: contact.get(name) for ours, name in _PLAIN.items()}
        phone = _of_type(contact.get("Phones"), "PhoneType", _PHONE)
        parts = ("PhoneCountryCode", "PhoneAreaCode", "PhoneNumber")
        theirs["phone"] = " ".join(str(phone[part]) for part in parts if phone.get(part))
        address = _of_type(contact.get("Addresses"), "AddressType", _BILLING)
        return compared(theirs | {ours: address.get(name) for ours, name in _LINES.items()})

    def wish(self, subject: Subject, name: str, theirs: str | None) -> Body | None:
        """Return the change that takes over a field; Xero's name is our legal name, if any."""
        if name == "name" and subject.customer.legal_name:
            return {"legal_name": theirs}
        return super().wish(subject, name, theirs)

    def secrets_sent(self) -> list[str]:
        """Return those of the connection and this server's key of Nango."""
        return [*super().secrets_sent(), settings.TARN_NANGO_SECRET_KEY]

    def _find(self, creation: Body, tenant: str) -> str | None:
        """Return the id of the contact that has our number.

        :raises Refused: if it is of somebody else, as far as its name says, or archived.
        """
        number = creation["number"]
        query = {"where": f'ContactNumber=="{number}"', "includeArchived": "true"}
        answer = self._ask("GET", _CONTACTS, None, tenant, **query)
        for contact in rows_of(answer, "Contacts"):
            if contact.get("ContactNumber") != number:
                continue
            if contact.get("Name") == creation["name"] and contact.get("ContactStatus") == "ACTIVE":
                return _id_of(contact)
            raise Refused(
                f"Xero has a contact with the number {number} already: "
                f"“{str(contact.get('Name'))[:100]}”, {str(contact.get('ContactStatus'))[:20]}. "
                "If it is this customer, link it by its ContactID.",
                "contact_number_taken",
            )
        return None

    def _tenant(self) -> str:
        """Return the one organization of Xero that the connection is for."""
        answer = self._ask("GET", "connections")
        rows = answer.json if isinstance(answer.json, list) else []
        known = {
            str(row.get("tenantId"))
            for row in rows
            if isinstance(row, dict) and row.get("tenantType") == "ORGANISATION"
        }
        if len(known) == 1 and _ID.fullmatch(one := known.pop()):
            return one
        raise Refused(
            f"The connection {self.connection.code} must be for one organization of Xero; "
            f"{len(known)} are allowed there. Connect it again.",
            "organization_is_ambiguous",
        )

    def _path(self, remote_id: str) -> str:
        if not _ID.fullmatch(remote_id):
            raise self.misshapen(remote_id)
        return f"{_CONTACTS}/{remote_id}"

    def _ask(
        self,
        verb: str,
        path: str,
        contact: Body | None = None,
        tenant: str | None = None,
        key: str | None = None,
        **query: str,
    ) -> Answer:
        """Call Xero once.

        :raises Failure: as its kinds say.
        """
        url = httpx2.URL(f"{settings.TARN_XERO_URL}/{path}", params=query)
        headers = {
            "Authorization": f"Bearer {_nango_key()}",
            "Connection-Id": self.credential("connection_id"),
            "Provider-Config-Key": "xero",
            **({"Nango-Proxy-Xero-Tenant-Id": tenant} if tenant else {}),
            **({"Nango-Proxy-Idempotency-Key": key} if key else {}),
        }
        rest = Rest(self.name, self.timeout, _reason, "xero-correlation-id")
        if verb == "GET":
            return rest.look(url, headers)
        return rest.do(verb, url, headers, {"Contacts": [contact]})


def _nango_key() -> str:
    if not settings.TARN_NANGO_SECRET_KEY:
        raise Refused(
            "Xero is asked through Nango, and this server has no key of it: "
            "set TARN_NANGO_SECRET_KEY.",
            "nango_secret_key_missing",
        )
    found: str = settings.TARN_NANGO_SECRET_KEY
    return found


def _number(customer: Customer) -> str:
    """Return the number that the contact carries: the external id, or where it can't be, ours."""
    number = customer.external_id
    # It stands in quotes when it is looked for.
    is_fit = len(number) <= _NUMBER_LENGTH and not {'"', "\\"} & set(number)
    return number if is_fit else str(customer.pk)


def _wire(body: Body) -> dict[str, Any]:
    """Return a body in Xero's names; what is None is emptied there, but for the name."""
    found = {theirs: body[ours] or "" for ours, theirs in _PLAIN.items() if ours in body}
    if not found.get("Name", "-"):
        del found["Name"]
    address = {theirs: body[ours] or "" for ours, theirs in _LINES.items() if ours in body}
    if address:
        found["Addresses"] = [{"AddressType": _BILLING} | address]
    if "phone" in body:
        # The whole number stands in one part; the others are emptied.
        phone = {"PhoneNumber": body["phone"] or "", "PhoneAreaCode": "", "PhoneCountryCode": ""}
        found["Phones"] = [{"PhoneType": _PHONE} | phone]
    return found


def _of_type(rows: Any, key: str, kind: str) -> dict[str, Any]:
    rows = rows if isinstance(rows, list) else []
    return next((row for row in rows if isinstance(row, dict) and row.get(key) == kind), {})


def _id(answer: Answer) -> str:
    contacts = rows_of(answer, "Contacts")
    if len(contacts) != 1:
        raise OutcomeUnknown("Xero's answer has no contact.", "garbled_answer")
    return _id_of(contacts[0])


def _id_of(contact: dict[str, Any]) -> str:
    found = contact.get("ContactID")
    # Xero answers with zeros for a contact that it did not make.
    if not isinstance(found, str) or not _ID.fullmatch(found) or set(found) <= set("0-"):
        raise OutcomeUnknown("Xero's answer has no id that makes sense.", "garbled_answer")
    return found


def _reason(found: Any) -> tuple[Any, Any]:
    if "error" in found:  # Nango's own form
        error = found["error"]
        return (
            (error.get("message"), error.get("code")) if isinstance(error, dict) else (error, None)
        )
    errors = [
        error.get("Message")
        for element in found.get("Elements") or ()
        for error in element.get("ValidationErrors") or ()
    ]
    words = " ".join(filter(None, errors)) or found.get("Detail") or found.get("Message")
    return words or found.get("Title"), found.get("Type")
