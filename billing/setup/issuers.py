"""An organization's own values and its billing entities, which share them (see the example file).

What the organization says goes on to its default billing entity, unless that one says otherwise.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet

from billing.events.actor import SETUP
from billing.models import BillingEntity, InvoiceCustomSection, Organization, Tax
from billing.organizations.change import NewBillingEntity, NewOrganization
from billing.organizations.write import (
    archive_billing_entity,
    change_billing_entity,
    change_organization,
    create_billing_entity,
    default_billing_entity,
    make_default,
    restore_billing_entity,
)
from billing.setup.attempts import Attempts
from billing.setup.document import Node
from billing.setup.kinds import BILLING_ENTITIES, ORGANIZATIONS, SECTIONS, TAXES, Kind, part_wish
from billing.setup.problems import guess
from billing.setup.reading import Planned
from billing.wish import Wish

Pairs = list[tuple[Node, Wish]]


class IssuerSetup:
    """Brings an organization's values and its billing entities to what the file says."""

    def __init__(
        self,
        organization: Organization,
        planned: Planned,
        wish: NewOrganization,
        attempts: Attempts,
    ) -> None:
        self.id, self.organization = organization.pk, organization
        self.node, self.wish, self.attempts = planned.node, wish, attempts
        entities = BillingEntity.objects.filter(organization=organization)
        self.present = set(entities.values_list("code", flat=True))
        self.references = (
            _Reference("tax_codes", "tax", Tax.objects.kept(), TAXES, planned),
            _Reference(
                "invoice_custom_section_codes",
                "invoice custom section",
                InvoiceCustomSection.objects.kept(),
                SECTIONS,
                planned,
            ),
        )

    def run(self, pairs: Pairs) -> None:
        """Create, choose the default, change and archive, in this order."""
        pairs = pairs if self.present else self._first(pairs)
        for node, wish in pairs:
            self._drop_unknown_codes(node, wish)
            if node.get("code") not in self.present:
                act = partial(create_billing_entity, self.id, cast(NewBillingEntity, wish), SETUP)
                self.attempts.create(BILLING_ENTITIES, node, act)
        self._when(pairs, "archived", False, restore_billing_entity)
        self._when(pairs, "default", True, make_default)
        self._change_organization(pairs)
        for node, wish in pairs:
            if node.get("code") in self.present:
                self._change(node, cast(NewBillingEntity, wish))
        self._when(pairs, "archived", True, archive_billing_entity)

    def _when(self, pairs: Pairs, key: str, value: bool, act: Callable[..., bool]) -> None:
        """Do something to the billing entities whose key has this value."""
        for node, _ in pairs:
            if node.get(key) is value:
                done = partial(act, self.id, node.get("code"), SETUP)
                self.attempts.change(BILLING_ENTITIES, node, done)

    def _first(self, pairs: Pairs) -> Pairs:
        """Return the first billing entities of an organization, the default one in front."""
        if not pairs:
            place = self.node.place.key(BILLING_ENTITIES.plural, self.node.place.line)
            values = {"code": self.organization.slug, "name": self.organization.name}
            node = Node({key: Node(value, place) for key, value in values.items()}, place)
            return [(node, part_wish(BILLING_ENTITIES, node))]
        return sorted(pairs, key=lambda pair: _rank(pair[0]))

    def _change_organization(self, pairs: Pairs) -> None:
        """Change the organization, and its default billing entity where that says nothing."""
        if not BillingEntity.objects.filter(organization_id=self.id, is_default=True).exists():
            return  # it was refused, and that was noted
        code = default_billing_entity(self.id).code
        own = next((node.value.keys() for node, _ in pairs if node.get("code") == code), ())
        act = partial(change_organization, self.id, self.wish, SETUP, but=frozenset(own))
        self.attempts.change(ORGANIZATIONS, self.node, act)

    def _change(self, node: Node, wish: NewBillingEntity) -> None:
        act = partial(change_billing_entity, self.id, node.get("code"), wish, SETUP)
        self.attempts.change(BILLING_ENTITIES, node, partial(act, archived_too=True))

    def _drop_unknown_codes(self, node: Node, wish: Wish) -> None:
        """Note codes that nothing has, and keep the rest of the wish."""
        for reference in self.references:
            codes = set(getattr(wish, reference.key) or ())
            if codes <= reference.known(self.id):
                continue
            wish.model_fields_set.discard(reference.key)
            for item in node.value[reference.key].value:
                words = reference.complaint(self.id, str(item.value))
                if words:
                    self.attempts.problems.add(item.place, words)


class _Reference:
    """A key of billing entities that names other objects by code."""

    def __init__(
        self, key: str, what: str, rows: QuerySet[Any], kind: Kind, planned: Planned
    ) -> None:
        self.key, self.what, self.rows = key, what, rows
        self.in_file = {str(node.get("code")) for node in planned.parts[kind.plural]}

    def known(self, organization_id: UUID) -> set[str]:
        """Return the codes that exist."""
        rows = self.rows.filter(organization_id=organization_id)
        return set(rows.values_list("code", flat=True))

    def complaint(self, organization_id: UUID, code: str) -> str:
        """Return what is wrong with a code; nothing if the file's own object was refused."""
        known = self.known(organization_id) | self.in_file
        if code in known:
            return ""
        return f"“{code}” is no {self.what} of this organization.{guess(code, known)}"


def _rank(node: Node) -> tuple[bool, bool, bool]:
    """Return a key that sorts the natural default to the front."""
    wanted, archived = node.get("default"), node.get("archived")
    return wanted is not True, archived is True, wanted is False
