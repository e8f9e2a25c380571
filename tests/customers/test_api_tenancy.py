"""Customers of other organizations over HTTP (customers.md 1.3)."""

from typing import Any

import pytest

from customers.models import Customer
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_organization,
    make_payment_provider,
    make_tax,
)
from tests.customers.builders import make_customer
from tests.customers.calls import CUSTOMERS, post
from tests.customers.posting import everything


class TestTenancy:
    """What another organization has can't be told from what never was."""

    @pytest.fixture
    def foreign(self) -> Any:
        """Another organization with a customer `theirs` that has everything."""
        other = make_organization()
        make_tax(other, code="their_tax")
        make_billing_entity(other, code="their_entity")
        make_payment_provider(other, code="their_stripe")
        make_integration(other, code="their_netsuite")
        make_customer(
            other,
            external_id="theirs",
            tax_codes=["their_tax"],
            metadata=[{"key": "k", "value": "v"}],
        )
        return other

    @pytest.mark.parametrize("verb", ["GET", "HEAD", "DELETE"])
    @pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}, {"If-Match": '"x"'}])
    def test_answers_the_same_404(self, api, foreign, verb, headers):
        before = everything()

        theirs = api.request(verb, f"{CUSTOMERS}/theirs", headers=headers)
        nobodys = api.request(verb, f"{CUSTOMERS}/nobodys", headers=headers)

        assert (theirs.status, theirs.body) == (nobodys.status, nobodys.body)
        assert theirs.status == 404
        assert theirs.headers.keys() == nobodys.headers.keys()
        assert everything() == before

    @pytest.mark.parametrize(
        "wish, unknown",
        [
            ({"tax_codes": ["their_tax"]}, {"tax_codes": ["none"]}),
            ({"billing_entity_code": "their_entity"}, {"billing_entity_code": "none"}),
            (
                {"billing_configuration": {"payment_provider": "stripe"}},
                {"billing_configuration": {"payment_provider": "adyen"}},
            ),
            (
                {"integration_customers": [{"integration_type": "netsuite"}]},
                {"integration_customers": [{"integration_type": "xero"}]},
            ),
        ],
    )
    def test_does_not_know_their_codes(self, api, foreign, wish, unknown):
        before = everything()

        theirs, nobodys = (post(api, {"external_id": "c1", **body}) for body in (wish, unknown))

        assert theirs.status in (404, 422)
        assert (theirs.status, theirs.body) == (nobodys.status, nobodys.body)
        assert everything() == before

    def test_creates_a_customer_of_its_own_under_their_id(self, api, organization, foreign):
        answer = post(api, {"external_id": "theirs"}, **{"If-None-Match": "*"})

        assert answer.json()["customer"]["sequential_id"] == 1
        assert Customer.objects.filter(external_id="theirs").count() == 2

    def test_lists_none_of_theirs(self, api, foreign):
        queries = ["", "cursor=", "external_id=theirs", "search_term=theirs", "metadata[k]=v"]
        for query in [*queries, "metadata[x]="]:
            answer = api.get(f"{CUSTOMERS}?{query}")

            assert (answer.json()["customers"], answer.json()["meta"]["total_count"]) == ([], 0)

    def test_does_not_know_their_billing_entities_in_a_filter(self, api, foreign):
        theirs, nobodys = (
            api.get(f"{CUSTOMERS}?billing_entity_codes[]={code}") for code in ("their_entity", "no")
        )

        assert (theirs.status, theirs.body) == (nobodys.status, nobodys.body)
        assert theirs.json()["code"] == "billing_entity_not_found"
