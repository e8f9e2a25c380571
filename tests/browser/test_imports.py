"""A file of customers in a real browser: sent in, mapped, mended, tried, imported, taken back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from customers.intakes import Import
from customers.models import Customer
from tests.billing.builders import make_tax
from tests.browser.looks import assert_accessible, shot
from tests.customers.builders import make_customer
from tests.customers.imports.files import workbook

pytestmark = pytest.mark.django_db(transaction=True)

_HEAD = [
    "Kundennummer",
    "Firma",
    "E-Mail",
    "Land",
    "Ort",
    "PLZ",
    "Zahlungsziel",
    "Region",
    "Intern",
]


def rows() -> list[list[Any]]:
    """Return what a clerk keeps in Excel: eight rows, three of them not as they should be."""
    found: list[list[Any]] = [
        [f"K{n:03}", f"Firma {n} GmbH", f"rechnung{n}@firma.example", "DE", "Berlin", f"1011{n}",
         "30", "Nord", "x"]
        for n in range(1, 9)
    ]  # fmt: skip
    found[2][3] = "Dtl."
    found[4][3] = "Dtl."
    found[6][2] = "rechnung at firma"
    found[7][6] = "14 Tage"
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The workbook of a clerk."""
    path = tmp_path / "Kunden Nord.xlsx"
    path.write_bytes(workbook([_HEAD, *rows()]))
    return path


def send(page: Page, file: Path) -> None:
    """Send a file in, and wait for its columns."""
    page.goto("/admin/imports/")
    page.get_by_role("link", name="Import a file").first.click()
    page.get_by_label("Which file?").set_input_files(file)
    page.get_by_role("button", name="Send it and look at the columns").click()
    expect(page.get_by_role("columnheader", name="Fills")).to_be_visible()


class TestImport:
    def test_goes_from_a_workbook_to_customers_and_back(
        self, staff_page: Callable[..., Page], organization: Any, file: Path
    ) -> None:
        make_tax(organization, code="vat_de")
        make_customer(organization, external_id="K001", legal_name="Firma 1", city="Bonn")
        page = staff_page("finance_lead")
        page.goto("/admin/imports/")
        shot(page, "imports-none")
        assert_accessible(page)
        send(page, file)
        shot(page, "imports-columns")
        assert_accessible(page)

        page.get_by_label("Region").select_option("metadata.Region")
        page.get_by_label("Field 1").select_option("tax_codes")
        page.get_by_label("Value 1").fill("vat_de")
        page.get_by_label("Save this mapping as").fill("Clerk's workbook")
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("link", name="Refused 4")).to_be_visible()
        shot(page, "imports-preview-refused")
        assert_accessible(page)

        repair = page.locator(".i-repair", has_text="Dtl.")
        repair.get_by_label("What “Dtl.” means").fill("DE")
        repair.get_by_role("button", name="Use it in all 2").click()
        expect(page.get_by_text("Rows refused: 4 before, 2 now.")).to_be_visible()
        repair = page.locator(".i-repair", has_text="14 Tage")
        expect(repair.get_by_label("What “14 Tage” means")).to_have_value("14")
        repair.get_by_role("button", name="Use it in 1 row").click()
        expect(page.get_by_text("Rows refused: 2 before, 1 now.")).to_be_visible()
        cell = page.get_by_label("Row 8, E-Mail")
        cell.fill("rechnung@firma.example")
        cell.press("Enter")
        expect(page.get_by_text("Row 8 is mended")).to_be_visible()
        page.get_by_role("link", name="Changed 1").click()
        expect(page.get_by_text("Bonn")).to_be_visible()
        shot(page, "imports-preview-changed")
        page.get_by_role("link", name="New 7").click()
        shot(page, "imports-preview-new")
        assert_accessible(page)

        page.get_by_role("button", name="Try the first 3").click()
        expect(page.get_by_role("status")).to_contain_text("Stopped after 3 of 8 rows")
        assert Customer.objects.filter(organization=organization).count() == 3
        shot(page, "imports-tried")
        page.get_by_role("button", name="Go on with the other 5 rows").click()
        expect(page.get_by_role("status")).to_contain_text("Everything is in")
        shot(page, "imports-result")
        assert_accessible(page)
        assert Customer.objects.filter(organization=organization).count() == 8

        page.get_by_role("button", name="Undo…").click()
        page.get_by_role("button", name="Put 8 customers back").click()
        expect(page.get_by_role("status")).to_contain_text("8 done")
        assert Customer.objects.kept().filter(organization=organization).count() == 1
        page.goto("/admin/imports/")
        shot(page, "imports-list")
        assert_accessible(page)

    def test_shows_nothing_to_do_for_the_same_file(
        self, staff_page: Callable[..., Page], organization: Any, tmp_path: Path
    ) -> None:
        path = tmp_path / "customers.csv"
        path.write_text("external_id;name\n" + "".join(f"c{n};Name {n}\n" for n in range(5)))
        page = staff_page("finance_lead")
        send(page, path)
        page.get_by_role("button", name="Preview").click()
        page.get_by_role("button", name="Import 5 customers").click()
        expect(page.get_by_role("status")).to_contain_text("Everything is in")

        send(page, path)
        expect(page.get_by_text("imported the same file")).to_be_visible()
        page.get_by_role("button", name="Preview").click()

        expect(page.get_by_text("There is nothing to do")).to_be_visible()
        shot(page, "imports-same")
        assert [one.unchanged for one in Import.objects.order_by("id")] == [5, 0]

    def test_says_what_is_wrong_with_a_file(
        self, staff_page: Callable[..., Page], tmp_path: Path
    ) -> None:
        path = tmp_path / "customers.csv"
        path.write_bytes(b"\x89PNG\r\n\x1a\n0000")
        page = staff_page("finance_lead", phone=True, dark=True)
        page.goto("/admin/imports/new/")
        page.get_by_label("Which file?").set_input_files(path)
        page.get_by_role("button", name="Send it and look at the columns").click()

        expect(page.get_by_role("alert")).to_contain_text("This is a PNG file")
        shot(page, "imports-unreadable")
        assert_accessible(page)

    def test_takes_cells_that_are_pasted(self, staff_page: Callable[..., Page]) -> None:
        page = staff_page("finance_lead")
        page.goto("/admin/imports/new/")
        page.evaluate(
            "() => { const carrier = new DataTransfer();"
            " carrier.setData('text/plain', 'external_id\\tname\\nc1\\tAnn\\nc2\\tBob');"
            " document.body.dispatchEvent(new ClipboardEvent('paste',"
            " { clipboardData: carrier, bubbles: true })); }"
        )
        page.get_by_role("button", name="Send it and look at the columns").click()

        expect(page.get_by_text("Cells are separated by tabs")).to_be_visible()
        expect(page.get_by_text("2 rows below the header")).to_be_visible()
