"""Imports from the staged rows to the customers."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from billing.errors import NotAllowed
from billing.events.actor import SYSTEM, Actor
from billing.models import ChangeRecord
from customers.batches import Batch
from customers.change import CustomerChange
from customers.imports import growth
from customers.imports import run as running
from customers.imports import runner as rows
from customers.imports.check import check_import
from customers.imports.run import ask_to_stop, run_import
from customers.imports.runner import MovedAside, Runner
from customers.intakes import Import
from customers.models import METADATA_MAX, Customer
from customers.read import customer_json
from customers.write import write_customers
from tests.billing.builders import make_organization, make_section, make_tax
from tests.billing.racing import WAIT, start, together, wait_until_waiting
from tests.customers.builders import make_customer
from tests.customers.imports.bringing import checked_import, counts, imported, refusals, staged
from tests.customers.imports.files import write

THREE = "external_id,name,currency\nc1,Ann,EUR\nc2,Bob,USD\nc3,Cid,\n"


class TestRunImport:
    def test_writes_every_row_and_records_who_and_why(self, organization, tmp_path):
        intake = imported(organization, write(tmp_path, THREE))

        assert counts(intake) == (3, 0, 0, 0)
        assert intake.state == Import.State.DONE
        records = ChangeRecord.objects.filter(batch_id=intake.id)
        assert {(one.door, one.actor_name, one.reason) for one in records} == {
            ("import", "Ines", "Spring cleaning")
        }
        assert records.count() == 3
        batch = Batch.objects.get(id=intake.id)
        assert (batch.kind, batch.state, batch.done) == ("import", "done", 3)

    def test_changes_nothing_the_second_time(self, organization, tmp_path):
        path = write(tmp_path, THREE)
        imported(organization, path)

        again = imported(organization, path)

        assert counts(again) == (0, 0, 3, 0)
        assert not ChangeRecord.objects.filter(batch_id=again.id).exists()

    def test_fills_every_kind_of_value(self, organization, tmp_path):
        make_tax(organization, code="vat|1")
        make_tax(organization, code="city")
        path = write(
            tmp_path,
            "external_id,shipping_address.city,billing_configuration.document_locale,tax_codes,"
            "metadata.po,integration_customers,net_payment_term\n"
            "c1,Rome,fr,city|vat\\|1,4711,[],30\n",
        )

        imported(organization, path)

        customer = Customer.objects.get(external_id="c1")
        assert customer.shipping_address.city == "Rome"
        assert (customer.document_locale, customer.net_payment_term) == ("fr", 30)
        assert {link.tax.code for link in customer.applied_taxes.all()} == {"vat|1", "city"}
        assert [(one.key, one.value) for one in customer.metadata.all()] == [("po", "4711")]

    def test_keeps_or_clears_what_is_blank(self, organization, tmp_path):
        make_customer(organization, external_id="c1", name="Ann", city="Rome")
        path = write(tmp_path, "external_id,name,city\nc1,,\n")

        kept = imported(organization, path)
        cleared = imported(organization, path, blank="clear")

        assert (counts(kept), counts(cleared)) == ((0, 0, 1, 0), (0, 1, 0, 0))
        customer = Customer.objects.get(external_id="c1")
        assert (customer.name, customer.city) == (None, None)

    def test_merges_single_notes_with_those_that_are_there(self, organization, tmp_path):
        """Fails when the stored notes are not looked at before the write."""
        notes = [{"key": "po", "value": "1", "display_in_invoice": True},
                 {"key": "dept", "value": "B"}, {"key": "old", "value": "x"}]  # fmt: skip
        make_customer(organization, external_id="c1", metadata=notes)
        path = write(tmp_path, "external_id,metadata.po,metadata.old\nc1,2,\n")

        imported(organization, path, blank="clear")

        found = Customer.objects.get(external_id="c1").metadata.order_by("key")
        assert [(one.key, one.value, one.display_in_invoice) for one in found] == [
            ("dept", "B", False), ("po", "2", True),
        ]  # fmt: skip

    def test_takes_refused_rows_out_and_names_cell_and_value(self, organization, tmp_path):
        make_tax(organization, code="vat")
        text = (
            "external_id,email,country,tax_codes\n"
            "c1,a@b.co,FR,vat\n"
            "c2,a@b,FR,vta\n"
            ",a@b.co,FR,\n"
            "c4,a@b.co,Germany,vat|x\n"
            "1.23457E+11,a@b.co,FR,vat\n"
            "c6,a@b.co,DE,nope\n"
            "c7,a@b.co,DE,vat,extra\n"
        )

        intake = imported(organization, write(tmp_path, text))

        assert counts(intake) == (1, 0, 0, 6)
        found = refusals(intake)
        assert "“a@b”" in found[3]
        assert found[4] == "external_id: This can't be empty."
        assert "“Germany” is not a country code" in found[5]
        assert "1.23457E+11" in found[6]
        assert "“nope” names a tax" in found[7]
        assert "more cells than columns (5/4)" in found[8]

    def test_refuses_a_name_that_stands_twice_however_far_apart(self, organization, tmp_path):
        rows = [f"c{n},x" for n in range(300)]
        text = "external_id,name\n" + "\n".join([*rows, "c7,y"])

        intake = imported(organization, write(tmp_path, text))

        assert counts(intake) == (299, 0, 0, 2)
        assert "row 302" in refusals(intake)[9]
        assert "row 9" in refusals(intake)[302]
        assert not Customer.objects.filter(external_id="c7").exists()

    def test_stops_before_the_first_refusal_if_told_to(self, organization, tmp_path):
        text = "external_id,country\nc1,FR\nc2,XX\nc3,FR\n"

        intake = imported(organization, write(tmp_path, text), on_error="stop")

        assert intake.state == Import.State.STOPPED
        assert not Customer.objects.exists()
        assert "“XX”" in refusals(intake)[3]

    def test_stops_before_what_the_preview_refused_if_told_to(self, organization):
        """Red when only what is refused now counts: those rows are not judged again."""
        intake = checked_import(organization)
        intake.on_error = "stop"
        intake.save()

        assert run_import(intake).state == Import.State.STOPPED
        assert not Customer.objects.exists()

    def test_refuses_one_note_too_many(self, organization, tmp_path):
        """Red when notes that are there already do not count."""
        notes = [{"key": f"k{n}", "value": "x"} for n in range(METADATA_MAX)]
        make_customer(organization, external_id="c1", metadata=notes)

        intake = imported(organization, write(tmp_path, "external_id,metadata.po\nc1,1\n"))

        assert counts(intake) == (0, 0, 0, 1)

    def test_never_touches_another_organization(self, organization, tmp_path):
        other = make_organization()
        make_customer(other, external_id="c1", name="Theirs", metadata=[{"key": "a", "value": "b"}])

        imported(organization, write(tmp_path, "external_id,name,metadata.x\nc1,Ours,1\n"))

        assert Customer.objects.get(organization=other).name == "Theirs"
        ours = Customer.objects.get(organization=organization)
        assert [one.key for one in ours.metadata.all()] == ["x"]

    def test_reads_json_lines_as_the_wire(self, organization, tmp_path):
        make_customer(organization, external_id="c1", name="Ann", city="Rome")
        text = '{"external_id": "c1", "name": null, "net_payment_term": 14}\n'

        imported(organization, write(tmp_path, text, "c.jsonl"))

        _tag, body = customer_json(organization.id, "c1")
        assert b'"name":null' in body
        assert b'"city":"Rome"' in body
        assert b'"net_payment_term":14' in body


class TestCheckpoint:
    def test_goes_on_where_it_was(self, organization, tmp_path, monkeypatch):
        monkeypatch.setattr(rows, "SIZES", (1, 1))
        intake = staged(organization, write(tmp_path, THREE))

        stopped = run_import(intake, ask_to_stop_after(intake, 1))
        done = run_import(stopped)

        assert counts(done) == (3, 0, 0, 0)

    def test_undoes_a_batch_whose_checkpoint_somebody_else_moved(self, organization, tmp_path):
        """Fails when the checkpoint is moved whatever it was before."""
        intake = staged(organization, write(tmp_path, THREE))
        runner = Runner(intake)
        Import.objects.filter(pk=intake.pk).update(checkpoint=2)

        with pytest.raises(MovedAside):
            runner.advance()

        assert not Customer.objects.exists()

    def test_does_nothing_to_an_import_that_is_done(self, organization, tmp_path):
        intake = imported(organization, write(tmp_path, THREE))

        assert counts(run_import(intake)) == (3, 0, 0, 0)


@pytest.mark.django_db(transaction=True)
class TestTwoLanes:
    """Outside of a transaction the next rows are decided while the database writes these."""

    @pytest.fixture(autouse=True)
    def _small_batches(self, monkeypatch):
        monkeypatch.setattr(rows, "SIZES", (1, 1))

    def test_writes_what_was_decided_ahead(self, organization, tmp_path, monkeypatch):
        monkeypatch.setattr(Runner, "_write_locked", None)
        make_customer(organization, external_id="c2", name="Bo")

        done = imported(organization, write(tmp_path, THREE + "c4,Dan,XYZ\n"))

        assert counts(done) == (2, 1, 0, 1)
        assert Customer.objects.count() == 3
        assert ChangeRecord.objects.filter(batch_id=done.id).count() == 3
        assert "currency" in refusals(done)[5]

    def test_decides_anew_whom_somebody_was_faster_with(self, organization, tmp_path):
        """The unique index stops the newcomer; under locks it turns out to be a change."""
        runner = Runner(staged(organization, write(tmp_path, THREE)))
        runner._size = 1
        assert runner.advance()
        change = CustomerChange.read({"external_id": "c2", "city": "Lyon"})
        write_customers(organization.id, [change], SYSTEM)

        while runner.advance():
            pass
        runner.close()

        assert counts(runner.intake) == (2, 1, 0, 0)
        second = Customer.objects.get(external_id="c2")
        assert (second.name, second.city, second.version) == ("Bob", "Lyon", 2)

    def test_writes_none_whose_version_is_another(self, organization, tmp_path):
        """Seen to fail, with a row lost, when the checkpoint moves whatever was written."""
        for name in ("c1", "c2", "c3"):
            make_customer(organization, external_id=name, name="Old")
        runner = Runner(staged(organization, write(tmp_path, THREE)))
        runner._size = 1
        assert runner.advance()
        change = CustomerChange.read({"external_id": "c2", "city": "Lyon"})
        write_customers(organization.id, [change], SYSTEM)

        while runner.advance():
            pass
        runner.close()

        assert counts(runner.intake) == (0, 3, 0, 0)
        assert Customer.objects.get(external_id="c2").name == "Bob"
        assert Customer.objects.get(external_id="c2").city == "Lyon"

    def test_undoes_a_batch_whose_checkpoint_somebody_else_moved(self, organization, tmp_path):
        """Seen to fail when the batch does not hold the import first."""
        intake = staged(organization, write(tmp_path, THREE))
        runner = Runner(intake)
        Import.objects.filter(pk=intake.pk).update(checkpoint=2)

        with pytest.raises(MovedAside):
            runner.advance()
        runner.close()

        assert not Customer.objects.exists()

    def test_keeps_plans_right_while_tables_grow(self, organization, tmp_path, monkeypatch):
        """Fails when nobody analyzes: a plan for an empty table reads all of it for every row."""
        monkeypatch.setattr(growth, "_FEW", 0)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE customers_customer")

        imported(organization, write(tmp_path, THREE))

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples FROM pg_class WHERE oid = 'customers_customer'::regclass"
            )
            assert cursor.fetchone()[0] > 0


class TestNextSize:
    def test_keeps_a_batch_under_sixty_milliseconds(self):
        """A call of the API that meets a batch waits for its end: it may wait for 100."""
        assert rows.next_size(200, 200, 0.12) == 100
        assert rows.next_size(100, 100, 10.0) == rows.SIZES[0]

    def test_grows_slowly(self):
        assert rows.next_size(100, 100, 0.001) == 200
        assert rows.next_size(250, 250, 0.001) == rows.SIZES[1]


def ask_to_stop_after(intake, rows):
    return lambda now: ask_to_stop(intake) if now.behind == rows else None


@pytest.mark.django_db(transaction=True)
class TestOnlyImport:
    def test_refuses_a_second_import_of_the_organization(self, organization, tmp_path):
        """Fails without the advisory lock."""
        intake = staged(organization, write(tmp_path, THREE))
        found = []

        def second():
            try:
                run_import(Import.objects.get(pk=intake.pk))
            except NotAllowed as refused:
                found.append(refused.code)

        with running.only_import(organization.id):
            together(second)

        assert found == ["import_is_running"]

    def test_goes_on_behind_the_last_batch_of_who_died(self, organization, tmp_path):
        """Red when a run does not wait for its row: it takes the checkpoint back, and counts twice.

        The server may have the last batch still at work when its process is gone.
        """
        intake = staged(organization, write(tmp_path, THREE))
        running._begin(intake)
        again = Import.objects.get(pk=intake.pk)

        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                Runner(intake, until=2).advance()
                found = start(pool, lambda: run_import(again))
                wait_until_waiting(1)
            done = found.result(WAIT)

        assert (counts(done), done.behind) == ((3, 0, 0, 0), 3)
        assert ChangeRecord.objects.filter(batch_id=intake.pk).count() == 3

    def test_is_begun_by_one_of_two_who_press_start(self, organization):
        """Red when its state is read without holding the row."""
        intake = checked_import(organization)
        ann, bob = (Actor(ChangeRecord.Door.STAFF, name) for name in ("Ann", "Bob"))

        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                first = running.start(intake, ann)
                second = start(pool, lambda: running.start(intake, bob))
                wait_until_waiting(1)
            found = second.result(WAIT)

        assert (first, found) == (True, False)
        assert Import.objects.get().actor_name == "Ann"


class TestPreview:
    def test_tells_what_the_run_then_does(self, organization, tmp_path):
        make_customer(organization, external_id="c1", name="Ann", currency="EUR")
        make_customer(organization, external_id="c2", name="Bo")
        text = THREE + "c4,Dan,XYZ\n"
        intake = check_import(staged(organization, write(tmp_path, text)))

        assert counts(intake) == (1, 1, 1, 1)
        assert Customer.objects.count() == 2
        row = intake.rows.get(number=3)
        assert row.changes == {"name": ["Bo", "Bob"], "currency": [None, "USD"]}
        assert not ChangeRecord.objects.filter(batch_id=intake.id).exists()

        assert counts(run_import(intake)) == (1, 1, 1, 1)
        assert Customer.objects.count() == 3

    def test_leaves_out_whom_somebody_changed_since(self, organization, tmp_path):
        """Fails when the run does not compare versions."""
        make_customer(organization, external_id="c2", name="Bo")
        intake = check_import(staged(organization, write(tmp_path, THREE)))
        for name in ("c2", "c3"):
            change = CustomerChange.read({"external_id": name, "name": "Zoe"})
            write_customers(organization.id, [change], SYSTEM)

        intake = run_import(intake)

        assert counts(intake) == (1, 0, 0, 2)
        assert "since the preview" in refusals(intake)[3]
        assert Customer.objects.get(external_id="c2").name == "Zoe"

    def test_warns_of_what_looks_mistaken(self, organization, tmp_path):
        """Red when a section of another organization will do."""
        make_section(make_organization(), code="nope")
        text = "external_id,country,tax_identification_number,invoice_custom_section_codes\n"
        text += "c1,FR,FR12345,nope\n"

        intake = check_import(staged(organization, write(tmp_path, text)))

        assert (intake.new, intake.warnings) == (1, 1)
        columns = [one[0] for one in intake.rows.get().warnings]
        assert columns == ["tax_identification_number", "invoice_custom_section_codes"]
