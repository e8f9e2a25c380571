"""Customers at GoCardless (contract: webhooks-and-providers.md 2.3)."""

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import gocardless_pro
import httpx2
from django.conf import settings
from django.utils import timezone
from gocardless_pro import errors, webhooks
from gocardless_pro.api_client import ApiClient

from billing.models import PaymentProvider
from customers.providers.adapter import Adapter, Body, Forged, Method, Notice, Subject, adapts
from customers.providers.failures import Failure, OutcomeUnknown, Refused, Throttled, Unauthorized
from customers.providers.gocardless_events import HANDLERS
from customers.providers.wire import Wire, seconds

_LIVE, _SANDBOX = "https://api.gocardless.com", "https://api-sandbox.gocardless.com"
_SANDBOX_TOKEN = "sandbox_"  # noqa: S105  # how they begin
_CUSTOMER = re.compile(r"CU[0-9A-Z]{1,60}\Z")
_ID_LENGTH = 64
_URL_LENGTH = 2_048
# Our name of each field, and GoCardless' own.
_FIELDS = {
    "email": "email",
    "company_name": "company_name",
    "firstname": "given_name",
    "lastname": "family_name",
}
# GoCardless' clock and ours may differ by so much.
_CLOCKS = timedelta(minutes=10)
# Five kilobytes for each: a page fits into what is read of an answer.
_PAGE = 200
# With its last page and a creation to follow, less than a process may hold a mirror.
_SEARCH_SECONDS = 25.0
# What its client raises when an answer is not of the form it expects.
_GARBLED = (
    errors.GoCardlessProError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_Answer = TypeVar("_Answer")


@adapts(PaymentProvider.Type.GOCARDLESS)
class GocardlessAdapter(Adapter):
    """A GoCardless account, by its official client."""

    name = "GoCardless"
    credentials = ("access_token",)
    updates = False
    reads = True
    has_checkout = True
    paths = {"company_name": "legal_name"}
    only_at_creation = frozenset({"lago_customer_id", "begun_at"})
    # GoCardless does not say how long; it is asked what it has before another key is used.
    key_lifetime = timedelta(hours=23)

    handlers = HANDLERS

    def body(self, subject: Subject) -> Body:
        """Return e-mail, company and the person's names, the blank ones left out."""
        customer = subject.customer
        found = {
            "email": (customer.email or "").split(",")[0].strip(),
            "company_name": customer.legal_name or customer.name,
            "firstname": customer.firstname,
            "lastname": customer.lastname,
        }
        return {key: value for key, value in found.items() if value}

    def creation(self, subject: Subject) -> Body:
        """Return the body with our id, and since when to look for what it made."""
        return self.body(subject) | {
            "lago_customer_id": str(subject.customer.pk),
            "begun_at": timezone.now().isoformat(),
        }

    def create(self, creation: Body, key: str) -> str:
        """Make the customer at GoCardless.

        A repeated key is answered with a conflict that names the customer, whom the client reads.
        """
        params: Body = {_FIELDS[key]: creation[key] for key in _FIELDS if key in creation}
        params["metadata"] = {"lago_customer_id": creation["lago_customer_id"]}
        headers = {"Idempotency-Key": key}
        return _customer_id(
            self._ask(lambda client: _plain(_once(client.customers).create(params, headers)))
        )

    def find(self, creation: Body) -> str | None:
        """Look through the customers made since: GoCardless can't be asked by metadata."""
        since = datetime.fromisoformat(creation["begun_at"]) - _CLOCKS
        params: Body = {"created_at[gte]": since.isoformat(), "limit": _PAGE}
        deadline = time.monotonic() + _SEARCH_SECONDS
        while time.monotonic() < deadline:
            made, after = self._made(params)
            if creation["lago_customer_id"] in made:
                return made[creation["lago_customer_id"]]
            if after is None:
                return None
            params = {**params, "after": after}
        raise OutcomeUnknown("GoCardless has too many new customers to look through.", "too_many")

    def _made(self, params: Body) -> tuple[dict[str, str], str | None]:
        """Return a page's customers by our ids, and where the next page begins."""

        def call(client: gocardless_pro.Client) -> tuple[dict[str, str], str | None]:
            listed = _once(client.customers).list(params)
            ours = {
                one.attributes["metadata"]["lago_customer_id"]: _customer_id(_plain(one))
                for one in listed.records
                if "lago_customer_id" in (one.attributes.get("metadata") or {})
            }
            return ours, listed.after

        return self._ask(call)

    def read(self, remote_id: str) -> Body:
        """Return what GoCardless has of a customer."""
        if not _CUSTOMER.match(remote_id):
            raise Refused(f"GoCardless has no customer {remote_id[:64]}.", "resource_not_found")
        found = self._ask(lambda client: _plain(_once(client.customers).get(remote_id)))
        theirs = {ours: found.get(name) for ours, name in _FIELDS.items()}
        return {key: value for key, value in theirs.items() if value}

    def checkout_url(self, subject: Subject, key: str | None = None) -> str:
        """Make a billing request for a mandate, and the page where the customer gives it."""
        currency = subject.customer.currency or subject.customer.organization.default_currency
        request = {
            "mandate_request": {"currency": currency},
            "links": {"customer": subject.remote_id},
        }
        headers = {"Idempotency-Key": key} if key else None
        made = self._ask(
            lambda client: _plain(_once(client.billing_requests).create(request, headers))
        )
        flow: Body = {"links": {"billing_request": _text(made, "id", "BRQ", _ID_LENGTH)}}
        if self.setting("success_redirect_url"):
            flow["redirect_uri"] = self.setting("success_redirect_url")
        page = self._ask(lambda client: _plain(_once(client.billing_request_flows).create(flow)))
        return _text(page, "authorisation_url", "http", _URL_LENGTH)

    def mandate(self, remote_id: str) -> tuple[str | None, str, Method]:
        """Return the customer of a mandate, its status now, and the way to pay that it is."""
        found = self._ask(lambda client: _plain(_once(client.mandates).get(remote_id)))
        method = Method(
            remote_id=_text(found, "id", "", _ID_LENGTH),
            kind=str(found.get("scheme") or "mandate")[:32],
        )
        return (found.get("links") or {}).get("customer"), str(found.get("status")), method

    def notices(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Notice]:
        """Return GoCardless' events, once the signature over the raw bytes fits."""
        secret = self.signing_key("webhook_secret")
        signature = headers.get("webhook-signature", "")
        if not signature.isascii():
            raise Forged("the signature does not fit")
        try:
            events = webhooks.parse(body, secret, signature)
        except errors.InvalidSignatureError as error:
            raise Forged("the signature does not fit") from error
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            raise Forged("these are no events") from error
        return [_notice(event.attributes) for event in events]

    def _ask(self, call: Callable[[gocardless_pro.Client], _Answer]) -> _Answer:
        """Call GoCardless and return what it answers.

        :raises Failure: as its kinds say.
        """
        token = self.credential("access_token")
        is_sandbox = token.startswith(_SANDBOX_TOKEN)
        client = gocardless_pro.Client(
            access_token=token,
            base_url=settings.TARN_GOCARDLESS_URL or (_SANDBOX if is_sandbox else _LIVE),
        )
        account = client._api_client = _Account(client._api_client, Wire(self.name, self.timeout))
        try:
            return _judged(lambda: call(client), self.connection.code)
        except Throttled as failure:
            failure.retry_after = account.patience
            raise


class _Account(ApiClient):
    """Has GoCardless' client send by our wire, and remembers for how long it was told to wait."""

    def __init__(self, made: ApiClient, wire: Wire) -> None:
        super().__init__(made.base_url, made.access_token)
        self._wire = wire
        self.patience: float | None = None

    def get(self, path: str, params: Body | None = None, headers: Any = None) -> httpx2.Response:
        """Ask for what is there."""
        return self._exchange("GET", httpx2.URL(self._url_for(path), params=params), headers)

    def post(self, path: str, body: Any, headers: Any = None) -> httpx2.Response:
        """Ask for something to be done."""
        return self._exchange("POST", self._url_for(path), headers, json.dumps(body))

    def _exchange(
        self, verb: str, url: httpx2.URL | str, headers: Any, content: str | None = None
    ) -> httpx2.Response:
        answer = self._wire.send(verb, url, self._headers(headers), content)
        self.patience = seconds(answer.headers.get("retry-after"))
        self._handle_errors(answer)
        return answer


def _once(service: Any) -> Any:
    """Keep the client from repeating calls by itself: that is ours to decide."""
    service.max_network_retries = 1
    return service


def _plain(resource: Any) -> dict[str, Any]:
    return dict(resource.attributes)


def _customer_id(found: Mapping[str, Any]) -> str:
    value = _text(found, "id", "CU", _ID_LENGTH)
    if not _CUSTOMER.match(value):
        raise OutcomeUnknown("GoCardless' answer has no id that makes sense.", "garbled_answer")
    return value


def _text(found: Mapping[str, Any], key: str, prefix: str, longest: int) -> str:
    value = found.get(key)
    if not isinstance(value, str) or not value.startswith(prefix) or len(value) > longest:
        words = f"GoCardless' answer has no {key} that makes sense."
        raise OutcomeUnknown(words, "garbled_answer")
    return value


# --- What became of a call -----------------------------------------------------------------------


def _judged(call: Callable[[], _Answer], code: str) -> _Answer:
    """Make a call, and say what a failure means for whether it had an effect."""
    try:
        return call()
    except errors.ApiError as error:
        raise _failure(error, code) from error
    except errors.MalformedResponseError as error:
        if error.status_code == 429:
            raise Throttled("GoCardless was called too often.") from error
        raise OutcomeUnknown("GoCardless' answer could not be read.", "garbled_answer") from error
    except _GARBLED as error:
        raise OutcomeUnknown("GoCardless' answer could not be read.", "garbled_answer") from error


def _failure(error: errors.ApiError, connection: str) -> Failure:
    found = error.error if isinstance(error.error, dict) else {}
    status = found.get("code")
    problems = [one for one in found.get("errors") or [] if isinstance(one, dict)]
    details: dict[str, Any] = {
        "code": _reason(found, problems),
        "request_id": found.get("request_id") and str(found["request_id"]),
    }
    words = _words(found, problems)
    if isinstance(error, errors.RateLimitError):
        return Throttled(words, **details)
    if isinstance(error, errors.AuthenticationError | errors.PermissionsError):
        return Unauthorized(
            f"GoCardless does not accept the access token of the connection {connection}: {words}",
            **details,
        )
    # 409: another call with the same key is under way.
    if not isinstance(status, int) or not 400 <= status < 500 or status == 409:
        return OutcomeUnknown(words, **details)
    return Refused(words, **details)


def _reason(found: Mapping[str, Any], problems: list[dict[str, Any]]) -> str | None:
    reasons = [one["reason"] for one in problems if one.get("reason")]
    reason = reasons[0] if reasons else found.get("type")
    return str(reason) if reason else None


def _words(found: Mapping[str, Any], problems: list[dict[str, Any]]) -> str:
    said = str(found.get("message") or "GoCardless gave no reason.")
    each = [
        " ".join(str(one[key]) for key in ("field", "message") if one.get(key))
        for one in problems[:5]
    ]
    more = ", ".join(words for words in each if words and words != said)
    return f"{said} ({more})" if more else said


# --- What GoCardless tells us --------------------------------------------------------------------


def _notice(event: Mapping[str, Any]) -> Notice:
    try:
        kind = f"{event['resource_type']}.{event['action']}"
        origin = (event.get("details") or {}).get("origin")
        mandate = (event.get("links") or {}).get("mandate")
        at = datetime.fromisoformat(event["created_at"])
        if not event["id"] or at.tzinfo is None:
            raise ValueError("no id or no time")
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise Forged("these are no events") from error
    is_ours = isinstance(mandate, str) and len(mandate) <= _ID_LENGTH
    # A mandate that anybody but us has cancelled is not one of those the contract names.
    if kind == "mandates.cancelled" and origin != "api":
        is_ours = False
    facts = {"mandate": mandate} if is_ours else {}
    return Notice(str(event["id"])[:255], kind[:255], at, facts)
