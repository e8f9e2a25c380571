"""What a wish changes, and what it leaves alone (customers.md 2.1, 2.2, 2.4, 2.5)."""

import json

import pytest

from customers.models import Customer, ShippingAddress
from customers.write import write_customer
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.posting import API, everything, post, read, shown, unchanged

FULL = {
    "account_type": "customer",
    "name": "Brasserie du Canal",
    "firstname": "",
    "lastname": " Martin ",
    "customer_type": "company",
    "country": "fr",
    "address_line1": "12 quai de Valmy",
    "address_line2": "",
    "state": " ",
    "zipcode": "75010",
    "email": " compta@canal.test, chef\u2013de@canal.test\u200b ",
    "city": "Par\0is",
    "url": "https://canal.test",
    "phone": "+33 1",
    "logo_url": "",
    "legal_name": "Canal SAS",
    "legal_number": "812 345 678",
    "currency": "EUR",
    "tax_identification_number": "FR00812345678",
    "timezone": "Europe/Paris",
    "net_payment_term": "30",
    "external_salesforce_id": "sf",
    "finalize_zero_amount_invoice": "skip",
    "billing_entity_code": "fr",
    "billing_configuration": {
        "invoice_grace_period": "3",
        "payment_provider": "stripe",
        "payment_provider_code": "stripe-eu",
        "document_locale": "fr",
        "subscription_invoice_issuing_date_anchor": "current_period_end",
        "subscription_invoice_issuing_date_adjustment": "keep_anchor",
        "provider_customer_id": "cus_1",
        "sync": "t",
        "sync_with_provider": 1,
        "provider_payment_methods": ["sepa_debit", "card", "card"],
    },
    "shipping_address": {"city": "Lyon", "zipcode": "69002", "country": "fr", "state": ""},
    "skip_invoice_custom_sections": "f",
    "invoice_custom_section_codes": ["b", "a", "nope"],
    "metadata": [
        {"key": "Cost centre", "value": "B-17", "display_in_invoice": "true"},
        {"key": "A", "value": "x"},
    ],
    "tax_codes": ["vat", "city_tax", "vat"],
    "integration_customers": [
        {"integration_type": "netsuite", "external_customer_id": "8841", "subsidiary_id": 2,
         "sync_with_provider": True},
        {"integration_type": "hubspot", "sync_with_provider": True, "targeted_object": "contacts"},
        {"integration_type": "salesforce", "external_customer_id": "x"},
        {"integration_type": "xero"},
    ],
}  # fmt: skip


@pytest.fixture
def acme(organization):
    """An organization with something of everything a customer may point to."""
    make_billing_entity(organization, code="fr", timezone="Europe/Madrid")
    for code in ("vat", "city_tax"):
        make_tax(organization, code=code)
    for code in ("a", "b"):
        make_section(organization, code=code)
    for code in ("stripe-eu", "stripe-us"):
        make_payment_provider(organization, code=code)
    for kind in ("netsuite", "hubspot", "salesforce", "xero"):
        make_integration(organization, type=kind, code=f"{kind}-1")
    return organization


class TestFullWish:
    def test_is_stored_normalized_and_shown(self, acme):
        post(acme, **FULL)

        found = shown(acme)
        assert {key: found[key] for key in FULL if not isinstance(FULL.get(key), dict | list)
                and key in found} == {
            "account_type": "customer",
            "name": "Brasserie du Canal",
            "firstname": "",
            "lastname": " Martin ",
            "customer_type": "company",
            "country": "FR",
            "address_line1": "12 quai de Valmy",
            "address_line2": None,
            "state": None,
            "zipcode": "75010",
            "email": "compta@canal.test, chef-de@canal.test",
            "city": "Paris",
            "url": "https://canal.test",
            "phone": "+33 1",
            "logo_url": "",
            "legal_name": "Canal SAS",
            "legal_number": "812 345 678",
            "currency": "EUR",
            "tax_identification_number": "FR00812345678",
            "timezone": "Europe/Paris",
            "net_payment_term": 30,
            "external_salesforce_id": "sf",
            "finalize_zero_amount_invoice": "skip",
            "billing_entity_code": "fr",
            "skip_invoice_custom_sections": False,
        }  # fmt: skip
        assert found["shipping_address"] == {
            "address_line1": None, "address_line2": None, "city": "Lyon", "zipcode": "69002",
            "state": None, "country": "FR",
        }  # fmt: skip
        assert found["billing_configuration"] == {
            "invoice_grace_period": 3,
            "payment_provider": "stripe",
            "payment_provider_code": "stripe-eu",
            "document_locale": "fr",
            "subscription_invoice_issuing_date_anchor": "current_period_end",
            "subscription_invoice_issuing_date_adjustment": "keep_anchor",
            "provider_customer_id": "cus_1",
            "sync": True,
            "sync_with_provider": True,
            "provider_payment_methods": ["sepa_debit", "card", "card"],
        }

    def test_changes_nothing_when_posted_again(self, acme):
        post(acme, **FULL)

        unchanged(acme, lambda: post(acme, **FULL))

    def test_changes_nothing_when_written_otherwise(self, acme):
        post(acme, **FULL)
        other = FULL | {
            "country": "FR",
            "email": "compta@canal.test, chef-de@canal.test\ufeff",
            "net_payment_term": 30,
            "state": "\u00a0",
            "city": "Paris",
            "tax_codes": ["city_tax", "vat"],
            "invoice_custom_section_codes": ["a", "b", "b", "unknown"],
            "metadata": FULL["metadata"][::-1],
            "integration_customers": FULL["integration_customers"][::-1],
            "shipping_address": {"city": "Lyon", "address_line1": " ", "country": "FR"},
            "finalize_zero_amount_invoice": "skip",
        }

        unchanged(acme, lambda: post(acme, **other))

    @pytest.mark.parametrize("name", sorted(FULL))
    def test_changes_nothing_in_single_parts(self, acme, name):
        post(acme, **FULL)

        unchanged(acme, lambda: post(acme, **{name: FULL[name]}))

    def test_changes_nothing_where_nothing_was(self, acme):
        post(acme)
        nothing = {
            "city": " ", "country": "", "email": "", "customer_type": "", "net_payment_term": "",
            "finalize_zero_amount_invoice": None, "skip_invoice_custom_sections": False,
            "shipping_address": {"city": None, "country": " "}, "metadata": [], "tax_codes": [],
            "billing_configuration": {"payment_provider": None, "document_locale": None,
                                      "sync": True},
            "integration_customers": [{"integration_type": "xero"}],
            "invoice_custom_section_codes": ["nope"],
        }  # fmt: skip

        unchanged(acme, lambda: post(acme, **nothing))
        assert not ShippingAddress.objects.exists()

    def test_leaves_absent_and_null_structures_alone(self, acme):
        post(acme, **FULL)
        nulls = {key: None for key, value in FULL.items() if isinstance(value, dict | list)}

        unchanged(acme, lambda: post(acme))
        unchanged(acme, lambda: post(acme, **nulls))
        unchanged(acme, lambda: post(acme, billing_configuration={}, shipping_address={}))
        unchanged(acme, lambda: post(acme, billing_configuration={"provider_payment_methods": []}))

    def test_empties_lists(self, acme):
        post(acme, **FULL)

        post(acme, metadata=[], tax_codes=[], integration_customers=[])

        found = shown(acme)
        assert (found["metadata"], found["taxes"], found["integration_customers"]) == ([], [], [])

    def test_clears_every_scalar_on_null(self, acme):
        post(acme, **FULL)
        clearable = {
            key for key, value in FULL.items() if not isinstance(value, dict | list)
        } - {"account_type", "billing_entity_code", "finalize_zero_amount_invoice",
             "skip_invoice_custom_sections"}  # fmt: skip

        post(acme, **dict.fromkeys(clearable), finalize_zero_amount_invoice=None)

        found = shown(acme)
        assert {found[key] for key in clearable} == {None}
        assert found["finalize_zero_amount_invoice"] == "inherit"
        assert found["applicable_timezone"] == "Europe/Madrid"


class TestSingleFields:
    @pytest.mark.parametrize(
        ("name", "old", "new"),
        [
            ("name", None, "Ann"),
            ("name", "Ann", ""),
            ("name", "", None),
            ("name", "Ann", "ann"),
            ("phone", "1", " 1"),
            ("url", "", None),
            ("account_type", "customer", "partner"),
            ("account_type", "partner", "customer"),
            ("customer_type", "company", None),
            ("currency", "EUR", "USD"),
            ("currency", "USD", None),
            ("timezone", "Europe/Kiev", "Europe/Kyiv"),
            ("net_payment_term", 0, None),
            ("net_payment_term", None, 0),
            ("net_payment_term", 2147483647, 1),
        ],
    )
    def test_change_and_are_recorded_alone(self, organization, name, old, new):
        post(organization, **{name: old}, legal_name="Keep", shipping_address={"city": "Keep"})

        outcome = post(organization, **{name: new})

        assert outcome.diff == {name: [old, new]}
        found = shown(organization)
        assert found[name] == new
        assert (found["legal_name"], found["shipping_address"]["city"]) == ("Keep", "Keep")

    def test_keep_the_writing_of_a_number(self, organization):
        for phone in ("20.50", "20.5"):
            outcome = write_customer(
                organization.id, read(f'{{"external_id": "c1", "phone": {phone}}}'), API
            )
            assert outcome.diff["phone"][1] == phone

    @pytest.mark.parametrize(
        "text",
        [
            "'; DROP TABLE x; --",
            '{"a": "\\"}',
            "%(n)s %s",
            "\\u0041",
            "\x01\t\n\x1f",
            "😀\U0010ffff",
        ],
    )
    def test_are_stored_as_sent(self, organization, text):
        post(organization, name=text, metadata=[{"key": "k", "value": text}])

        found = shown(organization)
        assert (found["name"], found["metadata"][0]["value"]) == (text, text)


class TestMerging:
    def test_a_shipping_address_key_by_key(self, organization):
        post(organization, shipping_address={"city": "Lyon", "zipcode": "69002"})

        outcome = post(organization, shipping_address={"city": "Paris", "country": "fr"})

        assert outcome.diff == {
            "shipping_address.city": ["Lyon", "Paris"],
            "shipping_address.country": [None, "FR"],
        }
        assert shown(organization)["shipping_address"]["zipcode"] == "69002"

    def test_a_shipping_address_cleared_part_by_part(self, organization):
        post(organization, shipping_address={"city": "Lyon", "zipcode": "69002"})

        post(organization, shipping_address={"city": ""})

        assert shown(organization)["shipping_address"] == {
            "address_line1": None, "address_line2": None, "city": None, "zipcode": "69002",
            "state": None, "country": None,
        }  # fmt: skip

    def test_a_billing_configuration_key_by_key(self, organization):
        post(
            organization, billing_configuration={"invoice_grace_period": 3, "document_locale": "fr"}
        )

        outcome = post(organization, billing_configuration={"document_locale": None})

        assert outcome.diff == {"billing_configuration.document_locale": ["fr", None]}
        assert shown(organization)["billing_configuration"]["invoice_grace_period"] == 3


class TestTime:
    def test_moves_only_with_a_change(self, organization):
        post(organization, name="Ann")
        Customer.objects.update(updated_at="2001-01-01T00:00:00Z")

        assert post(organization, name="Ann").kind == "unchanged"
        assert shown(organization)["updated_at"] == "2001-01-01T00:00:00Z"
        post(organization, name="Bob")
        assert shown(organization)["updated_at"] > "2020"

    @pytest.mark.parametrize(
        "values",
        [
            {"name": "x"},
            {"shipping_address": {"city": "x"}},
            {"metadata": []},
            {"tax_codes": ["vat"]},
            {"invoice_custom_section_codes": ["b"]},
            {"integration_customers": []},
            {"billing_configuration": {"sync": False}},
            {"billing_configuration": {"document_locale": "de"}},
            {"billing_configuration": {"provider_payment_methods": ["card", "sepa_debit"]}},
        ],
        ids=str,
    )
    def test_moves_with_every_part_and_so_does_the_tag(self, acme, values):
        first = post(acme, **FULL)
        Customer.objects.update(updated_at="2001-01-01T00:00:00Z")

        second = post(acme, **values)

        assert second.kind == "updated"
        assert second.tag != first.tag
        assert shown(acme)["updated_at"] > "2020"

    def test_never_runs_backwards(self, organization):
        post(organization, name="Ann")
        Customer.objects.update(updated_at="2199-01-01T00:00:00Z")

        post(organization, name="Bob")

        assert shown(organization)["updated_at"] == "2199-01-01T00:00:00Z"

    def test_rows_of_others_do_not_move(self, acme):
        post(acme, "other", **FULL)
        before = json.dumps(everything(), default=str)
        post(acme, **FULL)

        post(acme, metadata=[], tax_codes=[], integration_customers=[],
             invoice_custom_section_codes=[],
             billing_configuration={"payment_provider": None})  # fmt: skip

        after = everything()
        for name, rows in json.loads(before).items():
            if name != "CustomerCounter":
                known = json.loads(json.dumps(after[name], default=str))
                assert all(row in known for row in rows), name
