"""Customers at Stripe (contract: webhooks-and-providers.md 2.2)."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import stripe
from django.conf import settings

from billing.models import PaymentProvider
from customers.models import ProviderLink
from customers.providers.adapter import Adapter, Body, Forged, Method, Notice, Subject, adapts
from customers.providers.failures import Failure, OutcomeUnknown, Refused, Throttled, Unauthorized
from customers.providers.stripe_events import HANDLERS
from customers.providers.wire import Wire, seconds

# The version of Stripe's API that this was written for.
VERSION = "2025-03-31.basil"
SIGNATURE_SECONDS = 300

_METHOD = ProviderLink.PaymentMethod
# Nothing about these is kept at Stripe, so there is nothing to set up.
_WITHOUT_SET_UP = frozenset({_METHOD.CRYPTO.value, _METHOD.CUSTOMER_BALANCE.value})
_ADDRESS = {
    "address_line1": "line1",
    "address_line2": "line2",
    "city": "city",
    "zipcode": "postal_code",
    "state": "state",
    "country": "country",
}
_PLAIN = ("email", "name", "phone")

# It would write a line for each call.
logging.getLogger("stripe").setLevel(logging.WARNING)


@adapts(PaymentProvider.Type.STRIPE)
class StripeAdapter(Adapter):
    """A Stripe account, by its official client."""

    name = "Stripe"
    credentials = ("secret_key",)
    has_checkout = True
    has_methods = True
    reads = True
    # Stripe forgets idempotency keys after 24 hours or later.
    key_lifetime = timedelta(hours=23)

    handlers = HANDLERS

    def body(self, subject: Subject) -> Body:
        """Return e-mail, name, phone and address, the blank ones left out."""
        customer = subject.customer
        person = " ".join(part for part in (customer.firstname, customer.lastname) if part)
        found = {
            "email": (customer.email or "").split(",")[0].strip(),
            "name": customer.name or person,
            "phone": customer.phone,
            **{ours: getattr(customer, ours) for ours in _ADDRESS},
        }
        return {key: value for key, value in found.items() if value}

    def creation(self, subject: Subject) -> Body:
        """Return the body with the ids by which Stripe's side finds ours."""
        return self.body(subject) | {
            "lago_customer_id": str(subject.customer.pk),
            "external_id": subject.customer.external_id,
        }

    def create(self, creation: Body, key: str) -> str:
        """Make the customer at Stripe."""
        metadata = {
            "lago_customer_id": creation["lago_customer_id"],
            "customer_id": creation["external_id"],
        }
        params = {**_wire(creation), "metadata": metadata}
        made = self._ask("POST", "/v1/customers", params, key)
        return _text(made, "id", "cus_")

    def update(self, remote_id: str, body: Body) -> None:
        """Change the customer at Stripe; the metadata stay."""
        self._ask("POST", f"/v1/customers/{remote_id}", _wire(body))

    def find(self, creation: Body) -> str | None:
        """Search Stripe by the metadata that a creation left."""
        query = f"metadata['lago_customer_id']:'{creation['lago_customer_id']}'"
        found = self._ask("GET", "/v1/customers/search", {"query": query, "limit": 1})
        customers = found.get("data") or []
        return _text(customers[0], "id", "cus_") if customers else None

    def read(self, remote_id: str) -> Body:
        """Return what Stripe has of a customer."""
        found = self._ask("GET", f"/v1/customers/{remote_id}")
        if found.get("deleted"):
            raise Refused("The customer was deleted at Stripe.", "resource_missing")
        address = found.get("address") or {}
        theirs = {key: found.get(key) for key in _PLAIN}
        theirs |= {ours: address.get(name) for ours, name in _ADDRESS.items()}
        return {key: value for key, value in theirs.items() if value}

    def has_checkout_for(self, subject: Subject) -> bool:
        """Say whether one of the customer's ways to pay is kept at Stripe."""
        return bool(_to_set_up(subject))

    def checkout_url(self, subject: Subject, key: str | None = None) -> str:
        """Make a checkout session that sets up a way to pay."""
        params: dict[str, Any] = {
            "mode": "setup",
            "customer": subject.remote_id,
            "payment_method_types": _to_set_up(subject),
            # Stripe can't make a session without one.
            "success_url": self.setting("success_redirect_url") or settings.TARN_PUBLIC_URL,
        }
        if self.setting("require_terms_of_service_consent"):
            params["consent_collection"] = {"terms_of_service": "required"}
        return _text(self._ask("POST", "/v1/checkout/sessions", params, key), "url", "http")

    def default_method(self, subject: Subject) -> Method | None:
        """Return the default of the customer's invoices, else its first way to pay."""
        expand = {"expand": ["invoice_settings.default_payment_method"]}
        customer = self._ask("GET", f"/v1/customers/{subject.remote_id}", expand)
        chosen = (customer.get("invoice_settings") or {}).get("default_payment_method")
        if isinstance(chosen, dict):
            return method_of(chosen)
        listed = self._ask(
            "GET", f"/v1/customers/{subject.remote_id}/payment_methods", {"limit": 1}
        )
        methods = listed.get("data") or []
        return method_of(methods[0]) if methods else None

    def method(self, remote_id: str) -> tuple[str | None, Method]:
        """Return a way to pay, and the id of the customer it belongs to now."""
        found = self._ask("GET", f"/v1/payment_methods/{remote_id}")
        return found.get("customer"), method_of(found)

    def set_default(self, remote_id: str, method_id: str) -> None:
        """Make a way to pay the default of the customer's invoices."""
        params = {"invoice_settings": {"default_payment_method": method_id}}
        self._ask("POST", f"/v1/customers/{remote_id}", params)

    def funding_details(self, subject: Subject) -> str | None:
        """Return where the customer transfers money to; None if it does not pay so."""
        methods = getattr(subject.link, "provider_payment_methods", [])
        if _METHOD.CUSTOMER_BALANCE not in methods:
            return None
        customer = subject.customer
        transfer: dict[str, Any] = {"type": "us_bank_transfer"}
        if customer.currency == "EUR":
            transfer = {
                "type": "eu_bank_transfer",
                "eu_bank_transfer": {"country": _eu_country(customer.country)},
            }
        elif customer.currency in _TRANSFERS:
            transfer = {"type": _TRANSFERS[customer.currency]}
        params = {
            "currency": (customer.currency or "USD").lower(),
            "funding_type": "bank_transfer",
            "bank_transfer": transfer,
        }
        path = f"/v1/customers/{subject.remote_id}/funding_instructions"
        return _funding_words(self._ask("POST", path, params))

    def notices(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Notice]:
        """Return Stripe's event, once one of its signatures over the raw bytes fits."""
        secret = self.signing_key("webhook_secret")
        text = _verified(headers.get("stripe-signature", ""), body, secret, now)
        return [_notice(text)]

    def _ask(
        self, verb: str, path: str, params: Body | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """Call Stripe once and return its JSON.

        :raises Failure: as its kinds say.
        """
        options: Any = {"idempotency_key": key} if key else {}
        client = self._client()
        return _judged(lambda: client.raw_request(verb.lower(), path, **(params or {}), **options))

    def _client(self) -> stripe.StripeClient:
        return stripe.StripeClient(
            self.credential("secret_key"),
            stripe_version=VERSION,
            base_addresses={"api": settings.TARN_STRIPE_URL},
            max_network_retries=0,
            http_client=_Client(Wire(self.name, self.timeout)),
        )


class _Client(stripe.HTTPClient):
    """Has Stripe's client send by our wire."""

    name = "wire"

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_: Any,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send a call once.

        :raises Failure: as its kinds say.
        """
        answer = self._wire.send(method, url, headers or {}, post_data)
        return answer.text, answer.status_code, answer.headers

    def close(self) -> None:
        """Do nothing: no connection is kept."""


def method_of(found: Mapping[str, Any]) -> Method:
    """Return a way to pay as Stripe describes it."""
    kind = str(found.get("type") or "card")
    details = found.get(kind) or {}
    return Method(
        remote_id=_text(found, "id", "pm_"),
        kind=kind[:32],
        brand=details.get("brand") or details.get("bank_name") or details.get("bank_code"),
        last_four=str(details["last4"])[-4:] if details.get("last4") else None,
        expires_year=_small(details.get("exp_year")),
        expires_month=_small(details.get("exp_month")),
    )


def _small(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 < value < 10_000 else None


def _to_set_up(subject: Subject) -> list[str]:
    methods = getattr(subject.link, "provider_payment_methods", [])
    return [one for one in dict.fromkeys(methods) if one not in _WITHOUT_SET_UP]


def _wire(body: Body) -> dict[str, Any]:
    """Return a body in Stripe's names; what is None is emptied there."""
    wire = {key: body[key] or "" for key in _PLAIN if key in body}
    if any(key in body for key in _ADDRESS):
        wire["address"] = {
            theirs: body[ours] or "" for ours, theirs in _ADDRESS.items() if ours in body
        }
    return wire


def _text(found: Mapping[str, Any], key: str, prefix: str) -> str:
    value = found.get(key)
    if not isinstance(value, str) or not value.startswith(prefix) or len(value) > 2_048:
        raise OutcomeUnknown(f"Stripe's answer has no {key} that makes sense.", "garbled_answer")
    return value


_TRANSFERS = {
    "GBP": "gb_bank_transfer",
    "JPY": "jp_bank_transfer",
    "MXN": "mx_bank_transfer",
    "USD": "us_bank_transfer",
}
_EU_COUNTRIES = frozenset({"BE", "DE", "ES", "FR", "IE", "NL"})


def _eu_country(country: str | None) -> str:
    return country if country in _EU_COUNTRIES else "DE"


def _funding_words(found: Mapping[str, Any]) -> str:
    """Return the bank details as lines to print, one block for each address."""
    blocks = []
    for address in (found.get("bank_transfer") or {}).get("financial_addresses") or []:
        details = address.get(str(address.get("type"))) or {}
        lines = [
            f"{key.replace('_', ' ').capitalize()}: {value}"
            for key, value in details.items()
            if isinstance(value, str) and value
        ]
        blocks.append("\n".join(lines))
    if not any(blocks):
        raise OutcomeUnknown("Stripe's answer has no bank details.", "garbled_answer")
    return "\n\n".join(block for block in blocks if block)


# --- What became of a call -----------------------------------------------------------------------


def _judged(call: Callable[[], Any]) -> dict[str, Any]:
    """Make a call, and say what a failure means for whether it had an effect."""
    try:
        answer = call()
        found = json.loads(answer.body if hasattr(answer, "body") else answer.data)
    except stripe.StripeError as error:
        raise _failure(error) from error
    except ValueError as error:
        raise OutcomeUnknown("Stripe's answer could not be read.", "garbled_answer") from error
    if not isinstance(found, dict):
        raise OutcomeUnknown("Stripe's answer could not be read.", "garbled_answer")
    return found


def _failure(error: stripe.StripeError) -> Failure:
    status = error.http_status
    details: dict[str, Any] = {"code": error.code, "request_id": error.request_id}
    if isinstance(error, stripe.RateLimitError) or status == 429:
        words = error.user_message or "Stripe was called too often."
        return Throttled(words, seconds((error.headers or {}).get("retry-after")), **details)
    if status is None or status >= 500 or status == 409:
        # 409: another call with the same key is under way.
        return OutcomeUnknown(error.user_message or "Stripe failed to answer.", **details)
    is_unauthorized = isinstance(error, stripe.AuthenticationError | stripe.PermissionError)
    if is_unauthorized:
        details["code"] = details["code"] or "authentication_failed"
    if 200 <= status < 400 or not isinstance(error.json_body, dict):
        return OutcomeUnknown("Stripe's answer could not be read.", "garbled_answer")
    kind = Unauthorized if is_unauthorized else Refused
    return kind(error.user_message or f"Stripe refused the call ({status}).", **details)


# --- What Stripe tells us ------------------------------------------------------------------------


def _verified(header: str, body: bytes, secret: str, now: datetime) -> str:
    if not header.isascii():
        raise Forged("the signature does not fit")
    try:
        text = body.decode()
        stripe.WebhookSignature.verify_header(text, header, secret, None)
        stamps = [part[2:] for part in header.split(",") if part.startswith("t=")]
        [sent_at] = {int(stamp) for stamp in stamps}
    except (stripe.SignatureVerificationError, ValueError, IndexError) as error:
        raise Forged("the signature does not fit") from error
    if abs(now.timestamp() - sent_at) > SIGNATURE_SECONDS:
        raise Forged("the signature is too old or from the future")
    return text


def _notice(text: str) -> Notice:
    try:
        event = json.loads(text)
        about = event["data"]["object"]
        facts = {"object": about.get("id"), "customer": about.get("customer")}
        previous = event["data"].get("previous_attributes") or {}
        method = about.get("payment_method")
        if event["type"] == "payment_method.detached":
            # It belongs to nobody any more; whom it belonged to stands in what was before.
            facts["customer"] = facts["customer"] or previous.get("customer")
        facts["method"] = method if isinstance(method, str) else (method or {}).get("id")
        at = datetime.fromtimestamp(event["created"], UTC)
        return Notice(str(event["id"])[:255], str(event["type"])[:255], at, facts)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise Forged("this is no event") from error
