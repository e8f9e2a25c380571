"""Batches: all or nothing, whatever their size (customers.md 2.1; design: a request is a batch)."""

from itertools import combinations

import pytest
from django.db import connection

from billing.errors import Invalid, NotFound
from billing.events.models import ChangeRecord
from customers.models import Customer, CustomerCounter, CustomerMetadata
from customers.write import RefusedBatch, write_customers
from tests.billing.builders import make_integration, make_payment_provider, make_section, make_tax
from tests.customers.posting import API, leaves_no_trace, post, read, shown, wish

MANY = 10_000


class TestBatch:
    def test_mixes_created_updated_and_unchanged_in_order(self, organization):
        post(organization, "a", name="Ann")
        post(organization, "b", name="Bob")

        outcomes = write_customers(
            organization.id,
            [wish("new1"), wish("a", name="x"), wish("b", name="Bob"), wish("new2", name="y")],
            API,
        )

        assert [outcome.kind for outcome in outcomes] == [
            "created", "updated", "unchanged", "created",
        ]  # fmt: skip
        by_id = Customer.objects.in_bulk([outcome.customer_id for outcome in outcomes])
        assert [by_id[outcome.customer_id].external_id for outcome in outcomes] == [
            "new1", "a", "b", "new2",
        ]  # fmt: skip
        assert [outcome.diff.get("name") for outcome in outcomes] == [
            None, ["Ann", "x"], None, [None, "y"],
        ]  # fmt: skip

    def test_numbers_in_order_without_gaps(self, organization):
        post(organization, "old")

        write_customers(
            organization.id, [wish("b"), wish("old", name="x"), wish("a"), wish("c")], API
        )

        assert [shown(organization, name)["sequential_id"] for name in "bac"] == [2, 3, 4]
        assert CustomerCounter.objects.get(organization=organization).kept == 4

    def test_of_nothing_does_nothing(self, organization):
        assert write_customers(organization.id, [], API) == []

    def test_lets_wishes_touch_different_parts(self, organization):
        make_tax(organization, code="vat")
        make_section(organization, code="bank")
        make_payment_provider(organization, code="s1")
        make_integration(organization, type="xero", code="x1")
        parts = {
            "metadata": [{"key": "k", "value": "v"}],
            "tax_codes": ["vat"],
            "invoice_custom_section_codes": ["bank"],
            "shipping_address": {"city": "Lyon"},
            "billing_configuration": {"payment_provider": "stripe"},
            "integration_customers": [{"integration_type": "xero", "sync_with_provider": True}],
        }
        for name, value in parts.items():
            post(organization, f"single {name}", **{name: value})

        write_customers(
            organization.id, [wish(name, **{name: value}) for name, value in parts.items()], API
        )

        for name in parts:
            single, batch = shown(organization, f"single {name}"), shown(organization, name)
            for key in ("shipping_address", "billing_configuration", "invoice_custom_sections"):
                assert single.get(key) == batch.get(key)
            for key in ("metadata", "taxes", "integration_customers",
                        "applicable_invoice_custom_sections"):  # fmt: skip
                assert len(single[key]) == len(batch[key])


class TestParts:
    """The statement is put together from the parts a batch touches; each way it has to run."""

    PARTS = {
        "tax_codes": [],
        "metadata": [],
        "integration_customers": [],
        "shipping_address": {"city": "Lyon"},
        "billing_configuration": {"payment_provider": None},
        "skip_invoice_custom_sections": True,
    }

    @pytest.mark.parametrize("count", range(7))
    def test_make_a_statement_in_every_combination(self, organization, count):
        for names in combinations(self.PARTS, count):
            values = {name: self.PARTS[name] for name in names}
            one, many = f"one {names}", f"many {names}"

            assert post(organization, one, **values).kind == "created"
            assert post(organization, one, **values).kind == "unchanged"
            assert post(organization, one, **values, name="x").kind == "updated"
            for kind in ("created", "unchanged"):
                [outcome] = write_customers(organization.id, [wish(many, **values)], API)
                assert outcome.kind == kind


class TestRefusedBatch:
    def test_names_the_positions_and_writes_nothing(self, organization):
        post(organization, "a")
        changes = [
            wish("a", name="x"),
            wish("b", name=[]),
            wish("c", metadata=[{}]),
            wish("d", tax_codes=["nope"]),
            wish("e", billing_entity_code="nope"),
            wish("f", name="fine"),
        ]

        with leaves_no_trace(RefusedBatch) as refusal:
            write_customers(organization.id, changes, API)

        found = refusal.value.refusals
        assert sorted(found) == [1, 2, 3, 4]
        assert found[1].problems == {"name": ["value_is_invalid"]}
        assert found[2].problems == {"key": ["value_is_mandatory"], "value": ["value_is_mandatory"]}
        assert isinstance(found[3], NotFound)
        assert (found[3].resource, found[4].resource) == ("tax", "billing_entity")

    def test_refuses_doubles_beside_everything_else(self, organization):
        changes = [
            wish("a", name="1"),
            wish("b", name=[]),
            wish("a", name="2"),
            wish("a", metadata=[{"key": "k"}]),
            wish("A"),
        ]

        with leaves_no_trace(RefusedBatch) as refusal:
            write_customers(organization.id, changes, API)

        assert {n: one.problems for n, one in refusal.value.refusals.items()} == {
            1: {"name": ["value_is_invalid"]},
            2: {"external_id": ["value_already_exist"]},
            3: {"external_id": ["value_already_exist"], "value": ["value_is_mandatory"]},
        }

    def test_refuses_doubles_of_what_exists(self, organization):
        post(organization, "a")

        with leaves_no_trace(RefusedBatch) as refusal:
            write_customers(organization.id, [wish("a", name="1"), wish("a", name="2")], API)

        assert list(refusal.value.refusals) == [1]

    def test_takes_missing_ids_for_no_doubles(self, organization):
        with leaves_no_trace(RefusedBatch) as refusal:
            write_customers(organization.id, [read("{}"), wish(" "), wish("x" * 256)], API)

        assert {n: one.problems for n, one in refusal.value.refusals.items()} == {
            0: {"external_id": ["value_is_mandatory"]},
            1: {"external_id": ["value_is_mandatory"]},
            2: {"external_id": ["value_is_too_long"]},
        }

    def test_does_not_spoil_the_wishes(self, organization):
        change = wish("a")

        with leaves_no_trace(RefusedBatch):
            write_customers(organization.id, [wish("a"), change], API)

        assert not change.problems
        assert write_customers(organization.id, [change], API)[0].kind == "created"


class TestForeignKeys:
    @pytest.mark.parametrize("rows", [0, 500])
    def test_find_a_customer_by_its_whole_key(self, organization, rows):
        """A table that was never analyzed looks as if any index were as good as another.

        Seen to read every customer of the organization, for each row that points to one, with an
        index that leads with `organization` and goes on otherwise: ten thousand changes took four
        times as long.
        """
        if connection.pg_version < 180_000:
            pytest.skip("earlier planners take any index until the first ANALYZE")
        write_customers(organization.id, [wish(f"c{number}") for number in range(rows)], API)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            cursor.execute(
                "PREPARE of_foreign_keys (uuid, uuid) AS SELECT 1 FROM ONLY customers_customer"
                " WHERE organization_id = $1 AND id = $2 FOR KEY SHARE"
            )
            cursor.execute("EXPLAIN EXECUTE of_foreign_keys (gen_random_uuid(), gen_random_uuid())")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            cursor.execute("DEALLOCATE of_foreign_keys")

        assert "(id = $2)" in plan
        assert "Filter" not in plan or "Filter: (organization_id = $1)" in plan


class TestTenThousand:
    @pytest.fixture
    def rows(self, organization):
        with connection.cursor() as cursor:  # as long as it takes: no request waits for this
            cursor.execute("SET LOCAL statement_timeout = 0")
        make_tax(organization, code="vat")
        make_payment_provider(organization, type="adyen", code="a1")
        return [
            wish(
                f"c{n}",
                name=f"Customer {n}",
                country="fr",
                shipping_address={"city": f"City {n}"},
                metadata=[{"key": f"k{i}", "value": str(n)} for i in range(3)],
                tax_codes=["vat"],
                billing_configuration={"payment_provider": "adyen"},
            )
            for n in range(MANY)
        ]

    def test_are_written_in_one_call(self, organization, rows):
        created = write_customers(organization.id, rows, API)
        again = write_customers(organization.id, rows, API)
        changed = [wish(f"c{n}", name="new") for n in range(0, 2 * MANY, 2)]
        mixed = write_customers(organization.id, changed, API)

        assert {outcome.kind for outcome in created} == {"created"}
        assert {outcome.kind for outcome in again} == {"unchanged"}
        kinds = [outcome.kind for outcome in mixed]
        assert kinds == ["updated"] * (MANY // 2) + ["created"] * (MANY // 2)
        numbers = Customer.objects.order_by("sequential_id").values_list("sequential_id", flat=True)
        assert list(numbers) == list(range(1, MANY + MANY // 2 + 1))
        assert CustomerMetadata.objects.count() == 3 * MANY
        assert ChangeRecord.objects.count() == 2 * MANY

    def test_fall_together_with_one(self, organization, rows):
        rows[-1] = wish("c0", name=[])

        with leaves_no_trace(RefusedBatch) as refusal:
            write_customers(organization.id, rows, API)

        [(position, refused)] = refusal.value.refusals.items()
        assert position == MANY - 1
        assert isinstance(refused, Invalid)
