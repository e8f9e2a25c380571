"""Customers posted as JSON text, straight to the writer: what the API does, without HTTP."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from billing.api.body import read_json
from billing.errors import Invalid, Refusal
from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.models import Organization
from customers.change import CustomerChange
from customers.models import (
    AppliedTax,
    Customer,
    CustomerCounter,
    CustomerMetadata,
    IntegrationLink,
    ProviderLink,
    SelectedSection,
    ShippingAddress,
)
from customers.read import customer_json
from customers.write import Outcome, Precondition, write_customer

API = Actor(ChangeRecord.Door.API, "tests", id="key-1")
_PARTS = (
    Customer,
    CustomerCounter,
    ShippingAddress,
    CustomerMetadata,
    AppliedTax,
    ProviderLink,
    IntegrationLink,
    SelectedSection,
)


def read(text: str) -> CustomerChange:
    """Return the wish in this JSON text."""
    return CustomerChange.read(read_json(text.encode()))


def wish(external_id: Any = "c1", /, **values: Any) -> CustomerChange:
    """Return the wish for `c1` that holds these wire values, by way of JSON."""
    return read(json.dumps({"external_id": external_id} | values))


def problems(external_id: Any = "c1", /, **values: Any) -> dict[str, list[str]]:
    """Return the problems of a wish that need no database to be seen."""
    return dict(wish(external_id, **values).problems.by_field)


def post(
    organization: Organization,
    external_id: str = "c1",
    /,
    *,
    actor: Actor = API,
    precondition: Precondition | None = None,
    **values: Any,
) -> Outcome:
    """Post these values, check that what is shown is what is stored, and return the outcome."""
    outcome = write_customer(organization.id, wish(external_id, **values), actor, precondition)
    stored = customer_json(organization.id, external_id)
    assert stored is not None
    assert outcome.json is not None
    assert (outcome.tag, json.loads(outcome.json)) == (stored[0], json.loads(stored[1]))
    return outcome


def shown(organization: Organization, external_id: str = "c1") -> dict[str, Any]:
    """Return the JSON form of a customer."""
    found = customer_json(organization.id, external_id)
    assert found is not None
    return json.loads(found[1])


def everything() -> dict[str, list[Any]]:
    """Return all rows of all organizations that a write of customers may touch."""
    rows = {model.__name__: list(model.objects.order_by("pk").values()) for model in _PARTS}
    return rows | {"ChangeRecord": list(ChangeRecord.objects.order_by("pk").values())}


def refused(
    organization: Organization,
    external_id: Any = "c1",
    /,
    *,
    text: str | None = None,
    **values: Any,
) -> dict[str, list[str]]:
    """Return the problems of a post that is refused as invalid and leaves no trace."""
    change = wish(external_id, **values) if text is None else read(text)
    with leaves_no_trace(Invalid) as refusal:
        write_customer(organization.id, change, API)
    assert isinstance(refusal.value, Invalid)
    return refusal.value.problems


class leaves_no_trace:  # noqa: N801  # reads as a clause, like pytest.raises
    """Expect a refusal inside the block, and that not one row differs after it."""

    def __init__(self, kind: type[Refusal]) -> None:
        self._raises = pytest.raises(kind)

    def __enter__(self) -> Any:
        self._before = everything()
        return self._raises.__enter__()

    def __exit__(self, *error: Any) -> bool:
        caught = self._raises.__exit__(*error)
        if caught:
            assert everything() == self._before
        return bool(caught)


def unchanged(organization: Organization, repeat: Callable[[], Outcome]) -> None:
    """Check that a post changes nothing at all: no row, no tag, no record."""
    before = everything()

    outcome = repeat()

    assert (outcome.kind, outcome.diff) == ("unchanged", {})
    assert everything() == before
