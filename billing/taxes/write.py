"""The only writer of taxes and of their links to billing entities."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.dependents import dependents
from billing.errors import NotFound, Problems
from billing.events.actor import Actor
from billing.events.records import change_row, create_row, delete_softly
from billing.ids import Identity
from billing.organizations.locks import freeze_configuration, lock_organization
from billing.organizations.models import BillingEntity
from billing.taxes.change import TaxChange
from billing.taxes.models import BillingEntityTax, Tax

REQUIRED = ("name", "code", "rate")


@transaction.atomic
def create_tax(
    organization_id: UUID, wish: TaxChange, actor: Actor, identity: Identity | None = None
) -> Tax:
    """Make a tax.

    :param identity: what it keeps if it comes from another system; its id must be free.

    :raises Invalid: with every problem of the wish.
    """
    lock_organization(organization_id)
    problems = wish.problems(*REQUIRED)
    _check_code_is_free(organization_id, wish, None, problems)
    problems.raise_if_any()
    values = wish.values()
    applied = values.pop("applied_to_organization", None)
    tax = Tax(organization_id=organization_id, **(identity._asdict() if identity else {}))
    create_row(tax, "tax", values, actor)
    _apply_to_organization(tax, applied, actor)
    return tax


@transaction.atomic
def change_tax(organization_id: UUID, code: str, wish: TaxChange, actor: Actor) -> bool:
    """Change the tax with this code; return whether that changed anything.

    :raises Invalid: with every problem of the wish.
    :raises NotFound: if there is no such tax.
    """
    lock_organization(organization_id)
    tax = Tax.objects.kept().filter(organization_id=organization_id, code=code).first()
    problems = wish.problems()
    _check_code_is_free(organization_id, wish, tax, problems)
    problems.raise_if_any()
    if tax is None:
        raise NotFound("tax")
    values = wish.values()
    applied = values.pop("applied_to_organization", None)
    changed = change_row(tax, "tax", values, actor)
    return _apply_to_organization(tax, applied, actor) or changed


@transaction.atomic
def delete_tax(organization_id: UUID, code: str, actor: Actor) -> None:
    """Take the tax off billing entities and customers, then delete it; its code is free again.

    :raises NotFound: if there is no such tax.
    """
    freeze_configuration(organization_id)
    lock_organization(organization_id)
    tax = Tax.objects.kept().filter(organization_id=organization_id, code=code).first()
    if tax is None:
        raise NotFound("tax")
    for entity in BillingEntity.objects.filter(tax_links__tax=tax).order_by("id"):
        kept = [one.code for one in entity.taxes.all() if one.id != tax.id]
        change_row(entity, "billing_entity", {}, actor, replace_entity_taxes(entity, kept))
    for dependent in dependents():
        dependent.unlink_tax(organization_id, tax.id, actor)
    delete_softly(tax, "tax", actor)


def replace_entity_taxes(entity: BillingEntity, codes: Collection[str]) -> dict[str, list[Any]]:
    """Make these the default taxes of a billing entity; return the change for its record.

    The caller holds the organization.

    :raises NotFound: if a code is unknown.
    """
    taxes = Tax.objects.kept().filter(organization_id=entity.organization_id, code__in=codes)
    wanted = dict(taxes.values_list("id", "code"))
    if len(wanted) < len(set(codes)):
        raise NotFound("tax")
    present = dict(entity.tax_links.values_list("tax_id", "tax__code"))
    if present.keys() == wanted.keys():
        return {}
    entity.tax_links.exclude(tax_id__in=wanted).delete()
    BillingEntityTax.objects.bulk_create(
        BillingEntityTax(
            organization_id=entity.organization_id, billing_entity=entity, tax_id=tax_id
        )
        for tax_id in wanted.keys() - present.keys()
    )
    return {"tax_codes": [sorted(present.values()), sorted(wanted.values())]}


def _apply_to_organization(tax: Tax, applied: bool | None, actor: Actor) -> bool:
    """Link the tax to the default billing entity, or unlink it; None does neither."""
    if applied is None:
        return False
    entity = BillingEntity.objects.get(organization_id=tax.organization_id, is_default=True)
    codes = {one.code for one in entity.taxes.all()} - {tax.code}
    links = replace_entity_taxes(entity, codes | {tax.code} if applied else codes)
    return change_row(entity, "billing_entity", {}, actor, links)


def _check_code_is_free(
    organization_id: UUID, wish: TaxChange, tax: Tax | None, problems: Problems
) -> None:
    if wish.code is None:
        return
    others = Tax.objects.kept().filter(organization_id=organization_id, code=wish.code)
    if (others.exclude(pk=tax.pk) if tax else others).exists():
        problems.add("code", "value_already_exist")
