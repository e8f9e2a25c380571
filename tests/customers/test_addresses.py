"""Addresses as their country writes them, and what a country calls the numbers of a business."""

import pytest
from django.utils import translation
from stdnum.jp import cn as japanese_number
from stdnum.util import get_cc_module

from billing.values import COUNTRIES
from customers.addresses import PARTS, address_form, address_lines
from customers.countries import COUNTRY_NUMBERS, country_name, country_numbers

ADDRESS = {
    "address_line1": "1 Main Street",
    "address_line2": "Floor 2",
    "zipcode": "12345",
    "city": "Town",
    "state": "CA",
}


class TestAddressForm:
    def test_follows_the_country(self):
        german, american = address_form("DE"), address_form("US")

        assert german.order == ("country", "address_line1", "address_line2", "zipcode", "city")
        assert american.order[-3:] == ("city", "state", "zipcode")
        assert str(german.labels["zipcode"]) == "Postal code (PLZ)"
        assert str(american.labels["zipcode"]) == "ZIP code"
        assert "state" in american.required
        assert ("CA", "California") in american.regions
        assert german.examples["zipcode"] == "26133"

    @pytest.mark.parametrize("country", [None, "", "XX", "../all"])
    def test_is_general_without_a_country(self, country):
        assert address_form(country).order == ("country", *PARTS[:-1])

    def test_names_every_part_in_every_country(self):
        for country in COUNTRIES:
            form = address_form(country)
            assert set(form.labels) == set(PARTS)
            assert form.required <= set(form.order)


class TestAddressLines:
    @pytest.mark.parametrize(
        "country, lines",
        [
            ("DE", ["12345 Town", "CA", "Germany"]),
            ("US", ["Town, CA 12345", "United States"]),
            ("GB", ["Town", "12345", "CA", "United Kingdom"]),
            ("SE", ["SE-12345 Town", "CA", "Sweden"]),
            (None, ["12345 Town", "CA"]),
        ],
    )
    def test_writes_as_the_country_does(self, country, lines):
        found = address_lines(ADDRESS | {"country": country})

        assert found == ["1 Main Street", "Floor 2", *lines]

    def test_loses_nothing_in_any_country(self):
        for country in COUNTRIES:
            written = " ".join(address_lines(ADDRESS | {"country": country}))
            assert all(value in written for value in ADDRESS.values()), country

    @pytest.mark.parametrize(
        "country, parts, lines",
        [
            ("SE", {"city": "Lund"}, ["Lund", "Sweden"]),
            ("US", {"city": "Reno", "zipcode": "89501"}, ["Reno 89501", "United States"]),
            ("US", {"state": "NV"}, ["NV", "United States"]),
            ("SG", {"city": "Singapore"}, ["Singapore"]),
            ("FR", {}, ["France"]),
        ],
    )
    def test_leaves_no_signs_where_parts_are_missing(self, country, parts, lines):
        assert address_lines(parts | {"country": country}) == lines

    def test_can_leave_the_readers_own_country_out(self):
        assert address_lines({"city": "Paris", "country": "FR"}, home="FR") == ["Paris"]

    def test_is_empty_for_nothing(self):
        assert address_lines({}) == []


class TestCountryNumbers:
    def test_shows_examples_that_are_valid(self):
        for country, numbers in COUNTRY_NUMBERS.items():
            module = get_cc_module(country, "vat")
            if country == "JP":
                assert japanese_number.is_valid((numbers.tax.example or "").lstrip("T"))
            elif module is not None:
                assert module.is_valid(numbers.tax.example), country

    def test_has_words_for_the_rest(self):
        assert str(country_numbers("FJ").tax.label) == "Tax number"
        assert str(country_numbers(None).legal.label) == "Registration number"


class TestCountryName:
    def test_is_in_the_language_of_the_reader(self):
        with translation.override("de"):
            assert country_name("FR") == "Frankreich"
        with translation.override("en"):
            assert country_name("FR") == "France"

    def test_is_the_code_if_there_is_no_name(self):
        assert country_name("ZZ") in ("ZZ", "Unknown Region")
        assert country_name(None) == ""
