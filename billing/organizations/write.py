"""The only writer of organizations and billing entities."""

from collections.abc import Collection
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from billing.dependents import dependents
from billing.errors import Invalid, NotFound, Problems
from billing.events.actor import Actor
from billing.events.change import WebhookEndpointChange
from billing.events.models import ChangeRecord, WebhookEndpoint
from billing.events.records import change_row, create_row, differences, record_change
from billing.events.write import (
    check_url_is_free,
    create_webhook_endpoint,
    oldest_webhook_endpoint,
)
from billing.ids import Identity
from billing.organizations.change import (
    BillingEntityChange,
    NewBillingEntity,
    NewOrganization,
    OrganizationChange,
)
from billing.organizations.locks import freeze_configuration, lock_organization, lock_slug
from billing.organizations.models import BillingEntity, Organization
from billing.sections.write import replace_entity_sections
from billing.taxes.write import replace_entity_taxes

EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()
)
EINVOICING_COUNTRIES = frozenset({"DE", "FR"})

# What an organization keeps for itself; the rest goes on to its default billing entity.
_OWN = frozenset({"slug", "name", "webhook_url", "requires_second_factor"})
# What is read back from the default billing entity, because that is where it counts.
_READ_BACK = ("default_currency", "timezone")


def default_prefix(name: str, organization_id: UUID) -> str:
    """Return the prefix of document numbers for an organization that names none."""
    return f"{name[:3]}-{organization_id.hex[-4:]}".upper()


@transaction.atomic
def create_organization(wish: NewOrganization, actor: Actor) -> Organization:
    """Make an organization; its first billing entity is made next and becomes the default.

    :raises Invalid: with every problem of the wish.
    """
    problems = wish.problems("name", "slug")
    _check_slug_is_free(wish.slug, None, problems)
    problems.raise_if_any()
    organization = Organization(id=uuid4())
    values = wish.values()
    values.pop("webhook_url", None)
    values.setdefault("document_number_prefix", default_prefix(values["name"], organization.id))
    create_row(organization, "organization", values, actor)
    for dependent in dependents():
        dependent.organization_created(organization.id)
    return organization


@transaction.atomic
def change_organization(
    organization_id: UUID,
    wish: OrganizationChange,
    actor: Actor,
    *,
    but: Collection[str] = (),
) -> bool:
    """Change an organization, and write it through to its default billing entity.

    Return whether that changed anything. Fields in `but` stay what the billing entity says.

    :raises Invalid: with every problem of the wish.
    """
    organization = lock_organization(organization_id)
    entity = default_billing_entity(organization_id)
    problems, values = wish.problems(), wish.values()
    through = {name: value for name, value in _written_through(values).items() if name not in but}
    oldest = oldest_webhook_endpoint(organization_id)
    _check_slug_is_free(wish.slug, organization_id, problems)
    check_url_is_free(organization_id, wish.webhook_url, oldest.id if oldest else None, problems)
    _check_country(entity, through, problems)
    problems.raise_if_any()
    for name in _READ_BACK:
        setattr(organization, name, getattr(entity, name))
        if name in but:
            values.pop(name, None)
    url = values.pop("webhook_url", None)
    results = [
        change_row(organization, "organization", values, actor),
        change_row(entity, "billing_entity", through, actor),
        url is not None and _change_webhook_url(organization_id, oldest, url, actor),
    ]
    return any(results)


@transaction.atomic
def create_billing_entity(
    organization_id: UUID,
    wish: NewBillingEntity,
    actor: Actor,
    identity: Identity | None = None,
) -> BillingEntity:
    """Make a billing entity; the first one of an organization is its default.

    :param identity: what it keeps if it comes from another system; its id must be free.

    :raises Invalid: with every problem of the wish.
    :raises NotFound: if a tax code is unknown.
    """
    organization = lock_organization(organization_id)
    present = BillingEntity.objects.filter(organization_id=organization_id)
    problems = wish.problems("code", "name")
    if wish.code is not None and present.filter(code=wish.code).exists():
        problems.add("code", "value_already_exist")
    kept = identity._asdict() if identity else {}
    entity = BillingEntity(organization=organization, **kept)
    values = _stored(wish.values())
    _check_country(entity, values, problems)
    problems.raise_if_any()
    default = present.filter(is_default=True).first()
    codes = _pop_codes(values)
    values = _inherited(organization, default) | values | {"is_default": default is None}
    for name, value in values.items():
        setattr(entity, name, value)
    entity.save(force_insert=True)
    changes = differences({}, values) | _replace_links(entity, *codes)
    record_change(
        organization_id, "billing_entity", entity.id, ChangeRecord.Action.CREATED, changes, actor
    )
    return entity


@transaction.atomic
def change_billing_entity(
    organization_id: UUID,
    code: str,
    wish: BillingEntityChange,
    actor: Actor,
    *,
    archived_too: bool = False,
) -> bool:
    """Change the billing entity with this code; return whether that changed anything.

    :raises Invalid: with every problem of the wish.
    :raises NotFound: if there is no such billing entity, or a tax code is unknown.
    """
    lock_organization(organization_id)
    entities = BillingEntity.objects.filter(organization_id=organization_id, code=code)
    entity = (entities if archived_too else entities.filter(archived_at=None)).first()
    problems, values = wish.problems(), _stored(wish.values())
    if entity is not None:
        _check_country(entity, values, problems)
    problems.raise_if_any()
    if entity is None:
        raise NotFound("billing_entity")
    links = _replace_links(entity, *_pop_codes(values))
    return change_row(entity, "billing_entity", values, actor, links)


@transaction.atomic
def make_default(organization_id: UUID, code: str, actor: Actor) -> bool:
    """Make the active billing entity with this code the default; return whether it was not.

    :raises NotFound: if there is no such billing entity.
    """
    lock_organization(organization_id)
    entity = _get_billing_entity(organization_id, code)
    if entity.archived_at is not None:
        raise NotFound("billing_entity")
    if entity.is_default:
        return False
    change_row(
        default_billing_entity(organization_id), "billing_entity", {"is_default": False}, actor
    )
    return change_row(entity, "billing_entity", {"is_default": True}, actor)


@transaction.atomic
def archive_billing_entity(organization_id: UUID, code: str, actor: Actor) -> bool:
    """Archive a billing entity; return whether it was active. Its customers stay with it.

    :raises Invalid: if it is the default.
    :raises NotFound: if there is no such billing entity.
    """
    freeze_configuration(organization_id)
    lock_organization(organization_id)
    entity = _get_billing_entity(organization_id, code)
    if entity.archived_at is not None:
        return False
    if entity.is_default:
        raise Invalid({"archived": ["default_cannot_be_archived"]})
    return change_row(entity, "billing_entity", {"archived_at": timezone.now()}, actor)


@transaction.atomic
def restore_billing_entity(organization_id: UUID, code: str, actor: Actor) -> bool:
    """Make an archived billing entity active again; return whether it was archived.

    :raises NotFound: if there is no such billing entity.
    """
    lock_organization(organization_id)
    entity = _get_billing_entity(organization_id, code)
    return change_row(entity, "billing_entity", {"archived_at": None}, actor)


def default_billing_entity(organization_id: UUID) -> BillingEntity:
    """Return the billing entity of an organization that counts where none is named."""
    return BillingEntity.objects.get(organization_id=organization_id, is_default=True)


def _get_billing_entity(organization_id: UUID, code: str) -> BillingEntity:
    try:
        return BillingEntity.objects.get(organization_id=organization_id, code=code)
    except BillingEntity.DoesNotExist:
        raise NotFound("billing_entity") from None


def _inherited(organization: Organization, default: BillingEntity | None) -> dict[str, Any]:
    """Return what a new billing entity takes over where its wish says nothing."""
    values = {"document_number_prefix": organization.document_number_prefix}
    if default is not None:
        return values | {"default_currency": default.default_currency}
    return values | {name: getattr(organization, name) for name in _READ_BACK}


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values by column."""
    if "logo" in values:
        logo = values["logo"]
        values["logo"] = logo and logo.content
        values["logo_content_type"] = logo and logo.content_type
    return values


def _written_through(values: dict[str, Any]) -> dict[str, Any]:
    """Return what of an organization's new values goes on to its default billing entity."""
    through = {name: value for name, value in values.items() if name not in _OWN}
    if through.get("document_numbering") == Organization.DocumentNumbering.PER_ORGANIZATION:
        through["document_numbering"] = BillingEntity.DocumentNumbering.PER_BILLING_ENTITY
    return through


def _pop_codes(values: dict[str, Any]) -> tuple[list[str] | None, list[str] | None]:
    return values.pop("tax_codes", None), values.pop("invoice_custom_section_codes", None)


def _replace_links(
    entity: BillingEntity, tax_codes: list[str] | None, section_codes: list[str] | None
) -> dict[str, list[Any]]:
    """Replace the lists that were sent; return the changes for the record."""
    taxes = {} if tax_codes is None else replace_entity_taxes(entity, tax_codes)
    sections = {} if section_codes is None else replace_entity_sections(entity, section_codes)
    return taxes | sections


def _check_slug_is_free(slug: str | None, organization_id: UUID | None, problems: Problems) -> None:
    if slug is None:
        return
    lock_slug(slug)
    others = Organization.objects.filter(slug=slug)
    if organization_id is not None:
        others = others.exclude(pk=organization_id)
    if others.exists():
        problems.add("slug", "value_already_exist")


def _check_country(entity: BillingEntity, values: dict[str, Any], problems: Problems) -> None:
    """Add what the country forbids, whichever of the values the wish is about."""
    if "country" in problems.by_field:
        return
    country = values.get("country", entity.country)
    if values.get("eu_tax_management", entity.eu_tax_management) and country not in EU:
        problems.add("eu_tax_management", "billing_entity_must_be_in_eu")
    if values.get("einvoicing", entity.einvoicing) and country not in EINVOICING_COUNTRIES:
        problems.add(
            "einvoicing", "country_not_supported" if country else "country_must_be_present"
        )


def _change_webhook_url(
    organization_id: UUID, oldest: WebhookEndpoint | None, url: str, actor: Actor
) -> bool:
    """Give the oldest webhook endpoint this address; make one if there is none."""
    if oldest is not None:
        return change_row(oldest, "webhook_endpoint", {"webhook_url": url}, actor)
    create_webhook_endpoint(organization_id, WebhookEndpointChange(webhook_url=url), actor)
    return True
