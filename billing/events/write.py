"""The only writer of webhook endpoints."""

from uuid import UUID

from django.db import transaction

from billing.errors import NotFound, Problems
from billing.events.actor import Actor
from billing.events.change import WebhookEndpointChange
from billing.events.models import MAX_WEBHOOK_ENDPOINTS, ChangeRecord, WebhookEndpoint
from billing.events.records import change_row, create_row, record_change
from billing.organizations.locks import lock_organization


@transaction.atomic
def create_webhook_endpoint(
    organization_id: UUID, wish: WebhookEndpointChange, actor: Actor
) -> WebhookEndpoint:
    """Make a webhook endpoint.

    :raises Invalid: with every problem of the wish, or when there are too many endpoints.
    """
    lock_organization(organization_id)
    problems = wish.problems("webhook_url")
    check_url_is_free(organization_id, wish.webhook_url, None, problems)
    present = WebhookEndpoint.objects.filter(organization_id=organization_id).count()
    if present >= MAX_WEBHOOK_ENDPOINTS:
        problems.add("base", "exceeded_limit")
    problems.raise_if_any()
    endpoint = WebhookEndpoint(organization_id=organization_id)
    create_row(endpoint, "webhook_endpoint", wish.values(), actor)
    return endpoint


@transaction.atomic
def change_webhook_endpoint(
    organization_id: UUID, endpoint_id: UUID, wish: WebhookEndpointChange, actor: Actor
) -> bool:
    """Change a webhook endpoint; return whether that changed anything.

    :raises Invalid: with every problem of the wish.
    :raises NotFound: if there is no such endpoint.
    """
    lock_organization(organization_id)
    problems = wish.problems()
    check_url_is_free(organization_id, wish.webhook_url, endpoint_id, problems)
    problems.raise_if_any()
    endpoint = _get(organization_id, endpoint_id)
    return change_row(endpoint, "webhook_endpoint", wish.values(), actor)


@transaction.atomic
def delete_webhook_endpoint(organization_id: UUID, endpoint_id: UUID, actor: Actor) -> None:
    """Delete a webhook endpoint.

    :raises NotFound: if there is no such endpoint.
    """
    lock_organization(organization_id)
    endpoint = _get(organization_id, endpoint_id)
    record_change(
        organization_id,
        "webhook_endpoint",
        endpoint.id,
        ChangeRecord.Action.DELETED,
        {},
        actor,
    )
    endpoint.delete()


def oldest_webhook_endpoint(organization_id: UUID) -> WebhookEndpoint | None:
    """Return the endpoint an organization shows as its `webhook_url`."""
    endpoints = WebhookEndpoint.objects.filter(organization_id=organization_id)
    return endpoints.order_by("created_at", "-id").first()


def check_url_is_free(
    organization_id: UUID, url: str | None, endpoint_id: UUID | None, problems: Problems
) -> None:
    """Add a problem if another endpoint of the organization has this address."""
    others = WebhookEndpoint.objects.filter(organization_id=organization_id, webhook_url=url)
    if endpoint_id is not None:
        others = others.exclude(pk=endpoint_id)
    if url is not None and others.exists():
        problems.add("webhook_url", "value_already_exist")


def _get(organization_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
    try:
        return WebhookEndpoint.objects.get(organization_id=organization_id, pk=endpoint_id)
    except WebhookEndpoint.DoesNotExist:
        raise NotFound("webhook_endpoint") from None
