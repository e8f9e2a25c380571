"""Which terms apply to a customer, and where each of them comes from."""

import pytest

from customers.history import customer_now
from customers.terms import applicable_terms, read_issuing
from tests.billing.builders import make_billing_entity, make_section, make_tax
from tests.customers.builders import make_customer

pytestmark = pytest.mark.django_db


def terms_of(customer):
    values = customer_now(customer.organization_id, customer.pk).values
    issuing = read_issuing(customer.organization_id, values["billing_entity_code"])
    return applicable_terms(values, issuing)


@pytest.fixture
def acme(organization):
    """A billing entity that sets everything."""
    return make_billing_entity(
        organization,
        code="acme_fr",
        name="Acme France",
        net_payment_term=30,
        invoice_grace_period=3,
        default_currency="EUR",
        timezone="Europe/Paris",
        document_locale="fr",
        finalize_zero_amount_invoice=False,
        subscription_invoice_issuing_date_anchor="next_period_start",
        subscription_invoice_issuing_date_adjustment="keep_anchor",
        taxes=[make_tax(organization, code="vat_fr")],
        sections=[make_section(organization, code="footer")],
    )


class TestApplicableTerms:
    def test_inherits_what_is_not_set(self, organization, acme):
        terms = terms_of(make_customer(organization, billing_entity_code="acme_fr"))

        inherited = {path: term.value for path, term in terms.items() if term.is_inherited}
        assert inherited == {
            "net_payment_term": 30,
            "billing_configuration.invoice_grace_period": 3,
            "currency": "EUR",
            "timezone": "Europe/Paris",
            "billing_configuration.document_locale": "fr",
            "finalize_zero_amount_invoice": "skip",
            "billing_configuration.subscription_invoice_issuing_date_anchor": "next_period_start",
            "billing_configuration.subscription_invoice_issuing_date_adjustment": "keep_anchor",
            "tax_codes": ["vat_fr"],
            "invoice_custom_section_codes": ["footer"],
        }
        assert {term.origin for path, term in terms.items() if path in inherited} == {"Acme France"}

    def test_prefers_what_the_customer_sets(self, organization, acme):
        """Take `is not None` for truth: nothing to pay in zero days is lost, red."""
        make_tax(organization, code="vat_own")
        own = {
            "net_payment_term": 0,
            "currency": "USD",
            "timezone": "America/New_York",
            "finalize_zero_amount_invoice": "finalize",
            "tax_codes": ["vat_own"],
            "billing_configuration": {"invoice_grace_period": 0, "document_locale": "de"},
        }
        terms = terms_of(make_customer(organization, billing_entity_code="acme_fr", **own))

        assert terms["net_payment_term"] == ("net_payment_term", 0, None)
        assert terms["billing_configuration.invoice_grace_period"].value == 0
        assert terms["finalize_zero_amount_invoice"].value == "finalize"
        assert terms["tax_codes"].value == ["vat_own"]
        assert not terms["tax_codes"].is_inherited

    def test_skips_sections_by_the_customers_own_wish(self, organization, acme):
        customer = make_customer(
            organization, billing_entity_code="acme_fr", skip_invoice_custom_sections=True
        )

        sections = terms_of(customer)["invoice_custom_section_codes"]
        assert (sections.value, sections.is_inherited) == ([], False)

    def test_inherits_nothing_of_another_entity(self, organization, acme):
        terms = terms_of(make_customer(organization))

        assert terms["net_payment_term"].origin == "Acme"
        assert terms["tax_codes"].value == []
