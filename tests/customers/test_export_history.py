"""Files of changes: what the history is narrowed to, for who may see and export it."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from python_calamine import CalamineWorkbook

from billing.events.actor import SYSTEM
from billing.models import ChangeRecord, Organization
from billing.staff.roles import ABILITIES, Ability, Role
from billing.taxes.change import TaxChange
from billing.taxes.write import change_tax
from customers import export as module
from customers import trail
from customers.export import write_export
from customers.models import Export
from customers.trail import Trail
from tests.billing.builders import make_organization, make_tax
from tests.customers.builders import make_customer
from tests.staff import sign_in, text_of

EXPORTS = "/admin/customers/exports/"
HISTORY = "/admin/history/"
HEAD = [
    *("Time (UTC)", "Of what", "External id or code", "Name", "What was done", "Who", "Through"),
    *("Field", "Old", "New", "Reason"),
]
# Ids and times of changes run together, so what is noted last is to be the latest.
YEAR = 2126


@pytest.fixture
def auditor(organization: Organization) -> Client:
    """The browser of an auditor."""
    return sign_in(organization, role="auditor")


def ask(client: Client, place: Organization, query: str = "", **more: str) -> Any:
    """Send the form that the page of the history holds."""
    form = {"organization": place.pk, "kind": "history", "query": query, "format": "csv"}
    return client.post(EXPORTS, {**form, **more})


def file_of(client: Client) -> bytes:
    """Have the newest export written, and download it."""
    export = Export.objects.latest("created_at")
    write_export(export.pk)
    return b"".join(client.get(f"{EXPORTS}{export.pk}/file/").streaming_content)


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def record(customer: Any, at: datetime, actor: str = "Ann Lee", **changes: Sequence[Any]) -> None:
    """Note a change of a customer as if it had been made then."""
    ChangeRecord.objects.create(
        organization_id=customer.organization_id,
        resource="customer",
        object_id=customer.pk,
        action="updated",
        door="staff",
        actor_id="77",
        actor_name=actor,
        reason="Told by mail",
        changes=changes,
        at=at,
    )


class TestExportOfHistory:
    def test_tells_who_changed_the_numbers_between_two_days(
        self, auditor: Client, organization: Organization
    ) -> None:
        """Red without the paths in `_fields` (the name is there, too), or without the dates."""
        acme = make_customer(organization, external_id="c1", name="Acme")
        number = "tax_identification_number"
        for day in (1, 10, 20):
            at = datetime(YEAR, 3, day, 9, 30, tzinfo=UTC)
            record(acme, at, name=["A", "B"], **{number: ["FR1", f"FR{day}"]})

        ask(auditor, organization, f"field={number}&since={YEAR}-03-05&until={YEAR}-03-15")

        assert rows(file_of(auditor)) == [
            HEAD,
            [
                *(f"{YEAR}-03-10T09:30:00Z", "Customer", "c1", "Acme", "changed", "Ann Lee"),
                *("Back office", "Tax number", "FR1", "FR10", "Told by mail"),
            ],
        ]

    def test_holds_every_change_however_many_pages(
        self, auditor: Client, organization: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Red when only the first page is written, or the next begins in the wrong place."""
        monkeypatch.setattr(trail, "_RECORDS_AT_ONCE", 2)
        tax = make_tax(organization, name="VAT", code="vat", rate=20)
        change_tax(organization.pk, "vat", TaxChange.examine({"rate": "5.5"}), SYSTEM)
        acme = make_customer(organization, external_id="c1", name="Acme")
        for day in range(1, 8):
            record(acme, datetime(YEAR, 3, day, tzinfo=UTC), name=["A", f"B{day}"], city=["", "C"])

        ask(auditor, organization)

        found = rows(file_of(auditor))
        mine = [row[9] for row in found if row[5] == "Ann Lee" and row[7] == "Name"]
        assert mine == [f"B{day}" for day in range(7, 0, -1)]
        assert Export.objects.get().rows == len(found) - 1
        [rate] = [row for row in found if row[4] == "changed" and row[1] == "Tax"]
        assert rate[2:4] == ["vat", str(tax)]

    def test_means_the_days_of_who_asked(self, auditor: Client, organization: Organization) -> None:
        """Red when the days of the worker are taken: then it is the change of the 11th."""
        acme = make_customer(organization, external_id="c1")
        record(acme, datetime(YEAR, 3, 9, 23, 30, tzinfo=UTC), name=["A", "In Paris the 10th"])
        record(acme, datetime(YEAR, 3, 10, 23, 30, tzinfo=UTC), name=["A", "In Paris the 11th"])
        with timezone.override(ZoneInfo("Europe/Paris")):
            asked = Trail.read(
                organization.pk, {"since": f"{YEAR}-03-10", "until": f"{YEAR}-03-10"}
            )

        found = trail.rows(Trail.parse(organization.pk, asked.querystring()))

        assert [row[9] for row in found] == ["In Paris the 10th"]

    def test_holds_nothing_of_another_organization(
        self, auditor: Client, organization: Organization
    ) -> None:
        """Red without the organization in find_changes."""
        theirs = make_customer(make_organization(), name="Hooli")

        ask(auditor, organization, f"object_id={theirs.pk}")

        assert rows(file_of(auditor)) == [HEAD]

    def test_keeps_formulas_out(self, auditor: Client, organization: Organization) -> None:
        """Red when cells are written as they are, of the values and of the customer's name."""
        acme = make_customer(organization, external_id="=c1", name="=1+1")
        at = datetime(YEAR, 3, 1, tzinfo=UTC)
        record(acme, at, "@Ann", name=["=cmd|' /C calc'!A0", "+x"])

        ask(auditor, organization, f"since={YEAR}-03-01")
        csv_row = rows(file_of(auditor))[1]
        ask(auditor, organization, f"since={YEAR}-03-01", format="xlsx")
        book = CalamineWorkbook.from_filelike(io.BytesIO(file_of(auditor)))

        assert [csv_row[2], csv_row[3], csv_row[5]] == ["'=c1", "'=1+1", "'@Ann"]
        assert csv_row[8:10] == ["'=cmd|' /C calc'!A0", "'+x"]
        _head, sheet_row = book.get_sheet_by_index(0).to_python()
        assert sheet_row[2:4] == ["=c1", "=1+1"]
        assert sheet_row[8:10] == ["=cmd|' /C calc'!A0", "+x"]

    def test_cuts_visibly_what_no_cell_of_a_sheet_holds(
        self, auditor: Client, organization: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Red without `_fitting`: the library leaves out what is too long."""
        acme = make_customer(organization)
        record(acme, datetime(YEAR, 3, 1, tzinfo=UTC), name=["x" * 40_000, "B"])

        ask(auditor, organization, f"since={YEAR}-03-01", format="xlsx")

        book = CalamineWorkbook.from_filelike(io.BytesIO(file_of(auditor)))
        old = book.get_sheet_by_index(0).to_python()[1][8]
        assert (len(old), old[-2:]) == (module.CELL_LENGTH, "x…")


class TestPages:
    def test_ask_for_exactly_what_is_shown(
        self, auditor: Client, organization: Organization
    ) -> None:
        make_customer(organization)
        narrowed = "door=api&field=tax_identification_number&since=2026-03-01"

        page = auditor.get(f"{HISTORY}?{narrowed}&before=999999")
        query = page.context["querystring"]
        answer = ask(auditor, organization, query)

        assert query == narrowed
        assert f'value="{narrowed.replace("&", "&amp;")}"' in page.content.decode()
        assert answer["Location"] == EXPORTS
        assert ProcrastinateJob.objects.filter(task_name="customers.write_export").count() == 1
        exports = " ".join(text_of(auditor.get(EXPORTS)).split())
        assert "History · Through: API; Field: Tax number; From: 2026-03-01" in exports

    def test_write_nothing_where_a_filter_can_not_be_read(
        self, auditor: Client, organization: Organization
    ) -> None:
        """Red when the day is left out silently: all changes would be in the file."""
        answer = ask(auditor, organization, "since=2026-02-31")

        assert "is not a day" in text_of(auditor.get(answer["Location"]))
        assert not Export.objects.exists()
        assert 'value="history"' not in auditor.get(answer["Location"]).content.decode()

    def test_are_closed_to_who_may_not_export(self, organization: Organization) -> None:
        viewer = sign_in(organization, role="viewer")

        assert 'value="history"' not in viewer.get(HISTORY).content.decode()
        assert ask(viewer, organization).status_code == 403
        assert not Export.objects.exists()

    def test_are_closed_to_who_may_not_see_the_history(
        self, auditor: Client, organization: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Red when EXPORT alone is asked for, of the form or of the file."""
        ask(auditor, organization)
        export = Export.objects.get()
        write_export(export.pk)
        less = ABILITIES[Role.AUDITOR] - {Ability.HISTORY}
        monkeypatch.setitem(ABILITIES, Role.AUDITOR, less)  # type: ignore[arg-type]  # a dict

        assert ask(auditor, organization).status_code == 403
        assert auditor.get(f"{EXPORTS}{export.pk}/file/").status_code == 403
        assert Export.objects.count() == 1

    def test_refuse_a_form_of_another_organization(self, organization: Organization) -> None:
        other = make_organization()
        auditor = sign_in(organization, role="auditor")

        answer = ask(auditor, other)

        assert answer["Location"] == HISTORY
        assert not Export.objects.exists()

    def test_refuse_a_kind_nobody_made(self, auditor: Client, organization: Organization) -> None:
        ask(auditor, organization, kind="passwords")

        assert not Export.objects.exists()
