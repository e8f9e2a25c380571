"""The only writer of invoice custom sections and of their selection by billing entities."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.dependents import dependents
from billing.errors import NotFound
from billing.events.actor import Actor
from billing.events.records import change_row, create_row, delete_softly
from billing.ids import Identity
from billing.organizations.locks import freeze_configuration, lock_organization
from billing.organizations.models import BillingEntity
from billing.sections.change import SectionChange
from billing.sections.models import (
    BillingEntitySection,
    InvoiceCustomSection,
    InvoiceCustomSectionQuerySet,
)


@transaction.atomic
def create_section(
    organization_id: UUID, wish: SectionChange, actor: Actor, identity: Identity | None = None
) -> InvoiceCustomSection:
    """Make a section.

    :param identity: what it keeps if it comes from another system; its id must be free.

    :raises Invalid: with every problem of the wish.
    """
    lock_organization(organization_id)
    problems = wish.problems("code", "name")
    if wish.code is not None and _kept(organization_id).filter(code=wish.code).exists():
        problems.add("code", "value_already_exist")
    problems.raise_if_any()
    kept = identity._asdict() if identity else {}
    section = InvoiceCustomSection(organization_id=organization_id, **kept)
    create_row(section, "invoice_custom_section", wish.values(), actor)
    return section


@transaction.atomic
def change_section(organization_id: UUID, code: str, wish: SectionChange, actor: Actor) -> bool:
    """Change the section with this code; return whether that changed anything.

    :raises Invalid: with every problem of the wish.
    :raises NotFound: if there is no such section.
    """
    lock_organization(organization_id)
    wish.problems().raise_if_any()
    section = _get(organization_id, code)
    values = {key: value for key, value in wish.values().items() if key != "code"}
    return change_row(section, "invoice_custom_section", values, actor)


@transaction.atomic
def delete_section(organization_id: UUID, code: str, actor: Actor) -> None:
    """Take the section out of every selection, then delete it; its code is free again.

    :raises NotFound: if there is no such section.
    """
    freeze_configuration(organization_id)
    lock_organization(organization_id)
    section = _get(organization_id, code)
    for entity in BillingEntity.objects.filter(section_links__section=section).order_by("id"):
        kept = [one.code for one in entity.sections.all() if one.id != section.id]
        links = replace_entity_sections(entity, kept)
        change_row(entity, "billing_entity", {}, actor, links)
    for dependent in dependents():
        dependent.unlink_section(organization_id, section.id, actor)
    delete_softly(section, "invoice_custom_section", actor)


def replace_entity_sections(entity: BillingEntity, codes: Collection[str]) -> dict[str, list[Any]]:
    """Make these the selection of a billing entity; return the change for its record.

    Unknown codes are ignored. The caller holds the organization.
    """
    wanted = dict(_kept(entity.organization_id).filter(code__in=codes).values_list("id", "code"))
    present = dict(entity.section_links.values_list("section_id", "section__code"))
    if present.keys() == wanted.keys():
        return {}
    entity.section_links.exclude(section_id__in=wanted).delete()
    BillingEntitySection.objects.bulk_create(
        BillingEntitySection(
            organization_id=entity.organization_id,
            billing_entity=entity,
            section_id=section_id,
        )
        for section_id in wanted.keys() - present.keys()
    )
    return {"invoice_custom_section_codes": [sorted(present.values()), sorted(wanted.values())]}


def _kept(organization_id: UUID) -> InvoiceCustomSectionQuerySet:
    return InvoiceCustomSection.objects.kept().filter(organization_id=organization_id)


def _get(organization_id: UUID, code: str) -> InvoiceCustomSection:
    section = _kept(organization_id).filter(code=code).first()
    if section is None:
        raise NotFound("invoice_custom_section")
    return section
