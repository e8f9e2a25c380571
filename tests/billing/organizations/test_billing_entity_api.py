"""Billing entities over the API (contract: resources.md 3)."""

from datetime import UTC, datetime

import pytest

from billing.models import BillingEntity
from tests.billing.builders import (
    make_billing_entity,
    make_organization,
    make_section,
    make_tax,
)
from tests.billing.traces import done, records, refused

PATH = "/api/v1/billing_entities"
NOT_IN_EU = {"eu_tax_management": ["billing_entity_must_be_in_eu"]}


def listed(entity: BillingEntity, **differences) -> dict:
    """Return what a list shows of a billing entity as the builder makes it."""
    return {
        "lago_id": str(entity.id),
        "code": entity.code,
        "name": entity.name,
        "default_currency": "USD",
        "created_at": entity.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "updated_at": entity.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "country": None,
        "address_line1": None,
        "address_line2": None,
        "phone": None,
        "city": None,
        "state": None,
        "zipcode": None,
        "einvoicing": False,
        "email": None,
        "legal_name": None,
        "legal_number": None,
        "timezone": "UTC",
        "net_payment_term": 0,
        "email_settings": [],
        "document_numbering": "per_customer",
        "document_number_prefix": "ACM-1A2B",
        "tax_identification_number": None,
        "finalize_zero_amount_invoice": True,
        "invoice_footer": None,
        "invoice_grace_period": 0,
        "subscription_invoice_issuing_date_adjustment": None,
        "subscription_invoice_issuing_date_anchor": None,
        "document_locale": "en",
        "is_default": False,
        "eu_tax_management": False,
        "logo_url": None,
    } | differences


def shown(entity: BillingEntity, **differences) -> dict:
    """Return the answer for one billing entity as the builder makes it."""
    return listed(entity) | {"taxes": [], "selected_invoice_custom_sections": []} | differences


def of(**values) -> dict:
    return {"billing_entity": values}


SENT = {
    "name": "France",
    "country": "fr",
    "address_line1": "1 rue A",
    "address_line2": "",
    "city": "Lyon",
    "state": None,
    "zipcode": "69002",
    "phone": "",
    "email": "a@example.com",
    "legal_name": "France SAS",
    "legal_number": "",
    "tax_identification_number": " ",
    "default_currency": "EUR",
    "timezone": "Europe/Paris",
    "net_payment_term": 30,
    "document_numbering": "per_billing_entity",
    "document_number_prefix": "fr",
    "finalize_zero_amount_invoice": 0,
    "email_settings": ["credit_note.created"],
    "eu_tax_management": "true",
    "einvoicing": 1,
    "billing_configuration": {
        "invoice_footer": "Merci",
        "invoice_grace_period": 3,
        "document_locale": "fr",
        "subscription_invoice_issuing_date_anchor": "next_period_start",
        "subscription_invoice_issuing_date_adjustment": "keep_anchor",
    },
}
STORED = {key: value for key, value in SENT.items() if key != "billing_configuration"} | {
    "country": "FR",
    "address_line2": None,
    "tax_identification_number": None,
    "document_number_prefix": "FR",
    "finalize_zero_amount_invoice": False,
    "eu_tax_management": True,
    "einvoicing": True,
    **SENT["billing_configuration"],
}


class TestPost:
    def test_stores_every_field(self, api, organization):
        answer = done(api, "POST", PATH, of(code="a/b", **SENT))

        entity = BillingEntity.objects.get(code="a/b")
        assert answer == {"billing_entity": shown(entity, **STORED)}
        assert list(answer["billing_entity"]) == list(shown(entity))
        [record] = records()
        assert record[:2] == ("billing_entity", "created")

    def test_takes_currency_and_prefix_of_the_organization(self, api, organization):
        BillingEntity.objects.update(default_currency="EUR", timezone="Europe/Paris")
        sent = dict.fromkeys(["default_currency", "timezone", "document_number_prefix"])

        answer = done(api, "POST", PATH, of(code="b", name="B", **sent, net_payment_term=None))

        entity = BillingEntity.objects.get(code="b")
        assert answer == {"billing_entity": shown(entity, default_currency="EUR")}

    def test_leaves_lists_to_a_put(self, api, organization):
        body = of(code="b", name="B", tax_codes=["none"], invoice_custom_section_codes=1)

        answer = done(api, "POST", PATH, body)

        assert answer == {"billing_entity": shown(BillingEntity.objects.get(code="b"))}

    @pytest.mark.parametrize(
        "sent, problems",
        [
            ({"phone": "1"}, {"code": ["value_is_mandatory"], "name": ["value_is_mandatory"]}),
            (
                {"code": "acme_corp", "name": None},
                {"name": ["value_is_mandatory"], "code": ["value_already_exist"]},
            ),
            ({"code": "a\tb", "name": "n"}, {"code": ["value_is_invalid"]}),
            (
                {"code": "c" * 256, "name": "n" * 256},
                {"code": ["value_is_too_long"], "name": ["value_is_too_long"]},
            ),
        ],
    )
    def test_refuses(self, api, sent, problems):
        assert refused(api, "POST", PATH, of(**sent)) == problems

    @pytest.mark.parametrize("body", [{}, of(), of(junk=1), {"billing_entity": []}])
    def test_needs_a_root(self, api, body):
        assert refused(api, "POST", PATH, body, 400)["error"].endswith(": billing_entity")

    def test_does_not_give_the_code_of_an_archived_one_away(self, api, organization):
        make_billing_entity(organization, code="old", archived_at=datetime.now(UTC))

        assert refused(api, "POST", PATH, of(code="old", name="n")) == {
            "code": ["value_already_exist"]
        }


class TestCountry:
    @pytest.mark.parametrize(
        "sent, problems",
        [
            ({"eu_tax_management": True}, {"eu_tax_management": ["billing_entity_must_be_in_eu"]}),
            (
                {"country": "GB", "eu_tax_management": True},
                {"eu_tax_management": ["billing_entity_must_be_in_eu"]},
            ),
            (
                {"country": "MC", "eu_tax_management": True},
                {"eu_tax_management": ["billing_entity_must_be_in_eu"]},
            ),
            ({"einvoicing": True}, {"einvoicing": ["country_must_be_present"]}),
            ({"country": "IT", "einvoicing": True}, {"einvoicing": ["country_not_supported"]}),
            ({"country": "XX", "einvoicing": True}, {"country": ["not_a_valid_country_code"]}),
        ],
    )
    def test_limits_what_can_be_switched_on(self, api, organization, sent, problems):
        assert refused(api, "POST", PATH, of(code="b", name="B", **sent)) == problems
        assert refused(api, "PUT", f"{PATH}/acme_corp", of(**sent)) == problems

    def test_can_not_change_while_it_is_needed(self, api, organization):
        make_billing_entity(
            organization, code="fr", country="FR", eu_tax_management=True, einvoicing=True
        )

        assert refused(api, "PUT", f"{PATH}/fr", of(country="IT")) == {
            "einvoicing": ["country_not_supported"]
        }
        assert refused(api, "PUT", f"{PATH}/fr", of(country=None)) == {
            "eu_tax_management": ["billing_entity_must_be_in_eu"],
            "einvoicing": ["country_must_be_present"],
        }
        done(
            api,
            "PUT",
            f"{PATH}/fr",
            of(country="US", eu_tax_management=False, einvoicing=False),
        )


class TestPut:
    def test_stores_every_field(self, api, organization):
        entity = make_billing_entity(organization, code="fr")

        answer = done(api, "PUT", f"{PATH}/fr", of(**SENT, code="ignored"))

        entity.refresh_from_db()
        assert answer == {"billing_entity": shown(entity, **STORED)}
        [record] = records()
        assert record[:2] == ("billing_entity", "updated")

    def test_changes_nothing_by_the_same_values(self, api, organization):
        entity = make_billing_entity(organization, code="fr")
        done(api, "PUT", f"{PATH}/fr", of(**SENT))
        entity.refresh_from_db()

        answer = done(api, "PATCH", f"{PATH}/fr", of(**SENT))

        assert answer == {"billing_entity": shown(entity, **STORED)}
        assert BillingEntity.objects.get(code="fr").updated_at == entity.updated_at
        assert len(records()) == 1

    def test_ignores_a_code_of_any_kind(self, api, organization):
        entity = make_billing_entity(organization, code="fr")

        answer = done(api, "PUT", f"{PATH}/fr", of(code={}))

        assert answer == {"billing_entity": shown(entity)}

    def test_null_empties_only_what_may_be_empty(self, api, organization):
        make_billing_entity(organization, code="fr")
        done(api, "PUT", f"{PATH}/fr", of(**SENT))
        nulls = dict.fromkeys(key for key in SENT if key not in ("name", "country"))
        nulls["billing_configuration"] = dict.fromkeys(SENT["billing_configuration"])

        found = done(api, "PUT", f"{PATH}/fr", of(**nulls))["billing_entity"]

        assert {key for key, value in found.items() if value is None} == {
            "address_line1",
            "address_line2",
            "city",
            "state",
            "zipcode",
            "phone",
            "email",
            "legal_name",
            "legal_number",
            "tax_identification_number",
            "invoice_footer",
            "subscription_invoice_issuing_date_adjustment",
            "subscription_invoice_issuing_date_anchor",
            "logo_url",
        }

    def test_refuses_a_name_of_nothing(self, api, organization):
        assert refused(api, "PUT", f"{PATH}/acme_corp", of(name=None)) == {
            "name": ["value_is_mandatory"]
        }

    def test_reports_problems_before_it_looks_for_anything(self, api, organization):
        problems = refused(
            api, "PUT", f"{PATH}/none", of(tax_codes=["none"], timezone="x", logo="x")
        )

        assert problems == {"timezone": ["invalid_timezone"], "logo": ["invalid_content_type"]}

    def test_does_not_write_through_to_the_organization(self, api, organization):
        done(api, "PUT", f"{PATH}/acme_corp", of(legal_name="New", timezone="Asia/Tokyo"))

        found = done(api, "GET", "/api/v1/organizations")["organization"]
        assert (found["legal_name"], found["timezone"]) == (None, "Asia/Tokyo")


class TestLists:
    def test_replaces_taxes_and_sections_in_one_change(self, api, organization):
        one, two = make_tax(organization, code="one"), make_tax(organization, code="two")
        section = make_section(organization, code="s", name="S", details="a\nb")
        entity = make_billing_entity(organization, code="fr", taxes=[one])
        sent = of(
            name="New",
            tax_codes=["two", "two"],
            invoice_custom_section_codes=["unknown", "s", "nul\x00"],
        )

        found = done(api, "PUT", f"{PATH}/fr", sent)["billing_entity"]

        assert [tax["code"] for tax in found["taxes"]] == ["two"]
        assert found["taxes"][0]["lago_id"] == str(two.id)
        assert found["selected_invoice_custom_sections"] == [
            {
                "lago_id": str(section.id),
                "name": "S",
                "code": "s",
                "description": None,
                "details": "a\nb",
                "display_name": None,
                "applied_to_organization": False,
                "organization_id": str(organization.id),
                "created_at": section.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ]
        assert records() == [
            (
                "billing_entity",
                "updated",
                {
                    "name": [entity.name, "New"],
                    "tax_codes": [["one"], ["two"]],
                    "invoice_custom_section_codes": [[], ["s"]],
                },
            )
        ]

    @pytest.mark.parametrize("value", [None, ["one"]])
    def test_changes_nothing(self, api, organization, value):
        tax = make_tax(organization, code="one")
        entity = make_billing_entity(organization, code="fr", taxes=[tax])

        done(api, "PUT", f"{PATH}/fr", of(tax_codes=value, invoice_custom_section_codes=None))

        assert BillingEntity.objects.get(code="fr").updated_at == entity.updated_at
        assert records() == []

    def test_empties(self, api, organization):
        make_billing_entity(
            organization,
            code="fr",
            taxes=[make_tax(organization)],
            sections=[make_section(organization)],
        )
        body = of(tax_codes=[], invoice_custom_section_codes=[])

        found = done(api, "PUT", f"{PATH}/fr", body)["billing_entity"]

        assert (found["taxes"], found["selected_invoice_custom_sections"]) == ([], [])

    @pytest.mark.parametrize("code", ["none", "ONE", "deleted", "foreign", "nul\x00"])
    def test_knows_no_other_tax(self, api, organization, code):
        make_tax(organization, code="one")
        make_tax(organization, code="deleted", deleted_at=datetime.now(UTC))
        make_tax(make_organization(), code="foreign")

        found = refused(
            api, "PUT", f"{PATH}/acme_corp", of(name="New", tax_codes=["one", code]), 404
        )

        assert found == {"status": 404, "error": "Not Found", "code": "tax_not_found"}

    @pytest.mark.parametrize("value", ["", "one", {}, [1], [None], True])
    def test_refuses_other_kinds(self, api, organization, value):
        problems = refused(
            api,
            "PUT",
            f"{PATH}/acme_corp",
            of(tax_codes=value, invoice_custom_section_codes=value),
        )

        assert problems == {
            "tax_codes": ["value_is_invalid"],
            "invoice_custom_section_codes": ["value_is_invalid"],
        }


class TestGet:
    def test_lists_active_ones_oldest_first_without_paging(self, api, organization):
        default = organization.billing_entities.get()
        made = [make_billing_entity(organization) for _ in range(3)]
        make_billing_entity(organization, archived_at=datetime.now(UTC))
        make_billing_entity(make_organization())

        answer = done(api, "GET", f"{PATH}?page=2&per_page=1")

        assert answer == {
            "billing_entities": [listed(default, is_default=True), *map(listed, made)]
        }

    @pytest.mark.parametrize("method", ["GET", "PUT"])
    @pytest.mark.parametrize("code", ["none", "archived", "foreign", "ACME_CORP", "%00"])
    def test_knows_no_other(self, api, organization, method, code):
        make_billing_entity(organization, code="archived", archived_at=datetime.now(UTC))
        make_billing_entity(make_organization(), code="foreign")

        found = refused(api, method, f"{PATH}/{code}", of(name="n"), 404)

        assert found == {"status": 404, "error": "Not Found", "code": "billing_entity_not_found"}

    def test_deletes_none(self, api, organization):
        answer = api.delete(f"{PATH}/acme_corp")

        assert (answer.status, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD, PUT, PATCH"
