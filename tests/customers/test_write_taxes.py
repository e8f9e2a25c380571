"""The taxes of a customer (customers.md 2.9)."""

import pytest
from django.utils import timezone

from billing.errors import NotFound
from customers.models import AppliedTax, Customer
from tests.billing.builders import make_billing_entity, make_organization, make_tax
from tests.customers.posting import leaves_no_trace, post, shown, unchanged


@pytest.fixture
def acme(organization):
    """An organization with the taxes a, b, c (made in this order) and a deleted one, gone."""
    for code in ("a", "b", "c"):
        make_tax(organization, code=code, rate="20.50")
    make_tax(organization, code="gone", deleted_at=timezone.now())
    return organization


def codes(organization, external_id="c1"):
    return [tax["code"] for tax in shown(organization, external_id)["taxes"]]


class TestTaxCodes:
    def test_replace_the_set(self, acme):
        post(acme, tax_codes=["a", "b"])
        kept = AppliedTax.objects.get(tax__code="b")

        outcome = post(acme, tax_codes=["c", "b"])

        assert codes(acme) == ["b", "c"]
        assert outcome.diff == {"tax_codes": [["a", "b"], ["b", "c"]]}
        assert AppliedTax.objects.get(tax__code="b").pk == kept.pk

    def test_empty_the_set(self, acme):
        post(acme, tax_codes=["a", "b"])

        assert post(acme, tax_codes=[]).diff == {"tax_codes": [["a", "b"], []]}
        assert codes(acme) == []

    def test_count_doubles_once_in_any_order(self, acme):
        post(acme, tax_codes=["b", "a", "b"])

        unchanged(acme, lambda: post(acme, tax_codes=["a", "b", "b", "a"]))

    def test_are_shown_by_the_age_of_the_tax(self, acme):
        post(acme, tax_codes=["c", "a", "b"])

        assert codes(acme) == ["a", "b", "c"]

    def test_show_the_rate_without_trailing_zeros(self, acme):
        post(acme, tax_codes=["a"])

        [tax] = shown(acme)["taxes"]
        assert (tax["rate"], tax["applied_to_organization"]) == (20.5, False)

    def test_know_the_default_entity_of_their_organization(self, acme):
        tax = acme.taxes.get(code="a")
        make_billing_entity(acme, taxes=[tax])
        post(acme, tax_codes=["a"])
        assert shown(acme)["taxes"][0]["applied_to_organization"] is False

        acme.billing_entities.get(is_default=True).taxes.add(
            tax, through_defaults={"organization": acme}
        )

        assert shown(acme)["taxes"][0]["applied_to_organization"] is True

    @pytest.mark.parametrize("code", ["nope", "A", "a ", " a", "gone", "", "a\0", "x" * 300])
    def test_must_be_known_exactly(self, acme, code):
        post(acme, tax_codes=["a"])

        for external_id in ("c1", "new"):
            with leaves_no_trace(NotFound) as refusal:
                post(acme, external_id, name="x", tax_codes=["b", code])
            assert refusal.value.resource == "tax"

    def test_of_others_are_unknown(self, organization):
        make_tax(make_organization(), code="theirs")

        with leaves_no_trace(NotFound):
            post(organization, tax_codes=["theirs"])

    def test_make_an_automatic_tax_manual(self, acme):
        """The automatic rules (eu-vat.md 1) leave alone what a caller named."""
        post(acme, tax_codes=["a"])
        AppliedTax.objects.update(origin=AppliedTax.Origin.AUTOMATIC)

        assert post(acme, tax_codes=["a"]).kind == "updated"
        assert AppliedTax.objects.get().origin == "manual"
        unchanged(acme, lambda: post(acme, tax_codes=["a"]))

    def test_send_an_automatic_tax_away(self, acme):
        post(acme, tax_codes=["a", "b"])
        AppliedTax.objects.filter(tax__code="b").update(origin=AppliedTax.Origin.AUTOMATIC)

        post(acme, tax_codes=["a"])

        assert codes(acme) == ["a"]

    def test_touch_one_customer_only(self, acme):
        post(acme, "other", tax_codes=["a", "b"])
        post(acme, tax_codes=["a", "b"])

        post(acme, tax_codes=[])

        assert codes(acme, "other") == ["a", "b"]
        assert Customer.objects.get(external_id="other").version == 1
