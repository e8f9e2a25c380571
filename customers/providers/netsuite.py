"""Customers at NetSuite, by SuiteTalk REST (contract: webhooks-and-providers.md 4).

A record carries our id as its external id, and NetSuite makes or finds it by that: whatever is
repeated, there is one.
"""

import re
import secrets
import time
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from hmac import digest
from typing import Any
from urllib.parse import quote

import httpx2
from django.conf import settings
from django.urls import reverse

from billing.models import Integration
from customers.models import Customer
from customers.providers.adapter import ADDRESS, Body, Subject, adapts
from customers.providers.booking import (
    BookingAdapter,
    compared,
    contact_of,
    filled,
    person_of,
)
from customers.providers.failures import OutcomeUnknown, Refused
from customers.providers.rest import Answer, Rest

_PLAIN = {
    "name": "companyName",
    "firstname": "firstName",
    "lastname": "lastName",
    "email": "email",
    "phone": "phone",
}
_LINES = dict(zip(ADDRESS, ("addr1", "addr2", "city", "zip", "state", "country"), strict=True))
_SHIPPING = "shipping_address."
_ACCOUNT = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
_ID = re.compile(r"[0-9]{1,18}")


@adapts(Integration.Type.NETSUITE)
class NetsuiteAdapter(BookingAdapter):
    """A NetSuite account, with a token of an integration record (TBA)."""

    name = "NetSuite"
    credentials = ("client_secret", "token_secret")
    told_of = BookingAdapter.told_of | {f"{_SHIPPING}{part}" for part in ADDRESS}
    only_at_creation = frozenset(
        {"lago_customer_id", "external_id", "subsidiary_id", "page", "is_person"}
    )

    def body(self, subject: Subject) -> Body:
        """Return the company's or the person's name, e-mail, phone and both addresses."""
        customer = subject.customer
        shipping = getattr(customer, "shipping_address", None)
        if _is_person(customer):
            found: Body = {"firstname": customer.firstname, "lastname": customer.lastname}
        else:
            found = {"name": customer.name or customer.legal_name or person_of(customer)}
        found |= contact_of(subject)
        found |= {f"{_SHIPPING}{name}": getattr(shipping, name, None) for name in ADDRESS}
        return filled(found)

    def creation(self, subject: Subject) -> Body:
        """Return the body with our ids, the subsidiary and the customer's page in Tarn."""
        customer = subject.customer
        page = reverse("admin:customers_customer_change", args=[customer.pk])
        return self.body(subject) | filled(
            {
                "lago_customer_id": str(customer.pk),
                "external_id": customer.external_id,
                "subsidiary_id": getattr(subject.link, "subsidiary_id", None),
                "page": f"{settings.TARN_PUBLIC_URL}{page}",
                "is_person": _is_person(customer),
            }
        )

    def create(self, creation: Body, key: str) -> str:
        """Make the customer at NetSuite, or find the one that was made of it before."""
        self.check_name(creation)
        path = f"customer/eid:{creation['lago_customer_id']}"
        record = _wire(creation) | {
            "entityId": creation["external_id"],
            "autoName": False,
            "isPerson": creation.get("is_person", False),
            "custentity_lago_id": creation["lago_customer_id"],
            "custentity_lago_customer_link": creation["page"],
        }
        if "subsidiary_id" in creation:
            record["subsidiary"] = {"id": creation["subsidiary_id"]}
        # Without `replace`, a repetition would add the addresses again.
        answer = self._ask("PUT", path, record, replace="addressBook")
        found = _ID.fullmatch(answer.headers.get("location", "").rpartition("/")[2])
        return found[0] if found else _id(self._ask("GET", path, fields="id"))

    def update(self, remote_id: str, body: Body) -> None:
        """Change the customer at NetSuite; addresses that others entered stay."""
        path = self._path(remote_id)
        lines = self._ask("GET", f"{path}/addressBook", expandSubResources="true")
        self._ask("PATCH", path, _wire(body, _defaults(lines.table())))

    def read(self, remote_id: str) -> Body:
        """Return what NetSuite has of a customer."""
        found = self._ask("GET", self._path(remote_id), expandSubResources="true").table()
        theirs = {ours: found.get(name) for ours, name in _PLAIN.items()}
        unwanted = ("name",) if found.get("isPerson") is True else ("firstname", "lastname")
        for name in unwanted:
            del theirs[name]
        lines = _defaults(found.get("addressBook"))
        billing, shipping = lines.get("billing"), lines.get("shipping")
        theirs |= _address(billing)
        if shipping is not billing:
            theirs |= {f"{_SHIPPING}{name}": one for name, one in _address(shipping).items()}
        return compared(theirs)

    def _path(self, remote_id: str) -> str:
        if not _ID.fullmatch(remote_id):
            raise self.misshapen(remote_id)
        return f"customer/{remote_id}"

    def _ask(self, verb: str, path: str, record: Body | None = None, **query: str) -> Answer:
        """Call NetSuite once.

        :raises Failure: as its kinds say.
        """
        account = self.needed("account_id")
        if not _ACCOUNT.fullmatch(account):
            raise Refused(
                f"“{account[:100]}” is no account id of NetSuite: mend it in the connection "
                f"{self.connection.code}.",
                "account_id_is_invalid",
            )
        host = settings.TARN_NETSUITE_URL or (
            f"https://{account.replace('_', '-')}.suitetalk.api.netsuite.com"
        )
        url = httpx2.URL(f"{host}/services/rest/record/v1/{path}", params=query)
        headers = {"Authorization": self._signed(verb, url, account)}
        rest = Rest(self.name, self.timeout, _reason, "x-n-operationid")
        return rest.look(url, headers) if verb == "GET" else rest.do(verb, url, headers, record)

    def _signed(self, verb: str, url: httpx2.URL, account: str) -> str:
        """Return the header that signs a call (OAuth 1.0a with HMAC-SHA256, RFC 5849)."""
        claims = {
            "oauth_consumer_key": self.needed("client_id"),
            "oauth_token": self.needed("token_id"),
            "oauth_signature_method": "HMAC-SHA256",
            "oauth_timestamp": str(int(time.time())),
            "oauth_nonce": secrets.token_hex(16),
            "oauth_version": "1.0",
        }
        key = f"{_quoted(self.secret('client_secret'))}&{_quoted(self.secret('token_secret'))}"
        claims["oauth_signature"] = signature(verb, url, claims, key)
        realm = account.upper().replace("-", "_")
        words = ", ".join(f'{name}="{_quoted(value)}"' for name, value in claims.items())
        return f'OAuth realm="{_quoted(realm)}", {words}'


def signature(verb: str, url: httpx2.URL, claims: Mapping[str, str], key: str) -> str:
    """Return the signature of a call over its verb, address, query and claims."""
    pairs = [*url.params.multi_items(), *claims.items()]
    pieces = sorted(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)
    text = f"{verb}&{_quoted(str(url.copy_with(query=None)))}&{_quoted('&'.join(pieces))}"
    return b64encode(digest(key.encode(), text.encode(), sha256)).decode()


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")


def _is_person(customer: Customer) -> bool:
    is_individual = customer.customer_type == Customer.CustomerType.INDIVIDUAL
    return is_individual and bool(customer.firstname or customer.lastname)


def _wire(body: Body, lines: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a body in NetSuite's names; what is None is emptied there, but for a name.

    :param lines: the address lines that are there.
    """
    found = {theirs: body[ours] for ours, theirs in _PLAIN.items() if ours in body}
    if found.get("companyName", "") is None:
        del found["companyName"]
    lines, items = lines or {}, []
    has_shipping = any(body.get(f"{_SHIPPING}{name}") for name in ADDRESS)
    if billing := _line("", body, lines.get("billing")):
        items.append(billing | {"defaultBilling": True, "defaultShipping": not has_shipping})
    if has_shipping:
        is_shared = lines.get("shipping") is lines.get("billing")
        own = None if is_shared else lines.get("shipping")
        line = _line(_SHIPPING, body, own)
        items.append(line | {"defaultBilling": False, "defaultShipping": True})
    return found | ({"addressBook": {"items": items}} if items else {})


def _line(prefix: str, body: Body, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a line of the address book, by its key if it is there; {} if nothing is sent of it."""
    sent = {theirs: body[prefix + ours] for ours, theirs in _LINES.items() if prefix + ours in body}
    if not sent:
        return {}
    if sent.get("country"):
        sent["country"] = {"id": sent["country"]}
    key = {"internalId": known["internalId"]} if known and "internalId" in known else {}
    return {"addressBookAddress": sent} | key


def _defaults(book: Any) -> dict[str, Any]:
    """Return the lines of an address book that are used by default: `billing`, `shipping`."""
    items = book.get("items") if isinstance(book, dict) else None
    lines = [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
    found = {}
    for use, flag in (("billing", "defaultBilling"), ("shipping", "defaultShipping")):
        chosen = next((line for line in lines if line.get(flag) is True), None)
        if chosen is not None:
            found[use] = chosen
    return found


def _address(line: Any) -> Body:
    address = line.get("addressBookAddress") if isinstance(line, dict) else None
    if not isinstance(address, dict):
        return {}
    found = {ours: address.get(theirs) for ours, theirs in _LINES.items()}
    # Choices come as objects with their id.
    return {
        ours: value.get("id") if isinstance(value, dict) else value for ours, value in found.items()
    }


def _id(answer: Answer) -> str:
    found = str(answer.table().get("id"))
    if not _ID.fullmatch(found):
        raise OutcomeUnknown("NetSuite's answer has no id that makes sense.", "garbled_answer")
    return found


def _reason(found: Any) -> tuple[Any, Any]:
    details = found.get("o:errorDetails") or [{}]
    return details[0].get("detail") or found.get("title"), details[0].get("o:errorCode")
