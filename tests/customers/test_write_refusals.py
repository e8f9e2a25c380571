"""What refuses a wish, in which order, and that it leaves no trace (customers.md 1.2, 2.13)."""

import pytest

from billing.errors import Invalid, NotFound, Stale
from customers.write import Precondition, write_customer
from tests.billing.builders import make_integration, make_payment_provider
from tests.customers.posting import API, leaves_no_trace, post, refused, shown, wish

STALE = Precondition(if_match=("nonsense",))


class TestAllProblems:
    def test_of_shape_and_database_come_together(self, organization):
        for code in ("s1", "s2"):
            make_payment_provider(organization, code=code)
        make_integration(organization, type="xero", code="x1")
        values = {
            "name": "x" * 256,
            "country": "UK",
            "currency": "",
            "email": "a@b",
            "url": "javascript:x",
            "timezone": 5,
            "net_payment_term": "x",
            "finalize_zero_amount_invoice": "",
            "billing_entity_code": "nope",
            "tax_codes": ["nope"],
            "shipping_address": {"zipcode": []},
            "billing_configuration": {
                "document_locale": "xx",
                "payment_provider": "stripe",
                "provider_customer_id": "4242 4242 4242 4242",
                "provider_payment_methods": ["link", "nope"],
            },
            "metadata": [{"key": "k", "value": ""}, {"key": "k", "value": "v"}, {"value": "v"}],
            "integration_customers": [
                {"integration_type": "xero", "integration_code": "nope"},
                {"integration_type": "xero", "external_customer_id": "x" * 256},
                {"sync_with_provider": True},
            ],
            "skip_invoice_custom_sections": True,
            "invoice_custom_section_codes": [],
        }
        expected = {
            "name": ["value_is_too_long"],
            "country": ["not_a_valid_country_code"],
            "currency": ["value_is_invalid"],
            "email": ["invalid_email_format"],
            "url": ["url_is_invalid"],
            "timezone": ["invalid_timezone"],
            "net_payment_term": ["value_is_invalid"],
            "finalize_zero_amount_invoice": ["invalid_value"],
            "shipping_zipcode": ["value_is_invalid"],
            "document_locale": ["not_a_valid_language_code"],
            "value": ["value_is_mandatory"],
            "external_customer_id": ["value_is_too_long"],
            "invoice_custom_sections": ["skip_sections_and_selected_ids_sent_together"],
            "base": ["payment_provider_code_missing"],
            "provider_customer_id": ["value_is_invalid"],
            "provider_payment_methods": ["value_is_invalid", "value_is_invalid"],
            "key": ["value_is_mandatory", "value_already_exist"],
            "integration_type": ["value_is_mandatory"],
            "integration_customers": [
                "integration_not_found",
                "invalid_count_per_integration_type",
            ],
        }

        assert refused(organization, **values) == expected
        post(organization)
        assert refused(organization, **values) == expected
        assert (
            refused(organization, None, **values)
            == {"external_id": ["value_is_mandatory"]} | expected
        )


class TestOrder:
    """422 for the fields, then 404 for the entity, then for a tax, then 412."""

    WRONG = {
        "fields": {"name": []},
        "base": {"billing_configuration": {"payment_provider": "adyen"}},
        "entity": {"billing_entity_code": "nope"},
        "tax": {"tax_codes": ["nope"]},
    }

    @pytest.mark.parametrize(
        ("wrong", "kind", "resource"),
        [
            (("fields", "entity", "tax"), Invalid, None),
            (("base", "entity", "tax"), Invalid, None),
            (("entity", "tax"), NotFound, "billing_entity"),
            (("tax",), NotFound, "tax"),
            ((), Stale, None),
        ],
    )
    def test_is_that_of_the_contract(self, organization, wrong, kind, resource):
        post(organization)
        values = {key: value for name in wrong for key, value in self.WRONG[name].items()}

        with leaves_no_trace(kind) as refusal:
            write_customer(organization.id, wish(**values), API, STALE)

        assert getattr(refusal.value, "resource", None) == resource


class TestPreconditions:
    def test_hold_for_the_tag_a_list_and_any(self, organization):
        tag = post(organization).tag

        for number, tags in enumerate([(tag,), ("x", "*")]):
            outcome = post(organization, precondition=Precondition(if_match=tags), name=str(number))
            assert outcome.kind == "updated"

    def test_of_an_old_tag_fail_with_the_present_one(self, organization):
        old = post(organization).tag
        new = post(organization, name="Ann").tag

        with leaves_no_trace(Stale) as refusal:
            post(organization, precondition=Precondition(if_match=(old,)), name="Bob")
        assert refusal.value.current == new

    @pytest.mark.parametrize("tags", [("*",), ("x",), ("",)])
    def test_fail_without_a_customer(self, organization, tags):
        with leaves_no_trace(Stale) as refusal:
            post(organization, precondition=Precondition(if_match=tags))
        assert refusal.value.current is None

    def test_create_only(self, organization):
        only = Precondition(create_only=True)
        tag = post(organization, precondition=only, name="Ann").tag

        with leaves_no_trace(Stale) as refusal:
            post(organization, precondition=only, name="Bob")
        assert refusal.value.current == tag

    def test_fail_even_where_nothing_would_change(self, organization):
        post(organization, name="Ann")

        with leaves_no_trace(Stale):
            post(organization, precondition=STALE, name="Ann")

    def test_outlive_odd_tags(self, organization):
        post(organization)

        for odd in ("'", '"', "\\", "ÿ", "{}", "x" * 5000):
            with leaves_no_trace(Stale):
                post(organization, precondition=Precondition(if_match=(odd,)))
        assert shown(organization)["name"] is None
