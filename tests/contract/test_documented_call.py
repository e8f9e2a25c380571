"""The call that Lago's documentation shows, as it stands, and the answers as whole bodies."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.contract.server import LiveServer

DATA = Path(__file__).parent / "data"
EXAMPLE = json.loads((DATA / "example_upsert.json").read_text())
DOCUMENTED = json.loads((DATA / "example_answer.json").read_text())
EXTERNAL_ID = EXAMPLE["customer"]["external_id"]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def normalized(value: Any) -> Any:
    """Return a body with `<id>` and `<time>` for every id and time that Tarn chose."""
    if isinstance(value, dict):
        return {key: normalized(one) for key, one in value.items()}
    if isinstance(value, list):
        return [normalized(one) for one in value]
    if isinstance(value, str) and _UUID.fullmatch(value) and value != EXTERNAL_ID:
        return "<id>"
    return "<time>" if isinstance(value, str) and _TIME.fullmatch(value) else value


def keys(value: Any, path: str = "") -> set[str]:
    """Return the path of every key, `customer.metadata[].key`."""
    if isinstance(value, list):
        return set().union(*(keys(one, f"{path}[]") for one in value))
    if not isinstance(value, dict):
        return set()
    inner = [keys(one, f"{path}.{key}") for key, one in value.items()]
    return {f"{path}.{key}" for key in value}.union(*inner)


ANSWER = {
    "customer": {
        "lago_id": "<id>",
        "billing_entity_code": "acme_corp",
        "external_id": EXTERNAL_ID,
        "account_type": "customer",
        "name": "Gavin Belson",
        "firstname": None,
        "lastname": None,
        "customer_type": None,
        "sequential_id": 1,
        "slug": "LAG-1234-001",
        "created_at": "<time>",
        "updated_at": "<time>",
        "country": "US",
        "address_line1": "5230 Penfield Ave",
        "address_line2": None,
        "state": "CA",
        "zipcode": "91364",
        "email": "dinesh@piedpiper.test",
        "city": "Woodland Hills",
        "url": "http://hooli.com",
        "phone": "1-171-883-3711 x245",
        "logo_url": "http://hooli.com/logo.png",
        "legal_name": "Coleman-Blair",
        "legal_number": "49-008-2965",
        "currency": "USD",
        "tax_identification_number": "EU123456789",
        "timezone": "Europe/Paris",
        "applicable_timezone": "Europe/Paris",
        "net_payment_term": None,
        "external_salesforce_id": None,
        "finalize_zero_amount_invoice": "inherit",
        "billing_configuration": {
            "invoice_grace_period": 3,
            "payment_provider": "stripe",
            "payment_provider_code": "stripe-eu-1",
            "document_locale": "fr",
            "subscription_invoice_issuing_date_anchor": None,
            "subscription_invoice_issuing_date_adjustment": None,
            "provider_customer_id": "cus_12345",
            "sync": True,
            "sync_with_provider": True,
            "provider_payment_methods": [
                "card",
                "sepa_debit",
                "us_bank_account",
                "bacs_debit",
                "link",
            ],
        },
        "shipping_address": {
            "address_line1": None,
            "address_line2": None,
            "city": None,
            "zipcode": None,
            "state": None,
            "country": None,
        },
        "skip_invoice_custom_sections": False,
        "metadata": [
            {
                "lago_id": "<id>",
                "key": "Purchase Order",
                "value": "123456789",
                "display_in_invoice": True,
                "created_at": "<time>",
            }
        ],
        "taxes": [
            {
                "lago_id": "<id>",
                "name": "TVA",
                "code": "french_standard_vat",
                "description": "French standard VAT",
                "rate": 20,
                "applied_to_organization": False,
                "created_at": "<time>",
                "add_ons_count": 0,
                "customers_count": 0,
                "plans_count": 0,
                "charges_count": 0,
                "commitments_count": 0,
            }
        ],
        "integration_customers": [],
        "applicable_invoice_custom_sections": [
            {
                "lago_id": "<id>",
                "name": "EU Bank Details",
                "code": "eu_bank_details",
                "description": "This section contains the bank details for EU customers.",
                "details": "Bank Name: Acme Bank, IBAN: FR7630004000031234567890143",
                "display_name": "Bank Details:",
                "applied_to_organization": True,
                "organization_id": "<id>",
                "created_at": "<time>",
            }
        ],
        "error_details": [],
    }
}


@pytest.fixture(scope="module")
def documented_key(tarn: LiveServer) -> str:
    return tarn.create_api_key("documented")


def call(tarn: LiveServer, key: str) -> dict[str, Any]:
    """Send what curl sends when the documented command is pasted, and return the answer."""
    headers = {"User-Agent": "curl/8.14.1", "Accept": "*/*", "Content-Type": "application/json"}
    body = json.dumps(EXAMPLE, indent=2).encode()
    answer = tarn.client(key).post("/api/v1/customers", body=body, headers=headers)
    assert answer.status == 200, answer.body
    return answer.json()


class TestDocumentedCall:
    def test_creates_once_and_then_changes_nothing(self, tarn, documented_key):
        first = call(tarn, documented_key)
        second = call(tarn, documented_key)

        assert json.dumps(normalized(first)) == json.dumps(ANSWER)
        assert second == first

    def test_answers_every_documented_key(self, tarn, documented_key):
        body = EXAMPLE["customer"] | {
            "external_id": "with an integration",
            "integration_customers": [
                {"integration_type": "netsuite", "external_customer_id": "cus_12345",
                 "sync_with_provider": True, "subsidiary_id": "2"},
            ],
        }  # fmt: skip

        answer = tarn.client(documented_key).post("/api/v1/customers", json={"customer": body})

        assert answer.status == 200
        assert keys(DOCUMENTED) - keys(answer.json()) == set()
