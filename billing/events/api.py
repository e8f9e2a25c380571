"""Webhook endpoints and the public key over the API (contract: resources.md 4)."""

import base64
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from orjson import Fragment

from billing.api.answers import ApiResponse
from billing.api.documentation import documented
from billing.api.paging import META, PAGING, page_meta, read_page
from billing.api.view import ApiRequest, ApiView
from billing.events.change import WebhookEndpointChange
from billing.events.read import (
    count_webhook_endpoints,
    webhook_endpoint_json,
    webhook_endpoints_json,
)
from billing.events.signing import public_key_pem
from billing.events.write import (
    change_webhook_endpoint,
    create_webhook_endpoint,
    delete_webhook_endpoint,
)

_KEYS = frozenset(WebhookEndpointChange.model_fields)
_LINE_LENGTH = 60

_EXAMPLE = {
    "lago_id": "9a1f6b2e-5d0c-4e57-9d8a-0c6f4b1f7a35",
    "lago_organization_id": "3d3f9c1a-5f0e-4d3a-b7a4-6a3a5a0c2b19",
    "webhook_url": "https://hooks.acme.test/tarn",
    "signature_algo": "jwt",
    "name": None,
    "event_types": None,
    "created_at": "2026-01-05T09:00:00Z",
}
_ONE = {"webhook_endpoint": _EXAMPLE}
_REQUEST = {"webhook_endpoint": WebhookEndpointChange}
_KEY_EXAMPLE = "LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0K"


class WebhookEndpointsView(ApiView):
    """The webhook endpoints of an organization."""

    resource = "webhook_endpoint"

    @documented(query=PAGING, response={"webhook_endpoints": [_EXAMPLE], "meta": META})
    def get(self, request: ApiRequest) -> ApiResponse:
        """List webhook endpoints, newest first."""
        page = read_page(request.GET)
        total = count_webhook_endpoints(request.organization_id)
        found = webhook_endpoints_json(request.organization_id, page.size, page.offset)
        endpoints = [Fragment(endpoint) for endpoint in found]
        return ApiResponse({"webhook_endpoints": endpoints, "meta": page_meta(page, total)})

    @documented(request=_REQUEST, response=_ONE)
    @transaction.atomic
    def post(self, request: ApiRequest) -> ApiResponse:
        """Make a webhook endpoint."""
        wish = WebhookEndpointChange.examine(self.root(request, "webhook_endpoint", _KEYS))
        endpoint = create_webhook_endpoint(request.organization_id, wish, request.actor)
        return _answer(webhook_endpoint_json(request.organization_id, endpoint.id))


class WebhookEndpointView(ApiView):
    """One webhook endpoint, by its id."""

    resource = "webhook_endpoint"

    @documented(response=_ONE)
    def get(self, request: ApiRequest, endpoint_id: UUID) -> ApiResponse:
        """Show a webhook endpoint."""
        return _answer(webhook_endpoint_json(request.organization_id, endpoint_id))

    @documented(request=_REQUEST, response=_ONE)
    @transaction.atomic
    def put(self, request: ApiRequest, endpoint_id: UUID) -> ApiResponse:
        """Change a webhook endpoint."""
        wish = WebhookEndpointChange.examine(self.root(request, "webhook_endpoint", _KEYS))
        change_webhook_endpoint(request.organization_id, endpoint_id, wish, request.actor)
        return _answer(webhook_endpoint_json(request.organization_id, endpoint_id))

    @documented(response=_ONE)
    @transaction.atomic
    def delete(self, request: ApiRequest, endpoint_id: UUID) -> ApiResponse:
        """Delete a webhook endpoint, and show it as it was."""
        as_it_was = webhook_endpoint_json(request.organization_id, endpoint_id)
        delete_webhook_endpoint(request.organization_id, endpoint_id, request.actor)
        return _answer(as_it_was)


class JsonPublicKeyView(ApiView):
    """The public half of the key that signs webhooks."""

    resource = "webhook_jwt_public_key"

    @documented(response={"webhook": {"public_key": _KEY_EXAMPLE}})
    def get(self, request: ApiRequest) -> ApiResponse:
        """Show the public key."""
        return ApiResponse({"webhook": {"public_key": _public_key()}})


class PublicKeyView(ApiView):
    """The same key as plain text, for old clients; the one answer that is not JSON."""

    resource = "webhook_jwt_public_key"

    @documented(response=_KEY_EXAMPLE)
    def get(self, request: ApiRequest) -> HttpResponse:
        """Show the public key."""
        return HttpResponse(_public_key(), content_type="text/plain")


def _public_key() -> str:
    """Return the PEM text in Base64, in lines as clients know them."""
    text = base64.b64encode(public_key_pem().encode()).decode()
    lines = [text[start : start + _LINE_LENGTH] for start in range(0, len(text), _LINE_LENGTH)]
    return "\n".join(lines) + "\n"


def _answer(endpoint: str) -> ApiResponse:
    return ApiResponse({"webhook_endpoint": Fragment(endpoint)})
