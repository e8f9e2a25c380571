"""Random wishes, one after the other, compared with a reading of the contract in plain Python."""

import uuid
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from billing.errors import Invalid, NotFound
from billing.events.models import ChangeRecord
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers import contract_model as model
from tests.customers.posting import post, shown

FOREIGN = str(uuid.uuid4())


Draw = Callable[[Random], Any]


def some(**choices: list[Any] | Draw) -> Draw:
    """Return what draws objects with some of these keys."""

    def draw(random: Random) -> dict[str, Any]:
        names = [name for name in choices if random.random() < 0.4]
        return {name: drawn(random, choices[name]) for name in names}

    return draw


def up_to_three(item: Draw) -> Draw:
    """Return what draws lists of these items."""
    return lambda random: [item(random) for _ in range(random.choice((0, 1, 1, 2, 2, 3)))]


def drawn(random: Random, choices: list[Any] | Draw) -> Any:
    return random.choice(choices) if isinstance(choices, list) else choices(random)


def link(random: Random) -> dict[str, Any]:
    """Draw an item of `integration_customers`.

    An id together with another type is left out: the contract does not say which one counts.
    """
    named = random.choice([{"id": 0}, {"id": 1}, {"id": FOREIGN}, *TYPED])
    return VALUES_OF_A_LINK(random) | named


# An id is a place in the list as it is shown, or the id of nobody.
ENTRY = some(
    id=[0, 1, 2, 0, 1, FOREIGN],
    key=["k1", "k2", "k3", "k1", "k2", "k3", "k4", ""],
    value=["v", "w", "v", "w", "v", " "],
    display_in_invoice=[True, False, None],
)
TYPED = [{"integration_type": kind} for kind in sorted(set(model.INTEGRATIONS.values()))] * 3
VALUES_OF_A_LINK = some(
    integration_code=[None, "", "n1", "n2", "x1"],
    external_customer_id=[None, " ", "e1", "e2", "e3"],
    sync_with_provider=[True, True, False],
    subsidiary_id=[None, "", "1"],
)
CONFIGURATION = some(
    document_locale=[None, "fr", "de"],
    invoice_grace_period=[None, 0, 3],
    payment_provider=[None, "stripe", "stripe", "stripe", "adyen", "cashfree"],
    payment_provider_code=[None, "", "s1", "s1", "s1", "s2", "s2", "a1", "zz"],
    provider_customer_id=[None, " ", "cus_1", "cus_2", "cus_3", model.CARD],
    sync=[True, False, None],
    sync_with_provider=[True, False, None],
    provider_payment_methods=[
        None, [], ["card"], ["card", "link"], ["boleto"], ["link"], ["zz", "link"],
        ["customer_balance"], ["customer_balance", "card"],
    ],
)  # fmt: skip
FIELDS: dict[str, list[Any] | Draw] = {
    "name": ["Ann", "Bob", "", " ", None],
    "phone": ["1", None],
    "city": ["Lyon", " ", None],
    "state": ["CA", ""],
    "email": ["a@b.co", "", None],
    "country": ["fr", "FR", "de", "", None, "UK"],
    "currency": ["EUR", "USD", None, "eur"],
    "customer_type": ["company", "", None],
    "net_payment_term": [0, "30", "", None, -1],
    "account_type": ["customer", "customer", "customer", "partner"],
    "finalize_zero_amount_invoice": ["skip", "inherit", None],
    "billing_entity_code": ["fr", "acme_corp", "", None, "fr", "zz"],
    "shipping_address": some(city=["Lyon", "", None], country=["fr", None, "FR", "UK"]),
    "skip_invoice_custom_sections": [True, False, None],
    "invoice_custom_section_codes": [[], ["a"], ["b", "a", "zz"], None],
    "tax_codes": [[], ["vat"], ["city_tax", "vat", "vat"], None, ["zz"]],
    "metadata": up_to_three(ENTRY),
    "integration_customers": up_to_three(link),
    "billing_configuration": CONFIGURATION,
}
LISTS = ("metadata", "integration_customers", "billing_configuration")


def wish_of(random: Random) -> dict[str, Any]:
    """Draw a wish: about one of the structures, and about some fields beside it."""
    names = {random.choice(LISTS), *random.sample(sorted(FIELDS), random.choice((0, 0, 1, 2, 4)))}
    return {name: drawn(random, FIELDS[name]) for name in sorted(names)}


@pytest.fixture
def acme(db: None):
    """An organization with what the model knows."""
    organization = make_organization()
    make_billing_entity(organization, code="fr")
    for code in model.TAXES:
        make_tax(organization, code=code)
    for code in model.SECTIONS:
        make_section(organization, code=code)
    for code, kind in model.PROVIDERS.items():
        make_payment_provider(organization, type=kind, code=code)
    for code, kind in model.INTEGRATIONS.items():
        make_integration(organization, type=kind, code=code)
    return organization


class TestAgainstTheModel:
    @settings(
        max_examples=25,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(seed=st.integers(0, 2**32 - 1))
    def test_every_wish_ends_as_the_contract_says(self, acme, seed):
        """A failure prints its seed and the wishes up to it.

        Seen to find five of six mistakes put into the statement by hand, such as a remote id kept
        when the connection changes; an integration's cleared subsidiary is too rare to be sure.
        """
        random = Random(seed)  # noqa: S311  # it draws wishes, no secrets
        customer, external_id = model.Customer(), str(uuid.uuid4())
        for _ in range(30):
            wish = resolve(wish_of(random), customer)
            note(f"{wish}")
            records = ChangeRecord.objects.count()

            outcome, expected = written(acme, external_id, wish), wanted(customer, wish)

            event(outcome if isinstance(outcome, str) else "refused")
            if not isinstance(expected, model.Customer):
                assert outcome == expected
                assert ChangeRecord.objects.count() == records
                continue
            kind = "created" if not customer.exists else "updated"
            assert outcome == ("unchanged" if expected == customer else kind)
            assert ChangeRecord.objects.count() - records == (outcome != "unchanged")
            customer = compared(expected, shown(acme, external_id))


def resolve(wish: dict[str, Any], customer: model.Customer) -> dict[str, Any]:
    """Return the wish with the ids of the customer's own entries for their places."""
    found = dict(wish)
    for name, own in (
        ("metadata", [entry["id"] for entry in customer.metadata]),
        ("integration_customers", [link["id"] for link in customer.integrations.values()]),
    ):
        if name in found:
            found[name] = [
                item | ({"id": own[place] if place < len(own) else FOREIGN}
                        if isinstance(place := item.get("id"), int) else {})
                for item in found[name]
            ]  # fmt: skip
    return found


def written(organization: Any, external_id: str, wish: dict[str, Any]) -> Any:
    """Return the kind of the outcome, or what refused the wish."""
    try:
        return post(organization, external_id, **wish).kind
    except Invalid as refusal:
        return ordered(refusal.problems)
    except NotFound as refusal:
        return [refusal.resource]


def wanted(customer: model.Customer, wish: dict[str, Any]) -> Any:
    """Return the customer the model comes to, or what refuses the wish there."""
    try:
        return customer.apply(wish)
    except model.Refused as refusal:
        return ordered(refusal.found) if isinstance(refusal.found, dict) else [refusal.found]


def ordered(problems: dict[str, list[str]]) -> dict[str, list[str]]:
    return {key: sorted(codes) for key, codes in problems.items()}


def compared(expected: model.Customer, found: dict[str, Any]) -> model.Customer:
    """Check what is shown against the model, and return the model with the new ids."""
    for name, value in expected.scalars.items():
        assert found[name] == value, name
    assert found["billing_entity_code"] == expected.entity
    assert {
        name: found["shipping_address"][name] for name in expected.shipping
    } == expected.shipping
    configuration = found["billing_configuration"]
    assert expected.configuration.items() <= configuration.items()
    assert provider_of(configuration) == expected.provider
    assert found["skip_invoice_custom_sections"] is expected.skip
    applicable = {one["code"] for one in found["applicable_invoice_custom_sections"]}
    assert applicable == expected.sections
    assert {tax["code"] for tax in found["taxes"]} == expected.taxes
    _compare_metadata(expected, found["metadata"])
    _compare_integrations(expected, found["integration_customers"])
    return expected


def provider_of(configuration: dict[str, Any]) -> dict[str, Any] | None:
    if configuration["payment_provider"] is None:
        return None
    return {
        "type": configuration["payment_provider"],
        "code": configuration["payment_provider_code"],
        "id": configuration["provider_customer_id"],
        "sync": configuration["sync"],
        "sync_with_provider": configuration["sync_with_provider"],
        "methods": configuration.get("provider_payment_methods"),
    }


def _compare_metadata(expected: model.Customer, found: list[dict[str, Any]]) -> None:
    found = sorted(found, key=lambda entry: entry["key"])
    assert len(found) == len(expected.metadata)
    for entry, one in zip(expected.metadata, found, strict=True):
        entry["id"] = entry["id"] or one["lago_id"]
        names = ("key", "value", "display_in_invoice")
        assert entry == {"id": one["lago_id"]} | {name: one[name] for name in names}


def _compare_integrations(expected: model.Customer, found: list[dict[str, Any]]) -> None:
    assert {one["type"] for one in found} == set(expected.integrations)
    for one in found:
        link = expected.integrations[one["type"]]
        link["id"] = link["id"] or one["lago_id"]
        assert link == {
            "id": one["lago_id"],
            "code": one["integration_code"],
            "remote": one["external_customer_id"],
            "sync": one["sync_with_provider"],
            "subsidiary": one.get("subsidiary_id"),
        }
