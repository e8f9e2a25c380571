"""The only JSON form of a webhook endpoint."""

from pathlib import Path
from uuid import UUID

from billing.errors import NotFound
from billing.events.models import WebhookEndpoint
from billing.statements import Statement

_READ = Statement(Path(__file__).with_name("read.sql"))


def webhook_endpoint_json(organization_id: UUID, endpoint_id: UUID) -> str:
    """Return the webhook endpoint as JSON text.

    :raises NotFound: if there is no such endpoint.
    """
    found: str | None = _READ.one(
        {"organization": organization_id, "id": endpoint_id, "limit": 1, "offset": 0}
    )
    if found is None:
        raise NotFound("webhook_endpoint")
    return found


def webhook_endpoints_json(organization_id: UUID, limit: int, offset: int) -> list[str]:
    """Return a page of the organization's webhook endpoints, newest first, as JSON texts."""
    return _READ.column(
        {"organization": organization_id, "id": None, "limit": limit, "offset": offset}
    )


def count_webhook_endpoints(organization_id: UUID) -> int:
    """Return how many webhook endpoints the organization has."""
    return WebhookEndpoint.objects.filter(organization_id=organization_id).count()
