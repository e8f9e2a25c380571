"""A wish to change many customers alike, and what it means for each of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel

from customers.bulk.steps import Step, Target
from customers.bulk.targets import changes_since_seen
from customers.models import AppliedTax, Customer, CustomerMetadata

Values = Mapping[str, Any]
"""A customer's values by their paths on the wire."""


class Setting(BaseModel):
    """A field gets one value; None lets it follow the billing entity again."""

    to: int | str | None


class TaxEdit(BaseModel):
    """Taxes replace those of a customer, join them, or leave it."""

    how: Literal["set", "add", "remove"]
    codes: list[str]

    def apply(self, now: list[str]) -> list[str]:
        """Return the codes a customer with these will have."""
        if self.how == "set":
            return sorted(self.codes)
        if self.how == "add":
            return sorted({*now, *self.codes})
        return [code for code in now if code not in self.codes]


class MetadataEdit(BaseModel):
    """One note gets a value under its key, or goes."""

    how: Literal["set", "remove"]
    key: str
    value: str = ""

    def apply(self, now: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the notes a customer with these will have."""
        if self.how == "remove":
            return [entry for entry in now if entry["key"] != self.key]
        if any(entry["key"] == self.key for entry in now):
            return [
                entry | {"value": self.value} if entry["key"] == self.key else entry
                for entry in now
            ]
        return [*now, {"key": self.key, "value": self.value, "display_in_invoice": False}]


_SETTINGS = ("net_payment_term", "billing_entity_code", "currency")


class Edit(BaseModel):
    """What to change on each customer; None leaves a field alone."""

    net_payment_term: Setting | None = None
    billing_entity_code: Setting | None = None
    currency: Setting | None = None
    tax_codes: TaxEdit | None = None
    metadata: MetadataEdit | None = None

    @classmethod
    def read(cls, wish: Mapping[str, Any]) -> Self:
        """Return the edit that a batch keeps as its wish."""
        return cls.model_validate(wish)

    def wish(self) -> dict[str, Any]:
        """Return the edit as a batch keeps it."""
        return self.model_dump(exclude_none=True) | {
            name: {"to": setting.to}
            for name in _SETTINGS
            if (setting := getattr(self, name)) is not None
        }

    @property
    def paths(self) -> frozenset[str]:
        """Return the paths it may change."""
        return frozenset(name for name in type(self).model_fields if getattr(self, name))

    def apply(self, now: Values) -> dict[str, Any]:
        """Return the values it wants for a customer, by path."""
        wanted: dict[str, Any] = {}
        for name in self.paths:
            edit = getattr(self, name)
            wanted[name] = edit.to if isinstance(edit, Setting) else edit.apply(now[name])
        return wanted

    def steps(self, organization_id: UUID, targets: Sequence[Target]) -> list[Step]:
        """Return what to do with each customer; who was changed in these fields is left out."""
        later = changes_since_seen(organization_id, targets)
        values = values_of(organization_id, [one.id for one in targets], self.paths)
        return [
            Step(one, why=later[one.id].last)
            if one.id in later and (one.is_deleted or later[one.id].paths & self.paths)
            else Step(one, why={"code": "customer_not_found"})
            if one.is_deleted
            else self._step(one, values[one.id])
            for one in targets
        ]

    def _step(self, target: Target, now: Values) -> Step:
        wanted = {path: new for path, new in self.apply(now).items() if new != now[path]}
        body = dict(wanted)
        if "metadata" in body:
            body["metadata"] = [
                entry | {"id": entry["lago_id"]} if "lago_id" in entry else entry
                for entry in wanted["metadata"]
            ]
        diff = {path: (now[path], new) for path, new in wanted.items()}
        return Step(target, diff, {"external_id": target.external_id, **body} if body else {})


def values_of(
    organization_id: UUID, customer_ids: Sequence[UUID], paths: Iterable[str]
) -> dict[UUID, dict[str, Any]]:
    """Return the present values at these paths for the customers that are kept."""
    rows = (
        Customer.objects.kept()
        .filter(organization_id=organization_id, id__in=customer_ids)
        .values_list("id", "net_payment_term", "billing_entity__code", "currency")
    )
    found = {row[0]: dict(zip(_SETTINGS, row[1:], strict=True)) for row in rows}
    if "tax_codes" in paths:
        _add_taxes(organization_id, found)
    if "metadata" in paths:
        _add_metadata(organization_id, found)
    return found


def _add_taxes(organization_id: UUID, found: dict[UUID, dict[str, Any]]) -> None:
    for values in found.values():
        values["tax_codes"] = []
    links = AppliedTax.objects.filter(organization_id=organization_id, customer_id__in=list(found))
    for customer_id, code in links.order_by("tax__code").values_list("customer_id", "tax__code"):
        found[customer_id]["tax_codes"].append(code)


def _add_metadata(organization_id: UUID, found: dict[UUID, dict[str, Any]]) -> None:
    for values in found.values():
        values["metadata"] = []
    entries = CustomerMetadata.objects.filter(
        organization_id=organization_id, customer_id__in=list(found)
    )
    for entry in entries.order_by("created_at", "id"):
        found[entry.customer_id]["metadata"].append(
            {
                "lago_id": str(entry.id),
                "key": entry.key,
                "value": entry.value,
                "display_in_invoice": entry.display_in_invoice,
            }
        )
