"""One organization never reaches another's rows: by the database, and by the writer."""

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from billing.errors import Invalid, NotFound
from customers.models import (
    AppliedTax,
    Comparison,
    Customer,
    CustomerMetadata,
    DriftRound,
    DuplicatePair,
    IntegrationLink,
    Mirror,
    PaymentMethod,
    PortalVisits,
    Proposal,
    ProviderEvent,
    ProviderLink,
    SelectedSection,
    ShippingAddress,
)
from customers.write import write_customers
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.posting import API, everything, leaves_no_trace, post, shown, wish


class World:
    """An organization with one of everything a customer may point to, and a bare customer."""

    def __init__(self) -> None:
        self.organization = make_organization()
        self.entity = make_billing_entity(self.organization, code="entity")
        self.tax = make_tax(self.organization, code="tax")
        self.section = make_section(self.organization, code="section")
        self.provider = make_payment_provider(self.organization, code="provider")
        self.integration = make_integration(self.organization, type="xero", code="integration")
        self.customer = post(self.organization, "same").customer_id

    def full(self) -> dict[str, Any]:
        return {
            "name": "Theirs",
            "billing_entity_code": "entity",
            "shipping_address": {"city": "Lyon"},
            "tax_codes": ["tax"],
            "invoice_custom_section_codes": ["section"],
            "metadata": [{"key": "k", "value": "v"}],
            "billing_configuration": {"payment_provider": "stripe", "provider_customer_id": "cus"},
            "integration_customers": [{"integration_type": "xero", "external_customer_id": "x"}],
        }


@pytest.fixture
def ours(db: None) -> World:
    return World()


@pytest.fixture
def theirs(db: None) -> World:
    return World()


# Every row that points to something: what to insert, and which values are links. Each link must
# be refused when it, alone, is another organization's.
LINKS = {
    ShippingAddress: ("customer_id",),
    CustomerMetadata: ("customer_id",),
    AppliedTax: ("customer_id", "tax_id"),
    ProviderLink: ("customer_id", "connection_id"),
    IntegrationLink: ("customer_id", "connection_id"),
    SelectedSection: ("customer_id", "section_id"),
    Mirror: ("customer_id", "payment_provider_id"),
    PaymentMethod: ("customer_id", "connection_id"),
    ProviderEvent: ("connection_id",),
    Comparison: ("mirror_id",),
    DriftRound: ("payment_provider_id",),
    DuplicatePair: ("first_id", "second_id"),
    Proposal: ("customer_id",),
    PortalVisits: ("customer_id",),
}


def row(model: Any, world: World) -> dict[str, Any]:
    """Return the values of a valid row in this world."""
    values: dict[str, Any] = {
        "organization_id": world.organization.id,
        "customer_id": world.customer,
    }
    if model not in (ShippingAddress, ProviderLink, PortalVisits):
        values["id"] = uuid.uuid4()
    if model in (ProviderEvent, Comparison, DriftRound, DuplicatePair):
        del values["customer_id"]
    if model is DuplicatePair:
        values["first_id"] = post(world.organization, "double").customer_id
        del values["id"]
    if model is Comparison:
        values["mirror_id"] = mirror_of(world)
        del values["id"]
    return values | {
        ShippingAddress: {},
        CustomerMetadata: {"key": "k", "value": "v", "display_in_invoice": False},
        AppliedTax: {"tax_id": world.tax.id, "origin": "manual"},
        ProviderLink: {"connection_id": world.provider.id, "sync": False,
                       "sync_with_provider": False, "provider_payment_methods": ["card"]},
        IntegrationLink: {"connection_id": world.integration.id, "type": "xero",
                          "sync_with_provider": False},
        SelectedSection: {"section_id": world.section.id},
        Mirror: {"payment_provider_id": world.provider.id, "state": "idle", "todo": [],
                 "attempts": 0, "uncertain": False, "pushed": "{}"},
        PaymentMethod: {"connection_id": world.provider.id, "remote_id": "pm", "kind": "card",
                        "is_default": True, "told_at": "2026-01-01T00:00:00Z"},
        ProviderEvent: {"connection_id": world.provider.id, "remote_id": "evt", "type": "t",
                        "happened_at": "2026-01-01T00:00:00Z", "facts": "{}", "state": "waiting",
                        "attempts": 0},
        Comparison: {"remote_id": "cus", "asked_at": "2026-01-01T00:00:00Z", "differing": []},
        DriftRound: {"payment_provider_id": world.provider.id, "compared": 0},
        DuplicatePair: {"second_id": world.customer},
        Proposal: {"token": uuid.uuid4(), "state": "waiting", "changes": '{"city": [null, "Lyon"]}',
                   "note": "", "accepted": [], "answer": ""},
        PortalVisits: {"window_started_at": "2026-01-01T00:00:00Z", "requests": 1},
    }[model]  # fmt: skip


def mirror_of(world: World) -> uuid.UUID:
    """Return a mirror of the world's customer."""
    mirror, _ = Mirror.objects.get_or_create(
        organization=world.organization, customer_id=world.customer, integration=world.integration
    )
    return mirror.pk


def insert(model: Any, values: dict[str, Any]) -> None:
    """Insert past the ORM, and have every constraint looked at now."""
    table, columns = model._meta.db_table, ", ".join(values)
    places = ", ".join(["%s"] * len(values))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", list(values.values()))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def update(customer: uuid.UUID, values: dict[str, Any]) -> None:
    """Change a customer past the writer, and have every constraint looked at now."""
    with transaction.atomic(), connection.cursor() as cursor:
        Customer.objects.filter(pk=customer).update(**values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class TestConstraints:
    """Seen to fail with the foreign keys of the migration `tenant_links` dropped."""

    @pytest.mark.parametrize("model", LINKS)
    def test_let_a_row_of_one_organization_in(self, ours, model):
        insert(model, row(model, ours))

        assert model.objects.count() == 1

    @pytest.mark.parametrize(
        "model, link", [(model, link) for model, links in LINKS.items() for link in links]
    )
    def test_refuse_a_link_to_another_organization(self, ours, theirs, model, link):
        values = row(model, ours) | {link: row(model, theirs)[link]}

        with pytest.raises(IntegrityError, match=f"{link}_tenant"):
            insert(model, values)

    @pytest.mark.parametrize("model", LINKS)
    def test_refuse_the_name_of_another_organization(self, ours, theirs, model):
        values = row(model, ours) | {"organization_id": theirs.organization.id}

        with pytest.raises(IntegrityError, match="_tenant"):
            insert(model, values)

    @pytest.mark.parametrize("column", ["billing_entity_id", "organization_id"])
    def test_refuse_a_billing_entity_of_another_organization(self, ours, theirs, column):
        values = {
            "external_id": "moved",
            "sequential_id": 99,
            column: theirs.entity.id if column == "billing_entity_id" else theirs.organization.id,
        }

        with pytest.raises(IntegrityError, match="billing_entity_id_tenant"):
            update(ours.customer, values)

    def test_refuse_a_mirror_at_an_integration_of_another_organization(self, ours, theirs):
        values = row(Mirror, ours) | {"integration_id": theirs.integration.id}
        del values["payment_provider_id"]

        with pytest.raises(IntegrityError, match="mirror_integration_id_tenant"):
            insert(Mirror, values)

    def test_refuse_a_link_of_another_type(self, ours):
        with pytest.raises(IntegrityError, match="connection_id_tenant"):
            insert(IntegrationLink, row(IntegrationLink, ours) | {"type": "hubspot"})

    @pytest.mark.parametrize("model, link", [(m, links[-1]) for m, links in LINKS.items()])
    def test_refuse_a_link_to_nothing(self, ours, model, link):
        with pytest.raises(IntegrityError, match="_tenant"):
            insert(model, row(model, ours) | {link: uuid.uuid4()})

    def test_are_all_of_them_here(self, ours):
        """A new link without its own line in `LINKS` fails here."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT conname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid"
                " WHERE contype = 'f' AND relname LIKE 'customers\\_%'"
                " AND conname LIKE '%\\_tenant'"
            )
            found = {name for (name,) in cursor.fetchall()}
        expected = {
            f"{model._meta.db_table.removeprefix('customers_')}_{link}_tenant"
            for model, links in LINKS.items()
            for link in links
        }

        assert found == expected | {
            "customer_billing_entity_id_tenant",
            "mirror_integration_id_tenant",
            "driftround_integration_id_tenant",
        }

    @pytest.mark.parametrize("name", ["metadata_key_once", "integration_link_type_once"])
    def test_are_looked_at_when_a_statement_ends(self, ours, name):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT condeferrable, condeferred FROM pg_constraint WHERE conname = %s", [name]
            )

            assert cursor.fetchone() == (True, False)

    @pytest.mark.parametrize(
        "model", [CustomerMetadata, AppliedTax, IntegrationLink, SelectedSection]
    )
    def test_refuse_one_thing_twice(self, ours, model):
        insert(model, row(model, ours))

        with pytest.raises(IntegrityError, match="once"):
            insert(model, row(model, ours))

    def test_refuse_an_external_id_and_a_number_twice(self, ours):
        customer = Customer.objects.get(pk=ours.customer)
        for name, values in {
            "customer_external_id_once": {"sequential_id": 99},
            "customer_sequential_id_once": {"external_id": "other"},
        }.items():
            copy = Customer.objects.get(pk=customer.pk)
            copy.pk = uuid.uuid4()
            for key, value in values.items():
                setattr(copy, key, value)
            with pytest.raises(IntegrityError, match=name), transaction.atomic():
                copy.save(force_insert=True)


def item(kind: str, **more: Any) -> dict[str, Any]:
    """Return a wish for a link to an integration."""
    return {"integration_type": kind, "sync_with_provider": True} | more


class TestWriter:
    def test_leaves_the_namesake_of_another_organization_alone(self, ours, theirs):
        post(theirs.organization, "same", **theirs.full())
        before = shown(theirs.organization, "same")

        post(ours.organization, "same", **ours.full() | {"name": "Ours"})
        post(ours.organization, "same", metadata=[], tax_codes=[], integration_customers=[],
             invoice_custom_section_codes=[], billing_configuration={"payment_provider": None},
             shipping_address={"city": None}, name=None)  # fmt: skip

        assert shown(theirs.organization, "same") == before

    def test_does_not_take_their_entries_by_id(self, ours, theirs):
        post(theirs.organization, "same", **theirs.full())
        post(ours.organization, "same", **ours.full())
        before = shown(theirs.organization, "same")
        [entry], [link] = before["metadata"], before["integration_customers"]

        post(
            ours.organization,
            "same",
            metadata=[{"id": entry["lago_id"], "key": "k", "value": "ours"}],
            integration_customers=[
                {"id": link["lago_id"], "integration_type": "xero", "external_customer_id": "ours"}
            ],
        )

        assert shown(theirs.organization, "same") == before
        own = shown(ours.organization, "same")
        assert own["metadata"][0]["lago_id"] != entry["lago_id"]
        assert own["integration_customers"][0]["lago_id"] != link["lago_id"]

    @pytest.mark.parametrize(
        ("values", "refusal"),
        [
            ({"billing_entity_code": "theirs"}, NotFound("billing_entity")),
            ({"tax_codes": ["theirs"]}, NotFound("tax")),
            (
                {"billing_configuration": {"payment_provider": "adyen",
                                           "payment_provider_code": "theirs"}},
                Invalid({"base": ["payment_provider_not_found"]}),
            ),
            (
                {"billing_configuration": {"payment_provider": "adyen"}},
                Invalid({"base": ["payment_provider_not_found"]}),
            ),
            (
                {"integration_customers": [item("anrok", integration_code="theirs")]},
                Invalid({"integration_customers": ["integration_not_found"]}),
            ),
            (
                {"integration_customers": [item("anrok")]},
                Invalid({"integration_customers": ["integration_not_found"]}),
            ),
        ],
    )  # fmt: skip
    def test_knows_none_of_their_codes(self, ours, theirs, values, refusal):
        make_billing_entity(theirs.organization, code="theirs")
        make_tax(theirs.organization, code="theirs")
        make_payment_provider(theirs.organization, type="adyen", code="theirs")
        make_integration(theirs.organization, type="anrok", code="theirs")

        with leaves_no_trace(type(refusal)) as caught:
            post(ours.organization, "same", **values)

        assert caught.value.args == refusal.args

    def test_selects_none_of_their_sections(self, ours, theirs):
        make_section(theirs.organization, code="theirs")

        post(ours.organization, "same", invoice_custom_section_codes=["theirs", "section"])

        [selected] = shown(ours.organization, "same")["applicable_invoice_custom_sections"]
        assert selected["organization_id"] == str(ours.organization.id)

    def test_writes_no_row_of_theirs_in_a_batch(self, ours, theirs):
        post(theirs.organization, "same", **theirs.full())
        before = everything()

        write_customers(
            ours.organization.id, [wish("same", **ours.full()), wish("new", **ours.full())], API
        )

        for name, rows in everything().items():
            kept = [one for one in rows if one["organization_id"] == theirs.organization.id]
            assert kept == [
                one for one in before[name] if one["organization_id"] == theirs.organization.id
            ]

    def test_numbers_each_organization_by_itself(self, ours, theirs):
        post(ours.organization, "a")
        post(ours.organization, "b")

        post(theirs.organization, "a")

        assert shown(theirs.organization, "a")["sequential_id"] == 2
