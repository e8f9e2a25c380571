"""The change record of a write: who, through which door, old and new (customers.md 2.14)."""

from uuid import uuid4

import pytest
from django.db import Error, connection, transaction

from billing.events.actor import SYSTEM, Actor
from billing.events.models import ChangeRecord
from billing.taxes.write import delete_tax
from customers.delete import delete_customers
from customers.restore import restore_customers
from customers.write import write_customers
from tests.billing.builders import (
    make_billing_entity,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.posting import post, wish

REPLACE = (
    "INSERT INTO billing_changerecord TABLE billing_changerecord"
    " ON CONFLICT (id) DO UPDATE SET actor_name = 'x'"
)
STAFF = Actor(ChangeRecord.Door.STAFF, "Ann Arbor", id="7", reason='ticket 12; it\'s "urgent"')


class TestRecord:
    def test_tells_who_what_when_and_why(self, organization):
        outcome = post(organization, actor=STAFF, name="Ann")

        record = ChangeRecord.objects.get()
        assert (record.organization_id, record.resource) == (organization.id, "customer")
        assert (record.object_id, record.action) == (outcome.customer_id, "created")
        assert (record.door, record.actor_id, record.actor_name, record.reason) == (
            "staff", "7", "Ann Arbor", STAFF.reason,
        )  # fmt: skip
        assert record.changes == outcome.diff
        assert record.at is not None

    def test_may_lack_id_and_reason(self, organization):
        post(organization, actor=SYSTEM)

        record = ChangeRecord.objects.get()
        assert (record.actor_id, record.reason) == (None, None)

    def test_names_the_batch_it_is_part_of(self, organization):
        """Fails for whichever statement leaves the batch out of its record."""
        batch_id = uuid4()
        make_tax(organization, code="vat")
        actor = STAFF.within(batch_id)

        outcome = post(organization, actor=actor, external_id="c1", tax_codes=["vat"])
        delete_tax(organization.id, "vat", actor)
        delete_customers(organization.id, ["c1"], actor)
        restore_customers(organization.id, [outcome.customer_id], actor)

        records = ChangeRecord.objects.filter(batch_id=batch_id).order_by("id")
        assert [(one.resource, one.action) for one in records] == [
            ("customer", "created"),
            ("customer", "updated"),
            ("tax", "deleted"),
            ("customer", "deleted"),
            ("customer", "restored"),
        ]

    def test_is_one_for_each_real_change(self, organization):
        for name in ("Ann", "Ann", "Bob", "Bob", "Ann"):
            post(organization, name=name)

        actions = list(ChangeRecord.objects.order_by("id").values_list("action", "changes"))
        assert actions == [
            ("created", {"name": [None, "Ann"], "billing_entity_code": [None, "acme_corp"]}),
            ("updated", {"name": ["Ann", "Bob"]}),
            ("updated", {"name": ["Bob", "Ann"]}),
        ]

    def test_names_every_field_by_its_path_on_the_wire(self, organization):
        make_billing_entity(organization, code="fr")
        make_tax(organization, code="vat")
        make_section(organization, code="bank")
        make_payment_provider(organization, type="adyen", code="a1")
        post(organization, name="Ann")

        outcome = post(
            organization,
            name=None,
            net_payment_term=30,
            customer_type="company",
            billing_entity_code="fr",
            shipping_address={"city": "Lyon", "state": None},
            billing_configuration={"document_locale": "fr", "payment_provider": "adyen"},
            tax_codes=["vat"],
            invoice_custom_section_codes=["bank"],
        )

        assert outcome.diff == {
            "name": ["Ann", None],
            "net_payment_term": [None, 30],
            "customer_type": [None, "company"],
            "billing_entity_code": ["acme_corp", "fr"],
            "shipping_address.city": [None, "Lyon"],
            "billing_configuration.document_locale": [None, "fr"],
            "billing_configuration.payment_provider": [None, "adyen"],
            "billing_configuration.payment_provider_code": [None, "a1"],
            "billing_configuration.sync": [None, False],
            "billing_configuration.sync_with_provider": [None, False],
            "billing_configuration.provider_payment_methods": [None, []],
            "tax_codes": [[], ["vat"]],
            "invoice_custom_section_codes": [[], ["bank"]],
        }

    def test_is_written_for_each_change_of_a_batch(self, organization):
        post(organization, "c1", name="Ann")
        post(organization, "c2", name="Bob")

        write_customers(
            organization.id,
            [wish("c1", name="x"), wish("c2", name="Bob"), wish("c3"), wish("c4", name="y")],
            STAFF,
        )

        written = ChangeRecord.objects.filter(door="staff").order_by("id")
        assert [record.action for record in written] == ["updated", "created", "created"]


class TestAppendOnly:
    """Seen to fail with the trigger `change_record_append_only` dropped."""

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE billing_changerecord SET actor_name = 'x'",
            "UPDATE billing_changerecord SET actor_name = 'x' WHERE false",
            "DELETE FROM billing_changerecord",
            "TRUNCATE billing_changerecord",
            "TRUNCATE billing_changerecord CASCADE",
            REPLACE,
        ],
    )
    def test_refuses_rewriting(self, organization, statement):
        post(organization)

        with (
            pytest.raises(Error, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

        assert ChangeRecord.objects.get().actor_name == "tests"

    def test_refuses_the_orm_too(self, organization):
        post(organization)

        for rewrite in (
            lambda: ChangeRecord.objects.update(reason="x"),
            lambda: ChangeRecord.objects.all()._raw_delete("default"),
            lambda: ChangeRecord.objects.get().save(),
        ):
            with pytest.raises(Error, match="append-only"), transaction.atomic():
                rewrite()

    def test_can_be_taken_away_and_missed(self, organization):
        """The broken twin: without the trigger the row goes."""
        post(organization)

        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE billing_changerecord DISABLE TRIGGER USER")
            cursor.execute("DELETE FROM billing_changerecord")

        assert not ChangeRecord.objects.exists()
