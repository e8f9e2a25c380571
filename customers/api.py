"""Customers over the API (contract: customers.md)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from billing.api.answers import ApiResponse, json_bytes
from billing.api.authentication import Question
from billing.api.documentation import documented
from billing.api.etags import asks_for_none, read_if_match, weak_etag
from billing.api.paging import META, PAGING, Page, page_meta, read_page
from billing.api.view import ApiRequest, ApiView
from billing.errors import NotFound
from customers.change import KNOWN_KEYS, CustomerChange
from customers.delete import delete_customer
from customers.filters import Filters, raise_problems, read_filters
from customers.page import CustomerPage, Part, Position, customers_page
from customers.portal.links import make_link
from customers.providers.checkout import make_checkout
from customers.providers.now import create_later, create_now
from customers.read import customer_json
from customers.write import CustomerWrite, Outcome, Precondition

_EXAMPLE: dict[str, Any] = orjson.loads((Path(__file__).parent / "example.json").read_bytes())
_ONE = {"customer": _EXAMPLE}
_CHECKOUT = {
    "customer": {
        "lago_customer_id": "1a901a90-1a90-1a90-1a90-1a901a901a90",
        "external_customer_id": "acme-1",
        "payment_provider": "stripe",
        "payment_provider_code": "stripe-eu",
        "checkout_url": "https://checkout.stripe.com/c/pay/cs_1",
    }
}
_PORTAL = {"customer": {"portal_url": "https://tarn.example.com/customer-portal/<token>"}}
_ONLY_OF_ONE = ("applicable_invoice_custom_sections", "error_details")
_OF_A_LIST = {key: value for key, value in _EXAMPLE.items() if key not in _ONLY_OF_ONE}
_IF_MATCH = {"If-Match": "Write only if the customer's ETag is one of these; `*` is any."}
_IF_NONE_MATCH = {"If-None-Match": "With `*`: create, and refuse to change an existing customer."}
_QUERY = {
    **PAGING,
    "cursor": "Page by `next_cursor` instead of numbers; empty for the first page.",
    "external_id": "The customer with exactly this id.",
    "search_term": "Part of a name, an external_id or an e-mail address, in any case.",
    "account_type[]": "Any of these: customer, partner.",
    "customer_type": "company or individual.",
    "has_customer_type": "true or false.",
    "countries[]": "Any of these country codes, in upper case.",
    "currencies[]": "Any of these currency codes, in upper case.",
    "states[]": "Any of these states.",
    "zipcodes[]": "Any of these zip codes.",
    "has_tax_identification_number": "true or false.",
    "tax_identification_number": "The same, whatever spaces, dots, dashes and case.",
    "metadata[*]": "Customers whose metadata have this value; with an empty one, no such key.",
    "billing_entity_codes[]": "Customers of any of these billing entities.",
    "updated_at[gte]": "Changed at this time, in ISO 8601, or later.",
    "updated_at[lte]": "Changed at this time, in ISO 8601, or earlier.",
}


class CustomersView(ApiView):
    """The customers of an organization."""

    resource = "customer"

    _begun: CustomerWrite | None = None

    @documented(
        request={"customer": CustomerChange},
        response=_ONE,
        headers=_IF_MATCH | _IF_NONE_MATCH,
        refusals=(404,),
        has_version=True,
    )
    def post(self, request: ApiRequest) -> ApiResponse:
        """Create or change a customer; the API has no separate update."""
        outcome = self._write(request).run(
            request.organization_id, request.actor, _precondition(request), request.caller.answer
        )
        answer = _answer(outcome.json or b"", outcome.tag)
        if _waits_for_provider(outcome):
            answer.rest = _rest_of(request.organization_id, outcome, answer)
        return answer

    def look_ahead(self, request: ApiRequest) -> Question | None:
        """Return what writing the customer will look at."""
        if request.method != "POST" or "HTTP_IDEMPOTENCY_KEY" in request.META:
            return None  # under the key's lock the writer looks itself
        request.payload = self.body.value()
        return self._write(request).look

    def _write(self, request: ApiRequest) -> CustomerWrite:
        if self._begun is None:
            change = CustomerChange.read(self.root(request, "customer", KNOWN_KEYS))
            self._begun = CustomerWrite(change)
        return self._begun

    @documented(
        query=_QUERY,
        response={"customers": [_OF_A_LIST], "meta": META | {"next_cursor": None}},
        refusals=(404, 422),
    )
    def get(self, request: ApiRequest) -> ApiResponse:
        """List customers, newest first."""
        query = dict(request.GET.lists())
        filters, page = read_filters(query), read_page(request.GET)
        part = _part(filters, page, query["cursor"][-1] if "cursor" in query else None)
        found = customers_page(request.organization_id, filters, part)
        meta = page_meta(page, found.total)
        if part.by_cursor:
            meta |= _by_cursor(found)
        return ApiResponse(b'{"customers":[%b],"meta":%b}' % (found.json, json_bytes(meta)))


class CheckoutView(ApiView):
    """A page of the provider's where a customer sets up how to pay."""

    resource = "customer"
    needs_body = False

    @documented(response=_CHECKOUT, refusals=(405,))
    def post(self, request: ApiRequest, external_id: str) -> ApiResponse:
        """Make a checkout page."""
        organization_id = request.organization_id
        return ApiResponse.after_commit(
            lambda: ApiResponse({"customer": make_checkout(organization_id, external_id)})
        )


class PortalView(ApiView):
    """A page where a customer sees its details and corrects them."""

    resource = "customer"

    @documented(response=_PORTAL)
    def get(self, request: ApiRequest, external_id: str) -> ApiResponse:
        """Make a link to the customer's own page; it works for twelve hours."""
        return ApiResponse(
            {"customer": {"portal_url": make_link(request.organization_id, external_id)}}
        )


class CustomerView(ApiView):
    """One customer, by the caller's own id for it."""

    resource = "customer"

    @documented(response=_ONE, has_version=True)
    def get(self, request: ApiRequest, external_id: str) -> ApiResponse:
        """Show a customer."""
        found = customer_json(request.organization_id, external_id)
        if found is None:
            raise NotFound("customer")
        tag, customer = found
        return _answer(customer, tag)

    @documented(response=_ONE, headers=_IF_MATCH)
    def delete(self, request: ApiRequest, external_id: str) -> ApiResponse:
        """Delete a customer, and show it as it was."""
        precondition = Precondition(read_if_match(request.META.get("HTTP_IF_MATCH")))
        return _answer(
            delete_customer(request.organization_id, external_id, request.actor, precondition)
        )


# As the JSON of an outcome has them: compact.
_SYNC = b'"sync":true'
_WANTS_PROVIDER = b'"sync_with_provider":true'
_WITHOUT_ID = b'"provider_customer_id":null'
_ID = "billing_configuration.provider_customer_id"


def _waits_for_provider(outcome: Outcome) -> bool:
    """Return whether a customer is to be made at its provider; asked of every write, so cheap."""
    shown = outcome.json or b""
    if _WANTS_PROVIDER not in shown or _WITHOUT_ID not in shown:
        return False
    return outcome.kind == "created" or outcome.diff.get(_ID, [None])[0] is None


def _rest_of(
    organization_id: UUID, outcome: Outcome, answer: ApiResponse
) -> Callable[[], ApiResponse] | None:
    """Return what is left to do for the provider after the commit, None if nothing is."""

    def make_now() -> ApiResponse:
        create_now(organization_id, outcome.customer_id)
        external_id: str = orjson.loads(outcome.json or b"")["external_id"]
        found = customer_json(organization_id, external_id)
        return _answer(found[1], found[0]) if found else answer

    def make_later() -> ApiResponse:
        create_later(organization_id, outcome.customer_id)
        return answer

    if _SYNC in (outcome.json or b""):
        return make_now
    return make_later if outcome.kind == "unchanged" else None


def _answer(customer: bytes, tag: str | None = None) -> ApiResponse:
    return ApiResponse(b'{"customer":%b}' % customer, etag=weak_etag(tag) if tag else None)


def _precondition(request: ApiRequest) -> Precondition:
    return Precondition(
        read_if_match(request.META.get("HTTP_IF_MATCH")),
        create_only=asks_for_none(request.META.get("HTTP_IF_NONE_MATCH")),
    )


def _part(filters: Filters, page: Page, cursor: str | None) -> Part:
    """Return which part of the list is wanted; a cursor, even an empty one, puts `page` aside.

    :raises Invalid: with the problems of the filters and of the cursor.
    """
    position = Position.read(cursor) if cursor else None
    if cursor and position is None:
        raise_problems(filters, cursor=["value_is_invalid"])
    raise_problems(filters)
    if cursor is None:
        return Part(page.size, page.offset)
    return Part(page.size, by_cursor=True, after=position)


def _by_cursor(found: CustomerPage) -> dict[str, str | None]:
    return {
        "current_page": None,
        "next_page": None,
        "prev_page": None,
        "next_cursor": found.next.cursor() if found.next else None,
    }
