"""Fields and values in the words of the trade."""

from decimal import Decimal

import pytest
from django.utils import translation

from customers.history import PATHS
from customers.words import difference, label, percent, read_names, shown
from tests.billing.builders import make_organization, make_tax

NOTE = {"lago_id": "1", "key": "po", "value": "1234", "display_in_invoice": False}


class TestLabel:
    def test_has_a_word_for_every_field(self):
        """Take a label away: its path on the wire shows, red."""
        assert [path for path in PATHS if label(path) == path] == []

    def test_follows_the_country(self):
        assert label("tax_identification_number", "DE") == "USt-IdNr."
        assert label("shipping_address.zipcode", "US") == "Shipping: ZIP code"


class TestShown:
    @pytest.mark.parametrize(
        "path, value, lines",
        [
            ("net_payment_term", 30, ["30 days"]),
            ("net_payment_term", 1, ["1 day"]),
            ("net_payment_term", 0, ["0 days"]),
            ("name", None, []),
            ("name", "", []),
            ("name", "<b>", ["<b>"]),
            ("country", "FR", ["France"]),
            ("currency", "EUR", ["EUR (Euro)"]),
            ("currency", "XXX", ["XXX (Unknown Currency)"]),
            ("skip_invoice_custom_sections", False, ["No"]),
            ("customer_type", "company", ["Company"]),
            ("billing_configuration.document_locale", "pt-BR", ["Portuguese (Brazil)"]),
            ("billing_configuration.payment_provider", "gocardless", ["GoCardless"]),
            ("billing_configuration.provider_payment_methods", ["card", "new"], ["Card", "new"]),
            ("metadata", [NOTE], ["po: 1234"]),
            ("metadata", [NOTE | {"display_in_invoice": True}], ["po: 1234 (on invoices)"]),
            ("tax_codes", ["vat"], ["vat"]),
        ],
    )
    def test_speaks_plainly(self, path, value, lines):
        assert shown(path, value) == lines

    def test_tells_an_integration_without_braces(self):
        link = {
            "lago_id": "1",
            "integration_type": "netsuite",
            "integration_code": "ns",
            "external_customer_id": "42",
            "sync_with_provider": False,
            "subsidiary_id": "7",
            "targeted_object": None,
        }

        assert shown("integration_customers", [link]) == ["NetSuite · ns · 42 · 7"]


class TestDifference:
    def test_shows_both_values(self):
        assert difference("net_payment_term", None, 30)[1:] == ("Payment term", [], ["30 days"])

    def test_shows_of_a_list_what_went_and_what_came(self):
        found = difference("metadata", [NOTE, NOTE | {"key": "a"}], [NOTE, NOTE | {"key": "b"}])

        assert (found.gone, found.come) == (["a: 1234"], ["b: 1234"])


class TestPercent:
    @pytest.mark.parametrize("rate, words", [("20.00000000", "20 %"), ("5.50000000", "5.5 %")])
    def test_drops_zeros(self, rate, words):
        assert percent(Decimal(rate)) == words

    def test_is_in_the_language_of_the_reader(self):
        with translation.override("de"):
            assert percent(Decimal("5.5")) == "5,5 %"


@pytest.mark.django_db
class TestReadNames:
    def test_names_codes_of_the_organization_alone(self, organization, django_assert_num_queries):
        make_tax(organization, code="vat", name="VAT", rate="20")
        make_tax(make_organization(), code="other", name="Theirs")
        values = [("tax_codes", ["vat", "other", "gone"]), ("billing_entity_code", "acme_corp")]

        with django_assert_num_queries(1):
            names = read_names(organization.pk, values)

        assert names == {("tax", "vat"): "VAT 20 %", ("entity", "acme_corp"): "Acme"}

    def test_prefers_who_has_the_code_now(self, organization):
        """Drop the order of the rows: the deleted one may win, red."""
        make_tax(organization, code="vat", name="New", rate="21")
        make_tax(organization, code="vat", name="Old", deleted_at="2020-01-01T00:00:00Z")

        assert read_names(organization.pk, [("tax_codes", ["vat"])]) == {("tax", "vat"): "New 21 %"}

    def test_asks_nothing_without_codes(self, organization, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert read_names(organization.pk, [("name", "Ann")]) == {}
