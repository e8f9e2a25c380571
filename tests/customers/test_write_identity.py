"""Who a wish names, and what it is called here (customers.md 2.1, 2.2, 2.12)."""

import pytest
from django.utils import timezone

from billing.errors import Invalid, NotFound
from customers.models import Customer, CustomerCounter
from customers.write import write_customer
from tests.billing.builders import make_billing_entity, make_organization, make_tax
from tests.customers.posting import API, leaves_no_trace, post, refused, shown, unchanged, wish


def delete(external_id="c1"):
    Customer.objects.filter(external_id=external_id).update(deleted_at=timezone.now())


class TestIdentity:
    def test_creates_then_updates_one_row(self, organization):
        first, second = post(organization, name="Ann"), post(organization, name="Bob")

        assert (first.kind, second.kind) == ("created", "updated")
        assert first.customer_id == second.customer_id
        assert Customer.objects.get().name == "Bob"

    @pytest.mark.parametrize("other", ["C1", "c1 ", " c1", "ｃ1", "c1\u200b"], ids=ascii)
    def test_compares_character_for_character(self, organization, other):
        post(organization, "c1")

        assert post(organization, other).kind == "created"

    def test_does_not_normalize_unicode(self, organization):
        assert post(organization, "\u00e9").kind == "created"
        assert post(organization, "e\u0301").kind == "created"

    @pytest.mark.parametrize(
        "odd", ["a/b?c#d", "..", "%2F", "'; --", "{}", "%(n)s", "\\", '"', "😀"]
    )
    def test_takes_any_character(self, organization, odd):
        assert post(organization, odd).kind == "created"
        assert post(organization, odd).kind == "unchanged"
        assert shown(organization, odd)["external_id"] == odd

    def test_passes_by_a_deleted_customer(self, organization):
        first = post(organization, name="Ann", metadata=[{"key": "k", "value": "v"}])
        delete()

        second = post(organization, phone="1")

        assert second.kind == "created"
        assert second.customer_id != first.customer_id
        found = shown(organization)
        assert (found["name"], found["metadata"], found["sequential_id"]) == (None, [], 2)

    def test_inherits_no_entry_of_a_deleted_customer_by_id(self, organization):
        post(organization, metadata=[{"key": "k", "value": "v"}])
        [entry] = shown(organization)["metadata"]
        delete()

        found = refused(organization, metadata=[{"id": entry["lago_id"], "value": "w"}])

        assert found == {"key": ["value_is_mandatory"]}


class TestDefaults:
    def test_of_a_new_customer(self, organization):
        post(organization)

        found = shown(organization)
        assert {key: value for key, value in found.items() if value not in (None, [])} == {
            "lago_id": found["lago_id"],
            "billing_entity_code": "acme_corp",
            "external_id": "c1",
            "account_type": "customer",
            "sequential_id": 1,
            "slug": "ACM-1A2B-001",
            "created_at": found["created_at"],
            "updated_at": found["updated_at"],
            "applicable_timezone": "UTC",
            "finalize_zero_amount_invoice": "inherit",
            "billing_configuration": dict.fromkeys(
                ("invoice_grace_period", "payment_provider", "payment_provider_code",
                 "document_locale", "subscription_invoice_issuing_date_anchor",
                 "subscription_invoice_issuing_date_adjustment")
            ),
            "shipping_address": dict.fromkeys(
                ("address_line1", "address_line2", "city", "zipcode", "state", "country")
            ),
            "skip_invoice_custom_sections": False,
        }  # fmt: skip

    def test_nulls_create_the_same_customer(self, organization):
        post(organization, "plain")
        post(
            organization,
            "nulls",
            **dict.fromkeys(
                ("name", "email", "currency", "country", "url", "billing_entity_code", "timezone",
                 "customer_type", "finalize_zero_amount_invoice", "skip_invoice_custom_sections",
                 "shipping_address", "billing_configuration", "metadata", "tax_codes",
                 "integration_customers", "invoice_custom_section_codes", "net_payment_term")
            ),
        )  # fmt: skip

        plain, nulls = shown(organization, "plain"), shown(organization, "nulls")
        own = ("lago_id", "external_id", "sequential_id", "slug")
        assert {k: v for k, v in plain.items() if k not in own} == {
            k: v for k, v in nulls.items() if k not in own
        }


class TestBillingEntity:
    def test_is_chosen_by_code_and_kept(self, organization):
        make_billing_entity(organization, code="fr")
        post(organization, billing_entity_code="fr")

        for values in ({}, {"billing_entity_code": None}, {"billing_entity_code": ""}):
            unchanged(organization, lambda values=values: post(organization, **values))
        assert shown(organization)["billing_entity_code"] == "fr"

    def test_can_be_changed(self, organization):
        make_billing_entity(organization, code="fr")
        post(organization)

        outcome = post(organization, billing_entity_code="fr")

        assert outcome.diff == {"billing_entity_code": ["acme_corp", "fr"]}

    @pytest.mark.parametrize("code", ["nope", "FR", "fr ", "gone", "fr\0", "x" * 300])
    def test_must_be_known_and_active(self, organization, code):
        make_billing_entity(organization, code="fr")
        make_billing_entity(organization, code="gone", archived_at=timezone.now())
        post(organization)

        for external_id in ("c1", "new"):
            with leaves_no_trace(NotFound) as refusal:
                post(organization, external_id, billing_entity_code=code)
            assert refusal.value.resource == "billing_entity"

    def test_may_be_archived_under_a_customer(self, organization):
        entity = make_billing_entity(organization, code="fr")
        post(organization, billing_entity_code="fr")
        entity.archived_at = timezone.now()
        entity.save()

        assert post(organization, name="Ann").kind == "updated"
        with leaves_no_trace(NotFound):
            post(organization, billing_entity_code="fr")


class TestNumbers:
    def test_count_from_one_for_each_organization(self, organization):
        other = make_organization(document_number_prefix="OTH-0001")

        for number in (1, 2):
            post(organization, f"a{number}")
            post(other, f"a{number}")

        assert shown(organization, "a2")["slug"] == "ACM-1A2B-002"
        assert shown(other, "a2")["slug"] == "OTH-0001-002"

    def test_are_shared_by_the_billing_entities(self, organization):
        make_billing_entity(organization, code="fr", document_number_prefix="FRA-1")

        post(organization, "a", billing_entity_code="fr")
        post(organization, "b")

        assert [shown(organization, name)["slug"] for name in "ab"] == [
            "ACM-1A2B-001",
            "ACM-1A2B-002",
        ]

    def test_grow_past_three_digits(self, organization):
        CustomerCounter.objects.update(last_number=998)

        for name in "abc":
            post(organization, name)

        assert [shown(organization, name)["slug"][-5:] for name in "abc"] == [
            "B-999",
            "-1000",
            "-1001",
        ]

    def test_keep_the_prefix_of_the_creation(self, organization):
        post(organization)
        organization.document_number_prefix = "NEW-1"
        organization.save()

        post(organization, name="Ann")
        post(organization, "c2")

        assert shown(organization)["slug"] == "ACM-1A2B-001"
        assert shown(organization, "c2")["slug"] == "NEW-1-002"

    def test_are_never_reused(self, organization):
        post(organization, "a")
        delete("a")

        post(organization, "a")

        assert shown(organization, "a")["sequential_id"] == 2

    def test_are_not_consumed_by_failures(self, organization):
        make_tax(organization, code="vat")

        for values in ({"name": []}, {"metadata": [{}]}):
            with leaves_no_trace(Invalid):
                write_customer(organization.id, wish("a", **values), API)
        for values in ({"tax_codes": ["nope"]}, {"billing_entity_code": "nope"}):
            with leaves_no_trace(NotFound):
                write_customer(organization.id, wish("a", **values), API)
        post(organization, "a", tax_codes=["vat"])
        post(organization, "a", name="Ann")
        post(organization, "b")

        assert [shown(organization, name)["sequential_id"] for name in "ab"] == [1, 2]
        counter = CustomerCounter.objects.get(organization=organization)
        assert (counter.last_number, counter.kept) == (2, 2)
