"""Files of customers: every row, the columns chosen, no formula; for who asked for them alone."""

import csv
import io
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from python_calamine import CalamineWorkbook

from customers import export as module
from customers.export import ask_for_export, exports_of, forget_exports, write_export
from customers.models import Export, ExportPiece
from customers.search import CustomerQuery
from customers.tasks import take_up_exports
from tests.billing.builders import make_organization
from tests.customers.builders import make_customer, make_customers
from tests.staff import sign_in, text_of

EXPORTS = "/admin/customers/exports/"


@pytest.fixture
def clerk(organization):
    return sign_in(organization)


@pytest.fixture
def person(clerk):
    return int(clerk.session["_auth_user_id"])


def written(query, person, columns=("customer", "city"), file="csv"):
    """Ask for a file, have it written, and return it."""
    export = ask_for_export(query, person, columns, file, "en")
    write_export(export.pk)
    return Export.objects.get(pk=export.pk), b"".join(module.pieces(export))


def _without_database(cell):
    raise OperationalError("the connection is closed")


def rows(data):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


class TestWriteExport:
    def test_writes_every_row_of_the_query_in_its_order(self, organization, person, monkeypatch):
        """Pieces of a hundred bytes: whatever is split comes together again."""
        monkeypatch.setattr(module, "_PIECE", 100)
        wishes = [
            {"external_id": f"c{n:03}", "country": "FR", "city": "Orléans"} for n in range(99)
        ]
        make_customers(organization, wishes)
        make_customer(organization, external_id="other", country="DE")
        make_customer(make_organization(), external_id="theirs", country="FR")
        query = CustomerQuery(organization.pk, "", {"country": ("FR",)}, "external_id")

        export, data = written(query, person)

        head, *found = rows(data)
        assert head == ["Customer", "External id", "City"]
        assert found == [[f"c{n:03}", f"c{n:03}", "Orléans"] for n in range(99)]
        assert (export.state, export.rows, export.size) == ("done", 99, len(data))
        assert ExportPiece.objects.count() > 10

    def test_is_shown_where_it_was_asked_for(self, organization, person):
        """Red when somebody who works for two organizations sees the files of both in each."""
        export, _ = written(CustomerQuery(organization.pk), person)

        assert list(exports_of(organization.pk, person)) == [export]
        assert not exports_of(make_organization().pk, person).exists()

    def test_keeps_formulas_out_of_csv(self, organization, person):
        """Red when cells are written as they are."""
        make_customer(organization, name="=cmd|' /C calc'!A0", city="+x")

        _, data = written(CustomerQuery(organization.pk), person)

        assert rows(data)[1][0] == "'=cmd|' /C calc'!A0"
        assert rows(data)[1][2] == "'+x"

    def test_leaves_empty_what_is_empty(self, organization, person):
        """Red when a text without a sign gets the apostrophe that imports know it by."""
        make_customer(organization, name="Ann", city="")

        _, data = written(CustomerQuery(organization.pk), person, ("customer", "city", "taxes"))

        assert rows(data)[1][2:] == ["", ""]

    def test_writes_a_workbook_of_texts(self, organization, person):
        make_customer(organization, external_id="c1", name="=1+1", net_payment_term=30)

        columns = ("customer", "payment_term", "updated")
        _, data = written(CustomerQuery(organization.pk), person, columns, "xlsx")

        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        head, row = book.get_sheet_by_index(0).to_python()
        assert head[:3] == ["Customer", "External id", "Days to pay"]
        assert row[:3] == ["=1+1", "c1", 30]

    def test_begins_a_new_sheet_where_one_is_full(self, organization, person, monkeypatch):
        monkeypatch.setattr(module, "SHEET_ROWS", 2)
        make_customers(organization, [{"external_id": f"c{n}"} for n in range(5)])

        _, data = written(CustomerQuery(organization.pk), person, file="xlsx")

        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        assert [len(book.get_sheet_by_index(n).to_python()) for n in range(3)] == [3, 3, 2]

    def test_is_done_once(self, organization, person):
        export, data = written(CustomerQuery(organization.pk), person)

        write_export(export.pk)

        assert b"".join(module.pieces(export)) == data

    def test_leaves_nothing_of_what_failed(self, organization, person, monkeypatch):
        make_customer(organization)
        export = ask_for_export(CustomerQuery(organization.pk), person, ("customer",), "csv", "en")
        monkeypatch.setattr(module, "_text", lambda cell: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            write_export(export.pk)

        assert Export.objects.get().state == "failed"
        assert not ExportPiece.objects.exists()

    def test_goes_on_later_where_the_database_went_away(self, organization, person, monkeypatch):
        """Red when an export whose database was restarted has failed for good."""
        make_customer(organization)
        export = ask_for_export(CustomerQuery(organization.pk), person, ("customer",), "csv", "en")
        monkeypatch.setattr(module, "_text", _without_database)

        with pytest.raises(OperationalError):
            write_export(export.pk)

        assert Export.objects.get().state == "running"

    @pytest.mark.parametrize("state", ["waiting", "running"])
    def test_is_taken_up_again_after_its_worker_was_killed(self, organization, person, state):
        """Red when only waiting exports are written, or the pieces left behind are kept."""
        make_customer(organization, external_id="c1", name="Ann")
        export = ask_for_export(CustomerQuery(organization.pk), person, ("customer",), "csv", "en")
        ExportPiece.objects.create(export=export, number=0, data=b"half a li")
        quiet = timezone.now() - timedelta(minutes=2)
        Export.objects.filter(pk=export.pk).update(state=state, touched_at=quiet)

        take_up_exports(0)
        take_up_exports(0)
        [job] = ProcrastinateJob.objects.filter(task_name="customers.write_export")
        write_export(UUID(job.args["export_id"]))

        data = b"".join(module.pieces(Export.objects.get(state="done")))
        assert rows(data) == [["Customer", "External id"], ["Ann", "c1"]]

    def test_is_left_to_the_worker_that_lives(self, organization, person):
        """Red when `_held` takes no lock."""
        export = ask_for_export(CustomerQuery(organization.pk), person, ("customer",), "csv", "en")
        Export.objects.filter(pk=export.pk).update(state="running")

        with psycopg.connect(
            **connection.get_connection_params() | {"cursor_factory": None}
        ) as other:
            other.execute(
                "SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"export:{export.pk}"]
            )
            write_export(export.pk)

        assert Export.objects.get(pk=export.pk).state == "running"

    def test_fails_for_good_after_a_day(self, organization, person):
        export = ask_for_export(CustomerQuery(organization.pk), person, ("customer",), "csv", "en")
        old = timezone.now() - timedelta(days=1, minutes=1)
        Export.objects.filter(pk=export.pk).update(created_at=old, touched_at=old)

        assert module.left_behind() == []
        assert Export.objects.get().state == "failed"

    def test_is_forgotten_after_a_week(self, organization, person):
        export, _ = written(CustomerQuery(organization.pk), person)
        old = timezone.now() - timedelta(days=7, minutes=1)
        Export.objects.filter(pk=export.pk).update(created_at=old)

        forget_exports()

        assert not Export.objects.exists()
        assert not ExportPiece.objects.exists()


class TestPages:
    def ask(self, client, place, **more):
        form = {"organization": place.pk, "query": "country=FR", "columns": "city"}
        return client.post(EXPORTS, {**form, "format": "csv", **more})

    def test_ask_for_exactly_this_view(self, clerk, organization):
        answer = self.ask(clerk, organization)

        export = Export.objects.get()
        assert answer["Location"] == EXPORTS
        assert (export.query, export.columns) == ("country=FR", ["customer", "city"])
        page = text_of(clerk.get(EXPORTS))
        assert "Country: France (FR)" in page
        assert "Waiting" in page

    def test_hand_the_file_to_who_asked_alone(self, clerk, organization):
        colleague = sign_in(organization, role="finance_lead")
        self.ask(clerk, organization)
        export = Export.objects.get()
        write_export(export.pk)
        address = f"{EXPORTS}{export.pk}/file/"

        answer = clerk.get(address)

        assert rows(b"".join(answer.streaming_content))[0] == ["Customer", "External id", "City"]
        assert "attachment" in answer["Content-Disposition"]
        assert colleague.get(address).status_code == 404
        assert address not in colleague.get(EXPORTS).content.decode()

    def test_hand_out_nothing_before_it_is_written(self, clerk, organization):
        self.ask(clerk, organization)

        assert clerk.get(f"{EXPORTS}{Export.objects.get().pk}/file/").status_code == 404

    def test_are_closed_to_who_may_not_export(self, organization):
        viewer = sign_in(organization, role="viewer")

        assert self.ask(viewer, organization).status_code == 403
        assert not Export.objects.exists()

    @pytest.mark.parametrize("more", [{"format": "exe"}, {"organization": "nope"}])
    def test_refuse_a_form_nobody_made(self, clerk, organization, more):
        self.ask(clerk, organization, **more)

        assert not Export.objects.exists()
