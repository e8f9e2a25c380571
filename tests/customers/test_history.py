"""What became of a customer: its timeline, and how it was at any moment."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.errors import NotFound
from billing.events.actor import SYSTEM, Actor
from billing.events.models import ChangeRecord
from billing.models import Organization
from billing.sections.write import delete_section
from billing.taxes.write import delete_tax
from customers.change import CustomerChange
from customers.delete import delete_customers
from customers.history import PATHS, Change, customer_as_of, timeline
from customers.models import Customer, SelectedSection
from customers.restore import restore_customers
from customers.write import RefusedBatch, write_customers
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.builders import make_customer
from tests.customers.posting import API, post, shown

ANN = Actor(ChangeRecord.Door.STAFF, "Ann", id="7", reason="ticket 12")
LATER = datetime(9000, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """Return the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


class TestTimeline:
    def test_tells_who_what_when_and_why(self, organization):
        customer_id = post(organization, name="Ann").customer_id
        post(organization, actor=ANN, name="Bob", phone="1", city="Lyon")

        entry, first = timeline(organization.id, customer_id)

        assert (entry.door, entry.actor_id, entry.actor_name) == ("staff", "7", "Ann")
        assert (entry.reason, entry.action, first.action) == ("ticket 12", "updated", "created")
        assert entry.at == ChangeRecord.objects.get(id=entry.id).at
        assert entry.changes == (
            Change("name", "Ann", "Bob"),
            Change("phone", None, "1"),
            Change("city", None, "Lyon"),
        )

    def test_shows_the_newest_first_page_by_page(self, organization, django_assert_num_queries):
        [customer_id] = {post(organization, name=f"{n}").customer_id for n in range(7)}
        make_customer(organization)
        seen, before = [], None

        for size in (3, 3, 1, 0):
            with django_assert_num_queries(1):
                page = timeline(organization.id, customer_id, before=before, limit=3)
            assert len(page) == size
            seen += [change.new for entry in page for change in entry.changes[-1:]]
            before = page[-1].id if page else None

        assert seen == ["6", "5", "4", "3", "2", "1", "0"]

    def test_goes_through_deletion_and_return(self, organization):
        customer_id = post(organization).customer_id
        delete_customers(organization.id, ["c1"], API)
        restore_customers(organization.id, [customer_id], ANN)

        entries = timeline(organization.id, customer_id)

        assert [entry.action for entry in entries] == ["restored", "deleted", "created"]
        assert [entry.changes for entry in entries[:2]] == [(), ()]

    def test_can_be_narrowed_to_a_person_or_a_program(self, organization):
        customer_id = post(organization, name="a").customer_id
        post(organization, actor=ANN, name="b")
        post(organization, actor=SYSTEM, name="c")

        def names(actor: str) -> list[Any]:
            entries = timeline(organization.id, customer_id, actor=actor)
            return [entry.changes[-1].new for entry in entries]

        assert (names("7"), names("key-1"), names("Tarn")) == (["b"], ["a"], ["c"])
        assert names("Ann") == names("nobody") == []

    def test_can_be_narrowed_to_a_path_or_those_below_it(self, organization):
        customer_id = post(organization, name="a").customer_id
        post(organization, name="b", shipping_address={"city": "Lyon"})
        post(organization, shipping_address={"country": "FR"})
        post(organization, city="Paris")

        def changed(path: str) -> list[set[str]]:
            entries = timeline(organization.id, customer_id, path=path)
            return [{change.path for change in entry.changes} for entry in entries]

        assert changed("name") == [
            {"name", "shipping_address.city"},
            {"name", "billing_entity_code"},
        ]
        assert changed("shipping_address") == [
            {"shipping_address.country"},
            {"name", "shipping_address.city"},
        ]
        assert changed("shipping_address.country") == [{"shipping_address.country"}]
        assert changed("city") == [{"city"}]
        assert changed("phone") == changed("nonsense") == []

    def test_is_empty_for_another_organization(self, organization):
        customer_id = post(organization).customer_id

        assert timeline(make_organization().id, customer_id) == []


class TestCustomerAsOf:
    def test_knows_every_path_that_a_change_can_name(self, organization):
        customer = make_customer(organization, name="Ann")

        then = customer_as_of(organization.id, customer.id, LATER)

        assert tuple(then.values) == PATHS
        assert {path for path, value in then.values.items() if value not in (None, [])} == {
            "billing_entity_code",
            "account_type",
            "name",
            "finalize_zero_amount_invoice",
            "skip_invoice_custom_sections",
        }
        assert (then.external_id, then.tag) == (customer.external_id, f"{customer.id.hex}-1")

    def test_is_not_found_in_another_organization(self, organization):
        customer = make_customer(organization)

        for tenant, customer_id in ((make_organization(), customer.id), (organization, uuid4())):
            with pytest.raises(NotFound, match="customer"):
                customer_as_of(tenant.id, customer_id, LATER)

    def test_counts_a_change_that_began_early_from_the_one_it_waited_for(self, organization):
        """Seen to show a state that never was, the phone before the name, with `at` alone."""
        customer = make_customer(organization, name="a")
        begun = customer.created_at
        late, early = begun + timedelta(seconds=9), begun + timedelta(seconds=5)
        for at, changes in ((late, {"name": ["a", "b"]}), (early, {"phone": [None, "1"]})):
            ChangeRecord.objects.create(
                organization=organization, resource="customer", object_id=customer.id,
                action="updated", door="api", actor_name="x", changes=changes, at=at,
            )  # fmt: skip
        Customer.objects.filter(id=customer.id).update(name="b", phone="1")

        found = [
            customer_as_of(organization.id, customer.id, moment).values
            for moment in (begun, early, late)
        ]

        states = [(values["name"], values["phone"]) for values in found]
        assert states == [("a", None), ("a", None), ("b", "1")]


# Every kind of path, with few enough values that changes meet.
_TEXT = st.sampled_from([None, "a", "b"])
_NOTE = st.fixed_dictionaries(
    {"key": st.sampled_from("abc"), "value": st.sampled_from("xy")},
    optional={"display_in_invoice": st.booleans()},
)
_LINK = st.fixed_dictionaries(
    {"integration_type": st.sampled_from(["netsuite", "hubspot", "salesforce"])},
    optional={
        "external_customer_id": st.sampled_from(["1", "2"]),
        "sync_with_provider": st.booleans(),
        "subsidiary_id": _TEXT,
        "targeted_object": st.sampled_from(["companies", "contacts"]),
    },
)
_CONFIGURATION = st.fixed_dictionaries(
    {},
    optional={
        "document_locale": st.sampled_from([None, "fr"]),
        "invoice_grace_period": st.sampled_from([None, 0, 3]),
        "payment_provider": st.sampled_from([None, "stripe", "adyen"]),
        "provider_customer_id": _TEXT,
        "sync": st.booleans(),
        "sync_with_provider": st.booleans(),
        "provider_payment_methods": st.sampled_from([["card"], ["card", "link"]]),
    },
)
_CODES = st.lists(st.sampled_from(["c1", "c2", "c3"]), unique=True)
WISHES = st.fixed_dictionaries(
    {},
    optional={
        "name": _TEXT,
        "net_payment_term": st.sampled_from([None, 0, 30]),
        "account_type": st.sampled_from(["customer", "partner"]),
        "billing_entity_code": st.sampled_from(["acme_corp", "fr"]),
        "finalize_zero_amount_invoice": st.sampled_from(["skip", None]),
        "shipping_address": st.fixed_dictionaries({}, optional={"city": _TEXT, "state": _TEXT}),
        "tax_codes": _CODES,
        "metadata": st.lists(_NOTE, max_size=3, unique_by=lambda note: note["key"]),
        "integration_customers": st.lists(
            _LINK, max_size=3, unique_by=lambda link: link["integration_type"]
        ),
        "billing_configuration": _CONFIGURATION,
    },
).flatmap(
    lambda wish: st.one_of(
        st.just(wish),
        st.booleans().map(lambda skip: wish | {"skip_invoice_custom_sections": skip}),
        _CODES.map(lambda codes: wish | {"invoice_custom_section_codes": codes}),
    )
)
STEPS = st.lists(
    st.one_of(WISHES, WISHES, WISHES, st.sampled_from(["delete", "restore", "untax", "unsection"])),
    min_size=1,
    max_size=8,
)


def make_world() -> Organization:
    """Make an organization with all that the wishes name."""
    acme = make_organization()
    make_billing_entity(acme, code="fr")
    for code in ("c1", "c2", "c3"):
        make_tax(acme, code=code)
        make_section(acme, code=code)
    make_payment_provider(acme, type="stripe")
    make_payment_provider(acme, type="adyen")
    for kind in ("netsuite", "hubspot", "salesforce"):
        make_integration(acme, type=kind, code=kind)
    return acme


def as_shown(organization: Organization) -> dict[str, Any]:
    """Return the customer's values by path, from the API's form and the table of sections."""
    form = shown(organization)
    found = {path: form[path] for path in PATHS if path in form}
    for name in ("shipping_address", "billing_configuration"):
        below = [path for path in PATHS if path.startswith(f"{name}.")]
        found |= {path: form[name].get(path.partition(".")[2]) for path in below}
    found["tax_codes"] = sorted(tax["code"] for tax in form["taxes"])
    chosen = SelectedSection.objects.filter(customer=form["lago_id"])
    found["invoice_custom_section_codes"] = sorted(chosen.values_list("section__code", flat=True))
    for note in found["metadata"]:
        del note["created_at"]
    for link in found["integration_customers"]:
        link["integration_type"] = link.pop("type")
        link |= {"subsidiary_id": link.get("subsidiary_id")}
        link |= {"targeted_object": link.get("targeted_object")}
        link.pop("email", None)
    if found["billing_configuration.payment_provider"] == "adyen":
        found["billing_configuration.provider_payment_methods"] = []
    return found


def take_step(organization: Organization, customer_id: Any, step: Any) -> None:
    """Do to the customer what the step says, if that is possible now."""
    deleted = not Customer.objects.kept().filter(id=customer_id).exists()
    if step == "delete" and not deleted:
        delete_customers(organization.id, ["c1"], API)
    elif step == "restore" and deleted:
        restore_customers(organization.id, [customer_id], API)
    elif step in ("untax", "unsection"):
        delete = delete_tax if step == "untax" else delete_section
        with suppress(NotFound):
            delete(organization.id, "c3", API)
    elif isinstance(step, dict) and not deleted:
        change = CustomerChange.read({"external_id": "c1"} | step)
        with suppress(RefusedBatch):  # it may name the tax that is gone
            write_customers(organization.id, [change], API)


@pytest.mark.django_db(transaction=True)
class TestEveryMoment:
    @given(first=WISHES, steps=STEPS)
    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    def test_is_as_it_was_seen_then(self, first, steps):
        """Seen to fail with `undone.id` left out of the order of `old_value`."""
        acme = make_world()
        before = now()
        customer_id = post(acme, **first).customer_id
        seen = [(now(), False, as_shown(acme))]
        for step in steps:
            take_step(acme, customer_id, step)
            is_deleted = Customer.objects.get(id=customer_id).deleted_at is not None
            seen.append((now(), is_deleted, seen[-1][2] if is_deleted else as_shown(acme)))

        assert customer_as_of(acme.id, customer_id, before) is None
        for moment, is_deleted, values in seen:
            then = customer_as_of(acme.id, customer_id, moment)
            assert then is not None
            assert then.is_deleted == is_deleted
            if not is_deleted:
                assert then.values == values
        for entry in timeline(acme.id, customer_id):
            at = customer_as_of(acme.id, customer_id, entry.at)
            assert at is not None
            for change in entry.changes:
                assert at.values[change.path] == change.new
