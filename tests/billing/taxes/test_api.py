"""Taxes over the API (contract: resources.md 1)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import BillingEntityTax, Tax
from tests.billing.builders import (
    make_api_key,
    make_billing_entity,
    make_organization,
    make_tax,
)
from tests.billing.traces import done, records, refused
from tests.conftest import Client

TAXES = "/api/v1/taxes"


def shown(tax: Tax, **differences) -> dict:
    """Return the answer for a tax as the builder makes it."""
    return {
        "lago_id": str(tax.id),
        "name": tax.name,
        "code": tax.code,
        "description": None,
        "rate": 20,
        "applied_to_organization": False,
        "created_at": tax.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "add_ons_count": 0,
        "customers_count": 0,
        "plans_count": 0,
        "charges_count": 0,
        "commitments_count": 0,
        "applied_to_billing_entities_codes": [],
    } | differences


class TestPost:
    def test_makes_a_tax_and_shows_it(self, api, organization):
        body = {"name": "TVA", "code": "vat", "rate": 20.5, "description": "", "junk": 1}

        answer = done(api, "POST", TAXES, {"tax": body})

        tax = Tax.objects.get()
        assert answer == {"tax": shown(tax, name="TVA", code="vat", rate=20.5, description="")}
        assert list(answer["tax"]) == list(shown(tax))
        assert tax.organization_id == organization.id
        assert records() == [
            (
                "tax",
                "created",
                {
                    "name": [None, "TVA"],
                    "code": [None, "vat"],
                    "rate": [None, "20.5"],
                    "description": [None, ""],
                },
            )
        ]

    @pytest.mark.parametrize(
        "sent, written",
        [("20", b"20"), ("20.0", b"20"), ("5.50", b"5.5"), ("0.00000001", b"0.00000001")],
    )
    def test_shows_the_rate_without_trailing_zeros(self, api, sent, written):
        body = b'{"tax":{"name":"a","code":"a","rate":' + sent.encode() + b"}}"

        answer = api.post(TAXES, body=body, headers={"Content-Type": "application/json"})

        assert b'"rate" : ' + written + b"," in answer.body

    def test_links_the_tax_to_the_default_billing_entity(self, api, organization):
        body = {"name": "TVA", "code": "vat", "rate": 20, "applied_to_organization": "t"}

        answer = done(api, "POST", TAXES, {"tax": body})

        assert answer["tax"]["applied_to_organization"] is True
        assert answer["tax"]["applied_to_billing_entities_codes"] == ["acme_corp"]
        assert records()[1:] == [("billing_entity", "updated", {"tax_codes": [[], ["vat"]]})]

    def test_reports_all_problems_together(self, api, organization):
        make_tax(organization, code="vat")
        body = {"code": "vat", "rate": "x", "description": "d" * 1025}

        problems = refused(api, "POST", TAXES, {"tax": body})

        assert problems == {
            "rate": ["value_is_invalid"],
            "description": ["value_is_too_long"],
            "name": ["value_is_mandatory"],
            "code": ["value_already_exist"],
        }

    @pytest.mark.parametrize(
        "code, problem",
        [
            (None, "value_is_mandatory"),
            (" ", "value_is_mandatory"),
            ("a\nb", "value_is_invalid"),
            ("a\x00b", "value_is_invalid"),
            ("c" * 256, "value_is_too_long"),
            ({}, "value_is_invalid"),
        ],
    )
    def test_refuses_codes(self, api, code, problem):
        problems = refused(api, "POST", TAXES, {"tax": {"name": "a", "rate": 1, "code": code}})

        assert problems == {"code": [problem]}

    def test_tells_codes_apart_to_the_letter(self, api, organization):
        make_tax(organization, code="vat")

        for code in ("VAT", "vat ", "va\u0301t", "v\u00e1t"):
            done(api, "POST", TAXES, {"tax": {"name": "a", "rate": 1, "code": code}})

        assert Tax.objects.count() == 5

    def test_may_take_a_code_of_another_organization(self, api):
        make_tax(make_organization(), code="vat")

        done(api, "POST", TAXES, {"tax": {"name": "a", "rate": 1, "code": "vat"}})

        assert Tax.objects.filter(code="vat").count() == 2

    @pytest.mark.parametrize("body", [{}, {"tax": {}}, {"tax": None}, {"tax": {"junk": 1}}, []])
    def test_needs_a_root(self, api, body):
        found = refused(api, "POST", TAXES, body, 400)

        assert found["error"].endswith(": tax")


class TestPut:
    def test_changes_what_was_sent(self, api, organization):
        tax = make_tax(organization, code="vat", description="old")

        answer = done(api, "PUT", f"{TAXES}/vat", {"tax": {"code": "v/a.t", "rate": "0"}})

        assert answer == {"tax": shown(tax, code="v/a.t", rate=0, description="old")}
        assert records() == [("tax", "updated", {"code": ["vat", "v/a.t"], "rate": ["20", "0"]})]

    def test_changes_nothing_by_the_same_values(self, api, organization):
        tax = make_tax(organization, code="vat")
        body = {"name": tax.name, "code": "vat", "rate": 20.000, "description": None}

        answer = done(api, "PATCH", f"{TAXES}/vat", {"tax": body})

        assert answer == {"tax": shown(tax)}
        assert records() == []
        assert Tax.objects.get().updated_at == tax.updated_at

    def test_takes_the_tax_off_the_default_billing_entity(self, api, organization):
        tax = make_tax(organization, code="vat")
        entity = organization.billing_entities.get()
        BillingEntityTax.objects.create(organization=organization, billing_entity=entity, tax=tax)

        answer = done(api, "PUT", f"{TAXES}/vat", {"tax": {"applied_to_organization": False}})

        assert answer == {"tax": shown(tax)}
        assert records() == [("billing_entity", "updated", {"tax_codes": [["vat"], []]})]

    @pytest.mark.parametrize("value", [None, "", True])
    def test_leaves_the_link_alone(self, api, organization, value):
        tax = make_tax(organization, code="vat")
        entity = organization.billing_entities.get()
        BillingEntityTax.objects.create(organization=organization, billing_entity=entity, tax=tax)

        answer = done(api, "PUT", f"{TAXES}/vat", {"tax": {"applied_to_organization": value}})

        assert answer["tax"]["applied_to_organization"] is True
        assert records() == []

    def test_refuses_a_code_that_is_taken(self, api, organization):
        make_tax(organization, code="vat")
        make_tax(organization, code="other")

        problems = refused(api, "PUT", f"{TAXES}/vat", {"tax": {"code": "other", "name": ""}})

        assert problems == {"name": ["value_is_mandatory"], "code": ["value_already_exist"]}

    def test_reports_problems_before_it_looks_for_the_tax(self, api):
        refused(api, "PUT", f"{TAXES}/none", {"tax": {"rate": -1}})

        found = refused(api, "PUT", f"{TAXES}/none", {"tax": {"rate": 1}}, 404)

        assert found == {"status": 404, "error": "Not Found", "code": "tax_not_found"}


class TestGet:
    @pytest.mark.parametrize(
        "code, path",
        [("a/b.c", "a%2Fb.c"), ("a/b.c", "a/b.c"), ("é +", "%C3%A9%20+"), (".", "%2E")],
    )
    def test_finds_any_code(self, api, organization, code, path):
        tax = make_tax(organization, code=code)

        assert done(api, "GET", f"{TAXES}/{path}") == {"tax": shown(tax)}

    @pytest.mark.parametrize("path", ["VAT", "%00", "%FF", "x" * 300, "deleted", "foreign"])
    def test_knows_no_other(self, api, organization, path):
        make_tax(organization, code="vat")
        make_tax(organization, code="deleted", deleted_at=datetime.now(UTC))
        make_tax(make_organization(), code="foreign")

        answer = api.get(f"{TAXES}/{path}")

        assert answer.json() == {"status": 404, "error": "Not Found", "code": "tax_not_found"}

    def test_names_the_active_billing_entities(self, api, organization):
        tax = make_tax(organization, code="vat")
        for code in ("b", "a", "C"):
            make_billing_entity(organization, code=code, taxes=[tax])
        make_billing_entity(organization, code="old", taxes=[tax], archived_at=datetime.now(UTC))

        answer = done(api, "GET", f"{TAXES}/vat")

        assert answer == {"tax": shown(tax, applied_to_billing_entities_codes=["C", "a", "b"])}

    def test_needs_the_permission(self, organization):
        api = Client(make_api_key(organization, permissions={"customer": ["read", "write"]}))

        answer = api.get(TAXES)

        assert answer.json()["code"] == "read_action_not_allowed_for_tax"


class TestList:
    def test_shows_pages_newest_first_in_a_fixed_number_of_statements(self, api, organization):
        now = datetime.now(UTC)
        made = [make_tax(organization, created_at=now - timedelta(hours=age)) for age in range(5)]
        make_tax(organization, deleted_at=now)
        make_tax(make_organization())

        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = done(api, "GET", f"{TAXES}?page=2&per_page=2")

        assert answer == {
            "taxes": [shown(made[2]), shown(made[3])],
            "meta": {
                "current_page": 2,
                "next_page": 3,
                "prev_page": 1,
                "total_pages": 3,
                "total_count": 5,
            },
        }
        assert len(queries) <= 1  # the count; the rows come in one statement of their own

    def test_is_empty_beyond_the_end(self, api, organization):
        make_tax(organization)

        answer = done(api, "GET", f"{TAXES}?page=99999999999999999999&per_page=0")

        assert answer["taxes"] == []
        assert answer["meta"]["total_count"] == 1


class TestDelete:
    def test_shows_the_tax_as_it_was_and_unlinks_it(self, api, organization):
        tax = make_tax(organization, code="vat")
        entity = make_billing_entity(organization, code="b", taxes=[tax])

        answer = done(api, "DELETE", f"{TAXES}/vat")

        assert answer == {"tax": shown(tax, applied_to_billing_entities_codes=["b"])}
        assert not entity.tax_links.exists()
        assert records() == [
            ("billing_entity", "updated", {"tax_codes": [["vat"], []]}),
            ("tax", "deleted", {}),
        ]

    def test_frees_the_code(self, api, organization):
        make_tax(organization, code="vat")
        done(api, "DELETE", f"{TAXES}/vat")

        again = refused(api, "DELETE", f"{TAXES}/vat", None, 404)
        done(api, "POST", TAXES, {"tax": {"name": "a", "code": "vat", "rate": 1}})

        assert again["code"] == "tax_not_found"
        assert Tax.objects.kept().count() == 1

    def test_knows_nothing_of_other_organizations(self, api):
        make_tax(make_organization(), code="vat")

        refused(api, "DELETE", f"{TAXES}/vat", None, 404)
        refused(api, "PUT", f"{TAXES}/vat", {"tax": {"rate": 1}}, 404)
