"""Customers at Adyen (contract: webhooks-and-providers.md 2.4).

Adyen has no customers to be created: it knows a shopper by the reference that we give, which is the
customer's `external_id`. However often a link is made, whatever dies in between, it is the same
shopper.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from json import dumps, loads
from typing import Any

import httpx2
from Adyen import AdyenError
from Adyen.client import AdyenClient
from Adyen.httpclient import HTTPClient
from Adyen.services.checkout import PaymentLinksApi
from Adyen.util import is_valid_hmac_notification
from django.conf import settings
from django.utils import timezone

from billing.models import PaymentProvider
from customers.providers.adapter import Adapter, Body, Forged, Notice, Subject, adapts
from customers.providers.adyen_events import HANDLERS
from customers.providers.failures import Failure, OutcomeUnknown, Refused, Throttled, Unauthorized
from customers.providers.wire import Wire, seconds

# The longest that a link lasts at Adyen is 70 days.
LINK_LASTS = timedelta(days=69)
VERSION = "v72"

_PREFIX = re.compile(r"[0-9A-Za-z-]{1,100}\Z")
_URL_LENGTH = 2_048
_TEXT_LENGTH = 255
# "Request already processed or in progress".
_IN_PROGRESS = "704"
# What its client raises when an answer is not of the form it expects.
_GARBLED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@adapts(PaymentProvider.Type.ADYEN)
class AdyenAdapter(Adapter):
    """An Adyen merchant account, by its official client."""

    name = "Adyen"
    credentials = ("api_key",)
    creates = False
    awaits = LINK_LASTS
    updates = False
    has_checkout = True
    taken = b"[accepted]"

    handlers = HANDLERS

    def body(self, subject: Subject) -> Body:
        """Return what a payment link says of the customer."""
        customer = subject.customer
        found = {
            "shopperReference": customer.external_id,
            "shopperEmail": (customer.email or "").split(",")[0].strip(),
        }
        return {key: value for key, value in found.items() if value}

    def checkout_url(self, subject: Subject, key: str | None = None) -> str:
        """Make a payment link of no amount, by which the customer leaves a way to pay."""
        if not self.setting("merchant_account"):
            raise Refused(
                f"The connection {self.connection.code} has no merchant_account: enter it on its "
                "page.",
                "merchant_account_missing",
            )
        request = self._link_wanted(subject)
        links = self._links()
        url = _judged(lambda: links.payment_links(request, idempotency_key=key), self.connection)
        if not isinstance(url, str) or not url.startswith("http") or len(url) > _URL_LENGTH:
            raise OutcomeUnknown("Adyen's answer has no url that makes sense.", "garbled_answer")
        return url

    def _link_wanted(self, subject: Subject) -> Body:
        customer = subject.customer
        found = {
            **self.body(subject),
            "amount": {
                "value": 0,
                "currency": customer.currency or customer.organization.default_currency,
            },
            "merchantAccount": self.setting("merchant_account"),
            # Comes back signed, unlike the shopper's reference.
            "reference": str(customer.pk),
            "storePaymentMethodMode": "enabled",
            "recurringProcessingModel": "UnscheduledCardOnFile",
            "expiresAt": (timezone.now() + LINK_LASTS).isoformat(timespec="seconds"),
        }
        if self.setting("success_redirect_url"):
            found["returnUrl"] = self.setting("success_redirect_url")
        return found

    def notices(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Notice]:
        """Return Adyen's notifications, once the signature in each of them fits."""
        key = self.signing_key("hmac_key")
        try:
            items = [one["NotificationRequestItem"] for one in loads(body)["notificationItems"]]
            are_signed = all(_is_signed(item, key) for item in items)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise Forged("these are no notifications, or they are not signed") from error
        if not items or not are_signed:
            raise Forged("the signature does not fit")
        return [self._notice(item) for item in items]

    def _notice(self, item: Mapping[str, Any]) -> Notice:
        try:
            reference, kind = str(item["pspReference"]), str(item["eventCode"])
            happened_at = datetime.fromisoformat(item["eventDate"])
            is_of_nothing = item["amount"]["value"] == 0
            if not reference or happened_at.tzinfo is None:
                raise ValueError("no reference or no time")
        except (LookupError, TypeError, ValueError) as error:
            raise Forged("these are no notifications") from error
        is_ours = item.get("merchantAccountCode") == self.setting("merchant_account")
        # The same attempt may be told of as refused and, later, as authorised.
        success = str(item.get("success")).lower() == "true"
        remote_id = f"{kind}:{reference}:{'success' if success else 'failure'}"
        facts = _facts(item, success=success) if is_of_nothing and is_ours else {}
        return Notice(remote_id[:255], kind[:255], happened_at, facts)

    def _links(self) -> PaymentLinksApi:
        """Return Adyen's client for payment links, at the address of this account.

        :raises Refused: if the connection's prefix can't be part of an address.
        """
        prefix = self.setting("live_prefix")
        if prefix and not _PREFIX.match(prefix):
            words = f"The live_prefix of the connection {self.connection.code} is not one of Adyen."
            raise Refused(words, "live_prefix_malformed")
        is_live = bool(prefix) and not settings.TARN_ADYEN_URL
        client = AdyenClient(
            xapikey=self.credential("api_key"),
            platform="live" if is_live else "test",
            live_endpoint_prefix=prefix,
        )
        client.http_client = _Client(client, Wire(self.name, self.timeout))
        client.http_init = True
        links = PaymentLinksApi(client=client)
        if settings.TARN_ADYEN_URL:
            links.baseUrl = f"{settings.TARN_ADYEN_URL}/{VERSION}"
        return links


class _Client(HTTPClient):
    """Has Adyen's client send by our wire."""

    def __init__(self, client: AdyenClient, wire: Wire) -> None:
        super().__init__(client.USER_AGENT_SUFFIX, client.LIB_VERSION)
        self.request = self._exchange  # where it keeps its way to send
        self._wire = wire

    def _exchange(
        self, method: str, url: str, *, json: Body, xapikey: str, headers: dict[str, str]
    ) -> tuple[str, Body, int, httpx2.Headers]:
        sent = {**headers, "x-api-key": xapikey, "Content-Type": "application/json"}
        answer = self._wire.send(method, url, sent, dumps(json))
        return answer.text, json, answer.status_code, answer.headers


# --- What became of a call -----------------------------------------------------------------------


def _judged(call: Callable[[], Any], connection: PaymentProvider) -> object:
    """Make a call and return the link's address; say what a failure means."""
    try:
        return call().message.get("url")
    except AdyenError as error:
        raise _failure(error, connection.code) from error
    except _GARBLED as error:
        raise OutcomeUnknown("Adyen's answer could not be read.", "garbled_answer") from error


def _failure(error: AdyenError, connection: str) -> Failure:
    status, said = error.status_code, error.message
    headers = {str(name).lower(): value for name, value in dict(error.headers or {}).items()}
    if status == 429:
        return Throttled("Adyen was called too often.", seconds(headers.get("retry-after")))
    if not isinstance(said, dict) or not isinstance(status, int):
        return OutcomeUnknown("Adyen's answer could not be read.", "garbled_answer")
    words = str(said.get("message") or "Adyen gave no reason.")
    reference = error.psp or said.get("pspReference")
    details: dict[str, Any] = {
        "code": str(error.error_code) if error.error_code else None,
        "request_id": str(reference) if reference else None,
    }
    if status in (401, 403):
        account = f"the api_key or the merchant_account of the connection {connection}"
        return Unauthorized(f"Adyen does not accept {account}: {words}", **details)
    is_passing = headers.get("transient-error") == "true" or details["code"] == _IN_PROGRESS
    if is_passing or not 400 <= status < 500:
        return OutcomeUnknown(words, **details)
    return Refused(words, **details)


# --- What Adyen tells us -------------------------------------------------------------------------


def _is_signed(item: Mapping[str, Any], key: str) -> bool:
    signature = item["additionalData"]["hmacSignature"]
    if not isinstance(signature, str) or not signature.isascii():
        return False
    # Adyen's function would look at an item inside this one, and believe the whole for its sake.
    alone = {name: value for name, value in item.items() if name != "notificationItems"}
    return bool(is_valid_hmac_notification(alone, key))


def _facts(item: Mapping[str, Any], *, success: bool) -> dict[str, Any]:
    """Return what we act on; words that are missing, or none, are None."""
    more = item.get("additionalData") or {}
    method = more.get("recurring.recurringDetailReference") or more.get(
        "tokenization.storedPaymentMethodId"
    )
    shopper = more.get("shopperReference") or more.get("recurring.shopperReference")
    found = {
        "shopper": shopper or more.get("tokenization.shopperReference"),
        "reference": item.get("merchantReference"),
        "psp_reference": item.get("pspReference"),
        "reason": item.get("reason"),
        "method": method,
        "kind": item.get("paymentMethod"),
        "last_four": more.get("cardSummary"),
        "expires": more.get("expiryDate"),
    }
    words = {key: value for key, value in found.items() if _is_text(value)}
    return {**dict.fromkeys(found), **words, "success": success}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _TEXT_LENGTH
