"""The kinds of objects a set-up file can hold, and the keys each of them takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.connections.change import INTEGRATIONS, PAYMENT_PROVIDERS, ConnectionChange
from billing.events.change import WebhookEndpointChange
from billing.organizations.change import (
    BillingConfiguration,
    EntityBillingConfiguration,
    NewBillingEntity,
    NewOrganization,
)
from billing.sections.change import SectionChange
from billing.setup.document import Node
from billing.taxes.change import TaxChange
from billing.wish import Wish


@dataclass(frozen=True)
class Kind:
    """Objects of one list in the file; `identity` tells one from another."""

    plural: str
    identity: str
    keys: frozenset[str]


_SETTINGS = frozenset(BillingConfiguration.model_fields)
_ENTITY_SETTINGS = frozenset(EntityBillingConfiguration.model_fields)

BILLING_ENTITIES = Kind(
    "billing_entities",
    "code",
    frozenset(NewBillingEntity.model_fields) - {"billing_configuration"}
    | _ENTITY_SETTINGS
    | {"default", "archived"},
)
TAXES = Kind("taxes", "code", frozenset(TaxChange.model_fields) - {"applied_to_organization"})
SECTIONS = Kind("invoice_custom_sections", "code", frozenset(SectionChange.model_fields))
PROVIDERS = Kind("payment_providers", "code", frozenset({"type", "code", "name"}))
INTEGRATION_LIST = Kind("integrations", "code", frozenset({"type", "code", "name"}))
API_KEYS = Kind("api_keys", "key", frozenset({"name", "key", "permissions", "expires_at"}))
ENDPOINTS = Kind("webhook_endpoints", "webhook_url", frozenset(WebhookEndpointChange.model_fields))
STAFF = Kind("staff", "email", frozenset({"email", "role", "password"}))

PARTS = (
    BILLING_ENTITIES,
    TAXES,
    SECTIONS,
    PROVIDERS,
    INTEGRATION_LIST,
    API_KEYS,
    ENDPOINTS,
    STAFF,
)
ORGANIZATIONS = Kind(
    "organizations",
    "code",
    frozenset(NewOrganization.model_fields) - {"billing_configuration", "slug", "webhook_url"}
    | _SETTINGS
    | {"code"}
    | {part.plural for part in PARTS},
)

CONNECTION_SHAPES: dict[str, Mapping[str, type[ConnectionChange]]] = {
    PROVIDERS.plural: PAYMENT_PROVIDERS,
    INTEGRATION_LIST.plural: INTEGRATIONS,
}
_SHAPES: dict[str, type[Wish]] = {
    TAXES.plural: TaxChange,
    SECTIONS.plural: SectionChange,
    ENDPOINTS.plural: WebhookEndpointChange,
}
WITH_WISHES = (BILLING_ENTITIES, TAXES, SECTIONS, PROVIDERS, INTEGRATION_LIST, ENDPOINTS)
# Values of these keys are never shown, wherever they come from.
SECRET_KEYS = frozenset({"key", "password"}).union(
    *(shape.secrets for shapes in CONNECTION_SHAPES.values() for shape in shapes.values())
)


def organization_wish(node: Node) -> NewOrganization:
    """Return the wish for an organization; its handle is called `code` in the file."""
    data = _nested(node, _SETTINGS)
    if "code" in data:
        data["slug"] = data.pop("code")
    return NewOrganization.examine(data)


def part_wish(kind: Kind, node: Node) -> Wish:
    """Return the wish for an object of one of an organization's lists."""
    if kind is BILLING_ENTITIES:
        return NewBillingEntity.examine(_nested(node, _ENTITY_SETTINGS))
    shapes = CONNECTION_SHAPES.get(kind.plural, {})
    shape = shapes.get(str(node.get("type"))) or _SHAPES.get(kind.plural, ConnectionChange)
    return shape.examine(node.plain())


def _nested(node: Node, settings: frozenset[str]) -> dict[str, Any]:
    """Return the values as the API nests them; the file has them side by side."""
    data: dict[str, Any] = {
        key: value.plain() for key, value in node.value.items() if key not in settings
    }
    found = {key: value.plain() for key, value in node.value.items() if key in settings}
    return data | {"billing_configuration": found} if found else data
