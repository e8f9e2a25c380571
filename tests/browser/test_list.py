"""The list of customers in a browser: found, narrowed, selected, exported."""

import re

from django.core.cache import cache
from playwright.sync_api import expect

from customers.export import write_export
from customers.models import Export
from customers.pairs import search_pairs
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


class TestRows:
    def test_stand_close_on_a_laptop_and_apart_under_a_thumb(self, staff_page, organization):
        """Red when a badge stretches the rows, or a phone's are as low as a mouse's or cut off."""
        _people(organization)
        page = staff_page()
        page.set_viewport_size({"width": 1366, "height": 768})
        page.goto(LIST)
        shot(page, "list-laptop")

        rows = page.locator("tbody[data-rows] tr")
        heights = rows.evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
        seen = rows.evaluate_all(SEEN)
        assert max(heights) <= 24
        assert seen >= 24, seen

        phone = staff_page(phone=True)
        phone.goto(LIST)
        shot(phone, "list-phone")
        cards = phone.locator("tbody tr")
        assert not any(cards.evaluate_all(CUT))
        ticks = phone.locator("tbody [data-row-select]").first.bounding_box()
        names = phone.locator("tbody .l-who a").first.bounding_box()
        assert min(ticks["width"], ticks["height"], names["height"]) >= 24


CUT = "all => all.map(one => one.scrollHeight > one.offsetHeight + 1)"
# How many rows stand whole within the table's window.
SEEN = """all => {
    const window = document.querySelector(".l-table").getBoundingClientRect();
    const bottom = Math.min(window.bottom, innerHeight);
    return all.filter((one) => one.getBoundingClientRect().bottom <= bottom).length;
}"""


class TestHome:
    def test_leads_to_what_is_missing_and_to_pairs(self, staff_page, organization):
        _people(organization)
        make_customers(
            organization,
            [
                {"external_id": "a1", "name": "Hooli", "email": "a@hooli.test", "city": "Lyon"},
                {"external_id": "a2", "name": "Hooli SARL", "email": "a@hooli.test"},
                {"external_id": "a3", "name": "HOOLI", "city": "Lyon", "phone": "1"},
            ],
        )
        search_pairs(organization.pk)
        cache.clear()
        page = staff_page()
        page.goto("/admin/")
        expect(page.get_by_role("heading", name="Missing for invoices")).to_be_visible()
        assert_accessible(page)
        shot(page, "home-gaps")

        page.get_by_role("link", name="Likely duplicates").click()
        expect(page.get_by_text("52 pairs")).to_be_visible()
        assert_accessible(page)
        shot(page, "duplicates")
        page.get_by_role("button", name="Not the same").first.click()
        expect(page.get_by_text("are two customers")).to_be_visible()
        page.get_by_role("link", name="Called different").click()
        expect(page.get_by_role("button", name="Show it again")).to_be_visible()
        shot(page, "duplicates-different")

        dark = staff_page("finance_lead", dark=True, phone=True)
        dark.goto("/admin/")
        shot(dark, "home-gaps-dark-phone")
        assert_accessible(dark)
        dark.goto("/admin/customers/duplicates/")
        shot(dark, "duplicates-dark-phone")
        assert_accessible(dark)
        wide = dark.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
