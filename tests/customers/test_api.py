"""Customers over HTTP: that the door passes on what the writer and the reader say."""

import json

import pytest

from billing.events.models import ChangeRecord
from customers.models import Customer
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.builders import make_customer
from tests.customers.calls import CUSTOMERS, NO_RESOURCE, NOT_FOUND, ORDER, bare, post
from tests.customers.posting import everything


class TestUpsert:
    def test_creates_a_customer_and_answers_all_of_it(self, api, organization):
        answer = post(api, {"external_id": "c1", "name": "Ann"})

        customer = Customer.objects.get()
        assert answer.status == 200
        assert answer.json() == {"customer": bare(customer, external_id="c1", name="Ann")}
        assert answer.headers["ETag"] == f'W/"{customer.id.hex}-1"'
        assert answer.headers["Content-Type"] == "application/json"
        record = ChangeRecord.objects.get()
        assert (record.action, record.door, record.actor_name) == ("created", "api", "tests")
        assert record.object_id == customer.id

    def test_shows_the_keys_in_the_order_of_the_wire(self, api):
        answer = post(api, {"external_id": "c1"})

        assert list(answer.json()["customer"]) == ORDER

    def test_updates_what_was_sent_and_nothing_else(self, api, organization):
        made = make_customer(organization, external_id="c1", name="Ann", currency="EUR")

        answer = post(api, {"external_id": "c1", "name": "Bob"})

        customer = Customer.objects.get()
        assert answer.status == 200
        assert answer.json() == {"customer": bare(customer, name="Bob", currency="EUR")}
        assert answer.headers["ETag"] == f'W/"{made.id.hex}-2"'

    def test_answers_everything_a_customer_can_have(self, api, organization):
        tax = make_tax(organization, code="city", name="City", rate="3.50")
        make_payment_provider(organization, code="stripe-eu-1")
        make_integration(organization, code="netsuite-eu-1")
        section = make_section(organization, code="bank", name="Bank", details="IBAN")
        make_billing_entity(organization, code="acme_fr", timezone="Europe/Paris")

        answer = post(
            api,
            {
                "external_id": "crm/4711",
                "billing_entity_code": "acme_fr",
                "address_line2": "",
                "logo_url": "",
                "net_payment_term": "30",
                "metadata": [{"key": "Cost", "value": "B-17", "display_in_invoice": True}],
                "tax_codes": ["city"],
                "shipping_address": {"city": "Lyon", "country": "fr"},
                "invoice_custom_section_codes": ["bank", "unknown"],
                "integration_customers": [
                    {"integration_type": "netsuite", "external_customer_id": "8841"}
                ],
                "billing_configuration": {
                    "invoice_grace_period": 3,
                    "payment_provider": "stripe",
                    "provider_customer_id": "cus_1",
                    "sync_with_provider": True,
                    "provider_payment_methods": ["card", "sepa_debit"],
                },
            },
        )

        customer = Customer.objects.get()
        entry, link = customer.metadata.get(), customer.integration_links.get()
        created_at = f"{customer.created_at:%Y-%m-%dT%H:%M:%SZ}"
        assert answer.status == 200
        assert answer.json() == {
            "customer": bare(
                customer,
                billing_entity_code="acme_fr",
                applicable_timezone="Europe/Paris",
                logo_url="",
                net_payment_term=30,
                billing_configuration={
                    "invoice_grace_period": 3,
                    "payment_provider": "stripe",
                    "payment_provider_code": "stripe-eu-1",
                    "document_locale": None,
                    "subscription_invoice_issuing_date_anchor": None,
                    "subscription_invoice_issuing_date_adjustment": None,
                    "provider_customer_id": "cus_1",
                    "sync": False,
                    "sync_with_provider": True,
                    "provider_payment_methods": ["card", "sepa_debit"],
                },
                shipping_address={
                    "address_line1": None,
                    "address_line2": None,
                    "city": "Lyon",
                    "zipcode": None,
                    "state": None,
                    "country": "FR",
                },
                metadata=[
                    {
                        "lago_id": str(entry.id),
                        "key": "Cost",
                        "value": "B-17",
                        "display_in_invoice": True,
                        "created_at": created_at,
                    }
                ],
                taxes=[
                    {
                        "lago_id": str(tax.id),
                        "name": "City",
                        "code": "city",
                        "description": None,
                        "rate": 3.5,
                        "applied_to_organization": False,
                        "created_at": f"{tax.created_at:%Y-%m-%dT%H:%M:%SZ}",
                        "add_ons_count": 0,
                        "customers_count": 0,
                        "plans_count": 0,
                        "charges_count": 0,
                        "commitments_count": 0,
                    }
                ],
                integration_customers=[
                    {
                        "lago_id": str(link.id),
                        "type": "netsuite",
                        "integration_code": "netsuite-eu-1",
                        "external_customer_id": "8841",
                        "sync_with_provider": False,
                        "subsidiary_id": None,
                    }
                ],
                applicable_invoice_custom_sections=[
                    {
                        "lago_id": str(section.id),
                        "name": "Bank",
                        "code": "bank",
                        "description": None,
                        "details": "IBAN",
                        "display_name": section.display_name,
                        "applied_to_organization": False,
                        "organization_id": str(organization.id),
                        "created_at": f"{section.created_at:%Y-%m-%dT%H:%M:%SZ}",
                    }
                ],
            )
        }

    def test_answers_the_same_as_showing_does(self, api):
        answer = post(api, {"external_id": "c1", "metadata": [{"key": "k", "value": "ü\u2028"}]})

        shown = api.get(f"{CUSTOMERS}/c1")

        assert (shown.status, shown.json()) == (200, answer.json())
        assert shown.headers["ETag"] == answer.headers["ETag"]

    def test_changes_nothing_when_nothing_differs(self, api):
        first = post(api, {"external_id": "c1", "country": "fr", "tax_codes": []})
        before = everything()

        second = post(api, {"external_id": "c1", "country": "FR", "tax_codes": []})

        assert (second.status, second.body) == (200, first.body)
        assert second.headers["ETag"] == first.headers["ETag"]
        assert everything() == before

    def test_collects_every_problem_of_the_fields_and_the_database(self, api):
        before = everything()

        answer = post(
            api,
            {
                "external_id": "c1",
                "name": "x" * 256,
                "currency": "eur",
                "tax_codes": ["no_such_tax"],
                "billing_configuration": {"payment_provider": "stripe"},
            },
        )

        assert answer.status == 422
        assert answer.json() == {
            "status": 422,
            "error": "Unprocessable Entity",
            "code": "validation_errors",
            "error_details": {
                "name": ["value_is_too_long"],
                "currency": ["value_is_invalid"],
                "base": ["payment_provider_not_found"],
            },
        }
        assert everything() == before

    @pytest.mark.parametrize(
        "body, code",
        [
            ({"tax_codes": ["none"]}, "tax_not_found"),
            ({"billing_entity_code": "none"}, "billing_entity_not_found"),
            ({"billing_entity_code": "none", "tax_codes": ["none"]}, "billing_entity_not_found"),
        ],
    )
    def test_answers_404_for_an_unknown_code(self, api, organization, body, code):
        before = everything()

        answer = post(api, {"external_id": "c1", **body})

        assert answer.status == 404
        assert answer.json() == {"status": 404, "error": "Not Found", "code": code}
        assert everything() == before

    @pytest.mark.parametrize(
        "body",
        [
            b"{}",
            b"[]",
            b'{"customer": null}',
            b'{"customer": []}',
            b'{"customer": {}}',
            b'{"customer": {"nickname": "Ann"}}',
            b'{"external_id": "c1"}',
        ],
    )
    def test_asks_for_its_root(self, api, organization, body):
        before = everything()

        answer = api.post(CUSTOMERS, body=body)

        assert answer.status == 400
        assert answer.json() == {
            "status": 400,
            "error": "BadRequest: param is missing or the value is empty or invalid: customer",
        }
        assert everything() == before

    def test_asks_for_an_external_id(self, api, organization):
        before = everything()

        answer = post(api, {"name": "Ann"})

        assert answer.status == 422
        assert answer.json()["error_details"] == {"external_id": ["value_is_mandatory"]}
        assert everything() == before

    def test_keeps_a_number_as_it_was_written(self, api):
        answer = api.post(CUSTOMERS, body=b'{"customer":{"external_id":20.50,"name":1}}')

        assert answer.json()["customer"]["external_id"] == "20.50"
        assert answer.json()["customer"]["name"] == "1"

    def test_replays_an_idempotency_key_with_its_tag(self, api):
        first = post(api, {"external_id": "c1"}, **{"Idempotency-Key": "k"})
        post(api, {"external_id": "c1", "name": "Ann"})

        again = post(api, {"external_id": "c1"}, **{"Idempotency-Key": "k"})

        assert (again.status, again.body) == (200, first.body)
        assert again.headers["ETag"] == first.headers["ETag"]
        assert again.headers["Idempotent-Replayed"] == "true"
        assert Customer.objects.get().name == "Ann"


class TestShow:
    def test_answers_the_customer_with_its_tag(self, api, organization):
        customer = make_customer(organization, external_id="c1")

        answer = api.get(f"{CUSTOMERS}/c1")

        assert answer.status == 200
        assert answer.json() == {"customer": bare(customer)}
        assert answer.headers["ETag"] == f'W/"{customer.id.hex}-1"'

    def test_answers_head_without_a_body(self, api, organization):
        make_customer(organization, external_id="c1")

        answer = api.request("HEAD", f"{CUSTOMERS}/c1")

        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["ETag"] == api.get(f"{CUSTOMERS}/c1").headers["ETag"]

    def test_does_not_know_our_own_id(self, api, organization):
        customer = make_customer(organization, external_id="c1")

        answer = api.get(f"{CUSTOMERS}/{customer.id}")

        assert (answer.status, answer.body) == (404, NOT_FOUND)

    @pytest.mark.parametrize(
        "path, external_id",
        [
            ("c1", "c1"),
            ("a%2Fb", "a/b"),
            ("a/b", "a/b"),
            ("a/", "a/"),
            ("a+b", "a+b"),
            ("a%20b", "a b"),
            ("a%2Bb", "a+b"),
            ("a%25b", "a%b"),
            ("a.json", "a.json"),
            ("%2E", "."),
            ("%2E%2E", ".."),
            ("a%3Fb%23c", "a?b#c"),
            ("%C3%A9%F0%9F%8D%BA", "é🍺"),
            ("a%2Fportal_url", "a/portal_url"),
            ("a%2Fcheckout_url", "a/checkout_url"),
            ("a/portal%5Furl", "a/portal_url"),
            ("a/portal_urls", "a/portal_urls"),
            ("portal_url", "portal_url"),
            ("x" * 255, "x" * 255),
            ("%C3%A9" * 255, "é" * 255),
        ],
    )
    def test_takes_any_character_from_the_undecoded_path(
        self, api, organization, path, external_id
    ):
        make_customer(organization, external_id=external_id)

        answer = api.get(f"{CUSTOMERS}/{path}")

        assert (answer.status, answer.json()["customer"]["external_id"]) == (200, external_id)

    @pytest.mark.parametrize(
        "path", ["none", "C1", "c1%00", "%00", "%FF", "%ED%A0%80", "x" * 256, "c1%20", "%", "c1/"]
    )
    def test_answers_404_for_what_is_no_customer(self, api, organization, path):
        make_customer(organization, external_id="c1")

        answer = api.get(f"{CUSTOMERS}/{path}")

        assert (answer.status, answer.body) == (404, NOT_FOUND)

    @pytest.mark.parametrize("path", ["/"])
    @pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
    def test_has_no_sub_resource(self, api, anonymous, organization, path, verb):
        make_customer(organization, external_id="a")

        for client in (api, anonymous):
            answer = client.request(verb, f"{CUSTOMERS}{path}")

            assert (answer.status, answer.body) == (404, NO_RESOURCE)

    @pytest.mark.parametrize("charset", ["zip", "utf-16", "hex", "idna", "none"])
    def test_does_not_read_the_query_by_the_charset_of_a_body(self, api, organization, charset):
        """Taken away from config/wsgi.py, `zip` raises before any view, and nothing is JSON."""
        make_customer(organization, external_id="é")
        headers = {"Content-Type": f"application/json; charset={charset}"}

        answer = api.get(f"{CUSTOMERS}?external_id=%C3%A9", headers=headers)

        assert (answer.status, answer.json()["meta"]["total_count"]) == (200, 1)


class TestDocumentation:
    def test_shows_an_example_with_the_keys_of_an_answer(self, api):
        from customers.api import _EXAMPLE

        assert list(_EXAMPLE) == ORDER
        assert json.dumps(_EXAMPLE)
