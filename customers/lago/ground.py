"""What customers stand on at Lago: the organization, its billing entities, taxes and sections.

Sections have no list of their own there; they show where a billing entity or a customer has them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import orjson
from django.utils.translation import gettext as _

from billing.models import InvoiceCustomSection
from billing.organizations.read import (
    billing_entities_json,
    billing_entity_json,
    organization_json,
)
from billing.taxes.read import count_taxes, taxes_json
from customers.lago.client import Json, LagoClient, LagoRefused
from customers.lago.compare import Difference, compare_objects

# Each has its own here, or is brought in another way.
_NOT_COMPARED = frozenset(
    "lago_id created_at updated_at slug webhook_url webhook_urls logo_url taxes "
    "selected_invoice_custom_sections billing_configuration applied_to_organization "
    "add_ons_count customers_count plans_count charges_count commitments_count "
    "applied_to_billing_entities_codes organization_id".split()
)
_SECTION = ("code", "name", "display_name", "description", "details")
_PAGE = 100


@dataclass
class Ground:
    """The configuration of an account; each object in the form of Lago's API.

    `entities` are in Lago's order; the default comes first.
    """

    organization: Json
    entities: list[Json]
    taxes: list[Json]
    sections: dict[str, Json] = field(default_factory=dict)

    @property
    def default_entity(self) -> str:
        """Return the code of the billing entity that counts where none is named."""
        marked = [entity for entity in self.entities if entity.get("is_default")]
        return str((marked or self.entities)[0]["code"])

    def entity_sections(self) -> dict[str, set[str]]:
        """Return the codes of the sections that each billing entity has chosen."""
        return {
            entity["code"]: {section["code"] for section in _chosen(entity)}
            for entity in self.entities
        }

    def note_sections(self, sections: Iterable[Json]) -> None:
        """Take sections in that a billing entity or a customer shows."""
        for section in sections:
            self.sections.setdefault(section["code"], section)


def read_ground(client: LagoClient) -> Ground:
    """Return the configuration of an account.

    :raises LagoRefused: if Lago can't be asked, or answers something else.
    """
    organization = _object(client.get("organizations"), "organization")
    listed = _list(client.get("billing_entities"), "billing_entities")
    entities = [
        _object(client.get("billing_entities", str(entity["code"])), "billing_entity")
        for entity in listed
    ]
    if not entities:
        raise LagoRefused(_("Lago shows no billing entity. Update it to a version that does."))
    found = Ground(organization, entities, list(_taxes(client)))
    for entity in entities:
        found.note_sections(_chosen(entity))
    return found


def _taxes(client: LagoClient) -> Iterator[Json]:
    number: int | None = 1
    codes: set[str] = set()
    while number:
        answer = client.get("taxes", page=number, per_page=_PAGE)
        for tax in _list(answer, "taxes"):
            if tax["code"] not in codes:
                codes.add(tax["code"])
                yield tax
        after = (answer.get("meta") or {}).get("next_page")
        number = after if isinstance(after, int) and after > number else None


def _chosen(entity: Json) -> list[Json]:
    return entity.get("selected_invoice_custom_sections") or []


def _object(answer: Json, name: str) -> Json:
    found = answer.get(name)
    if not isinstance(found, dict):
        raise LagoRefused(_("The answer holds no %s. Is this Lago's API?") % name)
    return found


def _list(answer: Json, name: str) -> list[Json]:
    found = answer.get(name)
    if not isinstance(found, list) or not all(
        isinstance(one, dict) and isinstance(one.get("code"), str) for one in found
    ):
        raise LagoRefused(_("The answer holds no list of %s. Is this Lago's API?") % name)
    return found


class Place(str):
    """Where a difference of the configuration stands, such as `tax vat`."""

    __slots__ = ()


def compare_ground(ground: Ground, organization_id: UUID) -> Iterator[tuple[Place, Difference]]:
    """Yield what differs between Lago's configuration and that of our organization."""
    ours = orjson.loads(organization_json(organization_id))
    for difference in _compared(ground.organization, ours):
        yield Place("organization"), difference
    codes = {orjson.loads(text)["code"] for text in billing_entities_json(organization_id)}
    for entity in ground.entities:
        here = entity["code"] in codes
        found = orjson.loads(billing_entity_json(organization_id, entity["code"])) if here else None
        yield from _found("billing entity", entity, found, _entity_differences)
    taxes = _our_taxes(organization_id)
    for tax in ground.taxes:
        yield from _found("tax", tax, taxes.get(tax["code"]), _tax_differences)
    sections = _our_sections(organization_id)
    for section in ground.sections.values():
        yield from _found("section", section, sections.get(section["code"]), _compared)


def _found(
    kind: str,
    theirs: Json,
    ours: Json | None,
    compare: Callable[[Json, Json], Iterable[Difference]],
) -> Iterator[tuple[Place, Difference]]:
    place = Place(f"{kind} {theirs['code']}")
    if ours is None:
        yield place, Difference("", theirs["code"], None)
        return
    for difference in compare(theirs, ours):
        yield place, difference


def _compared(theirs: Json, ours: Json) -> Iterator[Difference]:
    yield from compare_objects(theirs, ours, ignored=_NOT_COMPARED)
    settings = "billing_configuration"
    if theirs.get(settings) and ours.get(settings):
        yield from compare_objects(theirs[settings], ours[settings], prefix=f"{settings}.")


def _entity_differences(theirs: Json, ours: Json) -> Iterator[Difference]:
    yield from _compared(theirs, ours)
    for name in ("taxes", "selected_invoice_custom_sections"):
        if name in theirs:
            one, other = (sorted(item["code"] for item in side[name] or []) for side in
                          (theirs, ours))  # fmt: skip
            if one != other:
                yield Difference(name, one, other)


def _tax_differences(theirs: Json, ours: Json) -> Iterator[Difference]:
    kept = _NOT_COMPARED - {"lago_id", "created_at"}
    yield from compare_objects(theirs, ours, ignored=kept)


def _our_taxes(organization_id: UUID) -> dict[str, Json]:
    texts = taxes_json(organization_id, count_taxes(organization_id), 0)
    return {tax["code"]: tax for tax in map(orjson.loads, texts)}


def _our_sections(organization_id: UUID) -> Mapping[str, Json]:
    kept = InvoiceCustomSection.objects.kept().filter(organization_id=organization_id)
    return {row["code"]: dict(row) for row in kept.values(*_SECTION)}
