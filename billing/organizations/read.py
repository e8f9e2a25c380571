"""The only JSON forms of organizations and billing entities."""

from pathlib import Path
from uuid import UUID

from django.conf import settings

from billing.errors import NotFound
from billing.statements import Statement

_HERE = Path(__file__).parent
_ENTITIES = (_HERE / "entities.sql").read_text()

_ORGANIZATION = Statement(_HERE / "read.sql")
_LIST = Statement(_ENTITIES)
_ONE = Statement(
    _ENTITIES.replace("/* of the whole form only */", (_HERE / "entity_links.sql").read_text())
)


def organization_json(organization_id: UUID) -> str:
    """Return the organization as JSON text.

    :raises NotFound: if there is no such organization.
    """
    found: str | None = _ORGANIZATION.one({"organization": organization_id})
    if found is None:
        raise NotFound("organization")
    return found


def billing_entity_json(organization_id: UUID, code: str) -> str:
    """Return the active billing entity with this code as JSON text.

    :raises NotFound: if there is no such billing entity.
    """
    found: str | None = _ONE.one(_parameters(organization_id, code))
    if found is None:
        raise NotFound("billing_entity")
    return found


def billing_entities_json(organization_id: UUID) -> list[str]:
    """Return the active billing entities of an organization, oldest first, as JSON texts."""
    return _LIST.column(_parameters(organization_id, None))


def _parameters(organization_id: UUID, code: str | None) -> dict[str, object]:
    return {"organization": organization_id, "code": code, "home": settings.TARN_PUBLIC_URL}
