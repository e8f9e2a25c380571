"""The comparison of two customers sees a difference in every single value, and no other."""

import copy

import pytest

from customers.lago.compare import compare_customers

CUSTOMER = {
    "lago_id": "7c1f6a52-0b3e-4d8f-9a47-2f5e8c60d913",
    "billing_entity_code": "acme_fr",
    "external_id": "crm/4711",
    "account_type": "customer",
    "name": "Brasserie du Canal",
    "firstname": "Anne",
    "lastname": "Canal",
    "customer_type": "company",
    "sequential_id": 42,
    "slug": "LAG-1234-042",
    "created_at": "2026-03-02T08:15:30Z",
    "updated_at": "2026-05-19T14:02:11Z",
    "country": "FR",
    "address_line1": "12 quai de Valmy",
    "address_line2": "Bât. B",
    "state": "IDF",
    "zipcode": "75010",
    "email": "compta@canal.test, chef@canal.test",
    "city": "Paris",
    "url": "https://canal.test",
    "phone": "+33 1 55 00 00 00",
    "logo_url": "https://canal.test/logo.png",
    "legal_name": "Canal SAS",
    "legal_number": "812 345 678",
    "currency": "EUR",
    "tax_identification_number": "FR00812345678",
    "timezone": "Europe/Paris",
    "applicable_timezone": "Europe/Paris",
    "net_payment_term": 30,
    "external_salesforce_id": "sf_1",
    "finalize_zero_amount_invoice": "skip",
    "billing_configuration": {
        "invoice_grace_period": 3,
        "payment_provider": "stripe",
        "payment_provider_code": "stripe-eu-1",
        "document_locale": "fr",
        "subscription_invoice_issuing_date_anchor": "next_period_start",
        "subscription_invoice_issuing_date_adjustment": "keep_anchor",
        "provider_customer_id": "cus_Nf4Qa81x",
        "sync": True,
        "sync_with_provider": True,
        "provider_payment_methods": ["card", "sepa_debit"],
    },
    "shipping_address": {
        "address_line1": "1 rue de Lyon",
        "address_line2": "étage 2",
        "city": "Lyon",
        "zipcode": "69002",
        "state": "Rhône",
        "country": "FR",
    },
    "skip_invoice_custom_sections": True,
    "metadata": [
        {
            "lago_id": "b0a9d7a4-61f0-4c0e-8f0b-3d2c5c1b7e21",
            "key": "Cost. centre",
            "value": "B-17",
            "display_in_invoice": True,
            "created_at": "2026-03-02T08:15:30Z",
        }
    ],
    "taxes": [{"code": "city_tax", "rate": 3.5}, {"code": "vat", "rate": 20}],
    "integration_customers": [
        {
            "lago_id": "0e9b8e6f-3a43-4c3b-8a55-7d8f5a7f5c10",
            "type": "netsuite",
            "integration_code": "netsuite-eu-1",
            "external_customer_id": "8841",
            "sync_with_provider": True,
            "subsidiary_id": "2",
        }
    ],
    "applicable_invoice_custom_sections": [{"code": "eu_bank_details"}],
    "error_details": [],
}
# What a customer is does not depend on these.
_SAYS_NOTHING = {("updated_at",), ("taxes", 0, "rate"), ("taxes", 1, "rate")}


def places(value, place=()):
    """Yield where every single value of the customer stands."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner:
        if isinstance(part, dict | list) and part:
            yield from places(part, (*place, key))
        else:
            yield (*place, key)


PLACES = [place for place in places(CUSTOMER) if place not in _SAYS_NOTHING | {("error_details",)}]


def another(value):
    """Return another value that the rules take as well."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return {"FR": "DE", "EUR": "USD", "Europe/Paris": "UTC", "fr": "de"}.get(value, value + "0")


def put(customer, place, value):
    *way, last = place
    for key in way:
        customer = customer[key]
    customer[last] = value


def get(customer, place):
    for key in place:
        customer = customer[key]
    return customer


class TestCompareCustomers:
    def test_finds_nothing_where_nothing_differs(self):
        assert compare_customers(CUSTOMER, copy.deepcopy(CUSTOMER)) == []

    @pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
    def test_sees_another_value(self, place):
        """Leave any key out of the comparison, and its planted twin passes for the same."""
        theirs = copy.deepcopy(CUSTOMER)
        put(theirs, place, another(get(CUSTOMER, place)))

        assert compare_customers(theirs, CUSTOMER)
        assert compare_customers(CUSTOMER, theirs)

    @pytest.mark.parametrize(
        "place", [one for one in PLACES if one[-1] not in ("external_id", "key", "code", "type")],
        ids=lambda place: ".".join(map(str, place)),
    )  # fmt: skip
    def test_sees_a_value_that_only_one_side_has(self, place):
        theirs = copy.deepcopy(CUSTOMER)
        put(theirs, place, None)

        assert compare_customers(theirs, CUSTOMER)
        assert compare_customers(CUSTOMER, theirs)

    @pytest.mark.parametrize(
        "name",
        ["metadata", "taxes", "integration_customers", "applicable_invoice_custom_sections"],
    )
    def test_sees_an_entry_that_only_one_side_has(self, name):
        theirs = {**CUSTOMER, name: CUSTOMER[name][:-1]}

        assert compare_customers(theirs, CUSTOMER)
        assert compare_customers(CUSTOMER, theirs)

    @pytest.mark.parametrize(
        "theirs, ours",
        [
            ({"country": "fr"}, {"country": "FR"}),
            ({"city": " "}, {"city": None}),
            ({"tax_identification_number": ""}, {"tax_identification_number": None}),
            ({"email": "a@b.co\u200b "}, {"email": "a@b.co"}),
            ({"created_at": "2026-03-02T09:15:30.250+01:00"}, {}),
            ({"skip_invoice_custom_sections": None}, {"skip_invoice_custom_sections": False}),
            (
                {"shipping_address": {"country": "de", "city": ""}},
                {"shipping_address": {"country": "DE", "city": None}},
            ),
            ({"shipping_address": None}, {"shipping_address": {"city": None, "country": None}}),
            ({"taxes": CUSTOMER["taxes"][::-1]}, {}),
            ({"metadata": None}, {"metadata": []}),
        ],
    )
    def test_knows_a_value_in_the_form_that_is_kept_here(self, theirs, ours):
        assert compare_customers({**CUSTOMER, **theirs}, {**CUSTOMER, **ours}) == []

    def test_does_not_take_a_refused_value_for_the_same(self):
        theirs = {**CUSTOMER, "currency": "XXQ"}

        [difference] = compare_customers(theirs, {**CUSTOMER, "currency": None})

        assert difference == ("currency", "XXQ", None)

    def test_says_nothing_of_keys_that_lago_does_not_show(self):
        configuration = {**CUSTOMER["billing_configuration"]}
        del configuration["sync"]
        theirs = {**CUSTOMER, "billing_configuration": configuration, "more": 1}
        del theirs["applicable_invoice_custom_sections"], theirs["account_type"]

        assert compare_customers(theirs, CUSTOMER) == []
