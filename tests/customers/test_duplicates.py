"""Customers that may be the same one."""

from typing import Any

import pytest
from django.db import connection

from billing.events.actor import SYSTEM
from billing.models import Organization
from customers.delete import delete_customer
from customers.duplicates import likely_duplicates
from tests.billing.builders import make_organization
from tests.customers.builders import make_customer, make_customers


def found(organization: Organization, **values: Any) -> list[tuple[str, list[str]]]:
    return [(one.name, one.reasons) for one in likely_duplicates(organization.pk, values)]


class TestLikelyDuplicates:
    def test_share_a_tax_number_however_it_is_written(self, organization: Organization) -> None:
        make_customer(organization, name="Hooli", tax_identification_number="FR 40.303 265-045")

        assert found(organization, tax_identification_number="fr40303265045") == [
            ("Hooli", ["tax_identification_number"])
        ]

    def test_share_an_address_for_mail(self, organization: Organization) -> None:
        make_customer(organization, name="Hooli", email="Billing@hooli.test")

        assert found(organization, email="billing@hooli.test ") == [("Hooli", ["email"])]

    def test_are_named_alike_in_the_same_place(self, organization: Organization) -> None:
        make_customers(
            organization,
            [
                {"legal_name": "Hooli SARL", "city": "Lyon", "country": "FR"},
                {"name": "Hooli S.A.R.L.", "city": "Paris", "country": "FR"},
                {"name": "Hooli", "country": "DE"},
                {"name": "Hooli & Sons of Lower Saxony", "city": "Lyon"},
            ],
        )

        assert found(organization, name="hooli sarl", city="lyon", country="FR") == [
            ("Hooli SARL", ["name"])
        ]
        assert len(found(organization, name="hooli sarl")) == 3

    def test_stand_in_the_order_of_what_speaks_for_them(self, organization: Organization) -> None:
        make_customers(
            organization,
            [
                {"name": "Hooli"},
                {"name": "Other", "email": "a@b.test"},
                {"name": "Hooli", "tax_identification_number": "X1"},
            ],
        )

        wanted = {"name": "Hooli", "email": "a@b.test", "tax_identification_number": "x-1"}
        assert found(organization, **wanted) == [
            ("Hooli", ["tax_identification_number", "name"]),
            ("Other", ["email"]),
            ("Hooli", ["name"]),
        ]

    def test_are_kept_customers_of_the_organization_and_not_the_one_itself(
        self, organization: Organization
    ) -> None:
        make_customer(make_organization(), name="Hooli")
        gone = make_customer(organization, name="Hooli")
        delete_customer(organization.pk, gone.external_id, SYSTEM)
        own = make_customer(organization, name="Hooli")

        assert likely_duplicates(organization.pk, {"name": "Hooli"}, exclude=own.pk) == []

    @pytest.mark.parametrize(
        "values", [{}, {"name": None, "email": ""}, {"name": "ab"}, {"email": "\0"}]
    )
    def test_are_none_for_values_that_say_nothing(
        self, organization: Organization, values: dict[str, Any]
    ) -> None:
        make_customers(organization, [{}, {"name": "ab"}])

        assert likely_duplicates(organization.pk, values) == []

    def test_are_found_by_indexes(self, organization: Organization) -> None:
        """Fails without one of the indexes: the plan then reads all customers."""
        text = likely_duplicates.__globals__["_STATEMENT"].text
        values = {
            "organization": organization.pk, "tax_number": "X1", "email": "a@b.test", "name": "ab",
            "sort_name": "ab", "plain_name": "ab", "city": None, "country": None, "similar": 0.5,
            "exclude": None, "limit": 5,
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
            cursor.execute(f"EXPLAIN {text}", values)
            plan = "\n".join(line for (line,) in cursor.fetchall())

        for index in ("customer_tax_number", "customer_email", "customer_by_name"):
            assert index in plan
