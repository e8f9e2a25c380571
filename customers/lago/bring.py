"""Making what customers stand on the same here as at Lago, through the rules every door uses.

What the rules refuse is left out and told; the rest goes on.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.utils.translation import gettext as _

from billing.errors import Invalid, NotFound
from billing.events.actor import Actor
from billing.ids import Identity
from billing.models import BillingEntity, InvoiceCustomSection, Tax
from billing.organizations.change import BillingConfiguration, NewBillingEntity, NewOrganization
from billing.organizations.change import EntityBillingConfiguration as EntityConfiguration
from billing.organizations.read import organization_json
from billing.organizations.write import (
    change_billing_entity,
    change_organization,
    create_billing_entity,
    make_default,
)
from billing.sections.change import SectionChange
from billing.sections.write import change_section, create_section
from billing.staff.sentences import sentence
from billing.taxes.change import TaxChange
from billing.taxes.write import change_tax, create_tax
from billing.wish import Wish
from customers.lago.client import Json
from customers.lago.ground import Ground

# Not brought: it would tell the programs behind it of every customer that arrives.
_LEFT = frozenset({"slug", "webhook_url", "billing_configuration", "applied_to_organization"})
_LISTS_OF_ENTITY = {
    "tax_codes": "taxes",
    "invoice_custom_section_codes": "selected_invoice_custom_sections",
}


Act = Callable[[Any], object]


@dataclass
class Brought:
    """What became of the configuration: names by outcome, and sentences about what was refused."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@transaction.atomic
def bring_ground(organization_id: UUID, ground: Ground, actor: Actor) -> Brought:
    """Create what is missing and change what differs; nothing is deleted."""
    return _Bringing(organization_id, ground, actor).run()


class _Bringing:
    """One account's configuration on its way."""

    def __init__(self, organization_id: UUID, ground: Ground, actor: Actor) -> None:
        self.id, self.ground, self.actor = organization_id, ground, actor
        self.brought = Brought()

    def run(self) -> Brought:
        for tax in self.ground.taxes:
            self._coded(_("tax"), Tax, TaxChange, tax, create_tax, change_tax)
        for section in self.ground.sections.values():
            self._coded(_("section"), InvoiceCustomSection, SectionChange, section,
                        create_section, change_section)  # fmt: skip
        default = self.ground.default_entity
        [first] = [one for one in self.ground.entities if one["code"] == default]
        self._entity(first)
        self._try(default, lambda: make_default(self.id, default, self.actor))
        with transaction.atomic():
            # What the organization says goes on to its default billing entity, which has the last
            # word: nobody sees it in between, and nothing stays there if this ends half-way.
            self._organization()
            self._entity(first)
        for entity in self.ground.entities:
            self._entity(entity)
        return self.brought

    def _coded(
        self,
        kind: str,
        model: type[models.Model],
        shape: type[Wish],
        theirs: Json,
        create: Callable[..., object],
        change: Callable[..., bool],
    ) -> None:
        """Create or change an object that is known by its code."""
        code = theirs["code"]
        values = {
            key: theirs[key] for key in shape.model_fields if key in theirs and key not in _LEFT
        }
        rows = model._default_manager.filter(organization_id=self.id, deleted_at=None)
        if rows.filter(code=code).exists():
            act: Act = partial(_change, change, self.id, code, self.actor)
        else:
            act = partial(_create, create, self.id, self.actor, _identity(theirs, model))
        self._wish(f"{kind} {code}", shape, values, act)

    def _organization(self) -> None:
        theirs = _nested(self.ground.organization, NewOrganization, BillingConfiguration)
        ours = json.loads(organization_json(self.id))
        values = _different(theirs, _nested(ours, NewOrganization, BillingConfiguration))
        act = partial(_change, change_organization, self.id, None, self.actor)
        self._wish(_("organization"), NewOrganization, values, act)

    def _entity(self, theirs: Json) -> None:
        code = theirs["code"]
        values = _nested(theirs, NewBillingEntity, EntityConfiguration)
        for key, shown in _LISTS_OF_ENTITY.items():
            if shown in theirs:
                values[key] = [one["code"] for one in theirs[shown] or []]
        if BillingEntity.objects.filter(organization_id=self.id, code=code).exists():
            act: Act = partial(_change, change_billing_entity, self.id, code, self.actor)
        else:
            kept = _identity(theirs, BillingEntity)
            act = partial(_create, create_billing_entity, self.id, self.actor, kept)
        self._wish(_("billing entity %s") % code, NewBillingEntity, values, act)

    def _wish(self, name: str, shape: type[Wish], values: dict[str, Any], act: Act) -> None:
        """Try a wish; without the values that are refused, once more."""
        try:
            with transaction.atomic():
                self._note(name, act(shape.examine(values)))
        except Invalid as refusal:
            self._refuse(name, refusal, values)
            rest = _without(values, refusal.problems)
            if rest != values:
                self._try(name, lambda: act(shape.examine(rest)))
        except NotFound as refusal:
            self.brought.refused.append(
                _("%(what)s names a %(missing)s that is not here.")
                % {"what": name, "missing": refusal.resource.replace("_", " ")}
            )

    def _try(self, name: str, act: Callable[[], object]) -> None:
        try:
            with transaction.atomic():
                self._note(name, act())
        except (Invalid, NotFound):
            self.brought.refused.append(_("%s is left as it is here.") % name)

    def _note(self, name: str, outcome: object) -> None:
        """Note what `act` returned: a new object, or whether something changed."""
        names = self.brought.changed if isinstance(outcome, bool) else self.brought.created
        if outcome and name not in self.brought.created + self.brought.changed:
            names.append(name)

    def _refuse(self, name: str, refusal: Invalid, values: Mapping[str, Any]) -> None:
        flat = {**values, **values.get("billing_configuration", {})}
        for key, codes in refusal.problems.items():
            words = " ".join(sentence(key, code, flat.get(key)) for code in codes)
            self.brought.refused.append(f"{name}, {key}: {words}")


def _create(
    create: Callable[..., object],
    organization_id: UUID,
    actor: Actor,
    identity: Identity | None,
    wish: Wish,
) -> object:
    return create(organization_id, wish, actor, identity)


def _change(
    change: Callable[..., bool], organization_id: UUID, code: str | None, actor: Actor, wish: Wish
) -> bool:
    return change(*((organization_id,) if code is None else (organization_id, code)), wish, actor)


def _nested(theirs: Json, shape: type[Wish], settings: type[Wish]) -> dict[str, Any]:
    """Return the values of a wish; settings stand in a key of their own or beside the others."""
    values = {key: theirs[key] for key in shape.model_fields if key in theirs and key not in _LEFT}
    shown = {**theirs, **(theirs.get("billing_configuration") or {})}
    found = {key: shown[key] for key in settings.model_fields if key in shown}
    return values | {"billing_configuration": found}


def _different(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """Return what is not the same here; only that may go on to the default billing entity."""
    inner, same = theirs["billing_configuration"], ours["billing_configuration"]
    return {
        **{key: value for key, value in theirs.items() if value != ours.get(key, ...)},
        "billing_configuration": {k: v for k, v in inner.items() if v != same.get(k, ...)},
    }


def _without(values: dict[str, Any], problems: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in values.items() if key not in problems}
    if "billing_configuration" in rest:
        inner = rest["billing_configuration"]
        rest["billing_configuration"] = {k: v for k, v in inner.items() if k not in problems}
    return rest


def _identity(theirs: Json, model: type[models.Model]) -> Identity | None:
    """Return what an object keeps, if its id is free here and both can be read."""
    try:
        found = UUID(theirs["lago_id"])
        made_at = datetime.fromisoformat(theirs["created_at"])
    except (KeyError, TypeError, ValueError):
        return None
    if model._default_manager.filter(pk=found).exists():
        return None
    return Identity(found, made_at if made_at.tzinfo else made_at.replace(tzinfo=UTC))
