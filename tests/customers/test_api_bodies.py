"""What Lago's clients send that nobody wrote: nulls, empty objects, ids of zeros."""

import pytest

from tests.billing.builders import make_integration
from tests.customers.calls import post

# The client for Ruby sends all the fields it knows.
RUBY = {
    "external_id": "c1",
    "name": "Ann",
    **dict.fromkeys(
        (
            *("billing_entity_code", "firstname", "lastname", "customer_type", "email"),
            *("country", "address_line1", "address_line2", "city", "state", "zipcode"),
            *("url", "logo_url", "phone", "legal_name", "legal_number", "currency", "timezone"),
            *("tax_identification_number", "net_payment_term", "finalize_zero_amount_invoice"),
            *("skip_invoice_custom_sections", "invoice_custom_section_codes", "tax_codes"),
        )
    ),
}
# The client for Go can't leave out a structure, nor, in its older versions, an id.
_NO_ID = {"id": "00000000-0000-0000-0000-000000000000"}
GO = {
    "external_id": "c1",
    "name": "Ann",
    "shipping_address": {},
    "billing_configuration": {
        "subscription_invoice_issuing_date_anchor": None,
        "subscription_invoice_issuing_date_adjustment": None,
    },
    "metadata": [_NO_ID | {"key": "a", "value": "1"}, _NO_ID | {"key": "b", "value": "2"}],
    "integration_customers": [
        _NO_ID | {"integration_type": "netsuite", "external_customer_id": "n"},
        _NO_ID | {"integration_type": "hubspot", "external_customer_id": "h"},
    ],
}


@pytest.mark.django_db
class TestUpsert:
    @pytest.mark.parametrize("body", [RUBY, GO], ids=["ruby", "go"])
    def test_takes_what_a_client_fills_up(self, api, organization, body):
        """Red when null or an empty object is refused, or an id of zeros counts as an id."""
        make_integration(organization, type="netsuite", code="netsuite")
        make_integration(organization, type="hubspot", code="hubspot")

        first = post(api, body)
        again = post(api, body)

        shown = first.json()["customer"]
        assert (first.status, shown["name"]) == (200, "Ann")
        assert len(shown["metadata"]) == len(body.get("metadata", ()))
        assert len(shown["integration_customers"]) == len(body.get("integration_customers", ()))
        assert (again.body, again.headers["ETag"]) == (first.body, first.headers["ETag"])
