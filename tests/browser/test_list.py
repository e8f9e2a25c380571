"""The list of customers in a browser: found, narrowed, selected, exported."""

import re

from playwright.sync_api import expect

from customers.export import write_export
from customers.models import Export
from tests.browser.looks import assert_accessible, shot
from tests.customers.builders import make_customers

LIST = "/admin/customers/customer/"


def _people(organization):
    make_customers(
        organization,
        [
            {
                "external_id": f"c{n}",
                "name": f"Brasserie {n} & Söhne",
                "country": "FR" if n % 3 else "DE",
                "currency": "EUR",
                "tax_identification_number": f"FR4030326504{n % 10}",
            }
            for n in range(60)
        ],
    )


class TestList:
    def test_narrows_selects_and_exports(self, staff_page, organization):
        _people(organization)
        page = staff_page()
        page.goto(LIST)
        assert_accessible(page)
        shot(page, "list")

        page.keyboard.press("f")
        sheet = page.locator("dialog#l-filters")
        expect(sheet).to_be_visible()
        sheet.locator("summary", has_text="Country").click()
        sheet.get_by_placeholder("Look for…").first.fill("germ")
        shot(page, "list-filters")
        assert_accessible(page)
        sheet.get_by_label("Germany (DE)").check()
        sheet.get_by_role("button", name="Apply").click()

        expect(page).to_have_url(re.compile("country=DE"))
        expect(page.get_by_text("20 customers")).to_be_visible()
        page.locator("[data-row-select]").first.check()
        expect(page.get_by_text("1 selected")).to_be_visible()
        shot(page, "list-selected")

        page.locator("summary", has_text="Export").click()
        page.get_by_role("button", name="Text (CSV)").click()
        expect(page.get_by_text("Waiting")).to_be_visible()
        write_export(Export.objects.get().pk)
        expect(page.get_by_role("link", name="Download")).to_be_visible()
        assert_accessible(page)
        shot(page, "exports")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        assert len(download.value.path().read_text("utf-8-sig").splitlines()) == 21

    def test_fits_a_phone_in_the_dark(self, staff_page, organization):
        _people(organization)
        page = staff_page("finance_lead", dark=True, phone=True)
        page.goto(f"{LIST}?country=FR&q=brasserie")
        shot(page, "list-dark-phone")
        assert_accessible(page)

        page.goto("/admin/")
        shot(page, "home-dark-phone")
        assert_accessible(page)
        wide = staff_page("finance_lead", dark=True)
        wide.goto(f"{LIST}?country=none")
        shot(wide, "list-empty-dark")
        wide.goto("/admin/")
        shot(wide, "home-dark")
