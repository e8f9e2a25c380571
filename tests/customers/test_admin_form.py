"""The form of a customer: it writes what was edited, by the writer, and overwrites nobody."""

from typing import Any

import pytest
from django.test import Client
from structlog.testing import capture_logs

from billing.models import ChangeRecord, Organization
from customers.admin.values import values_of
from customers.models import Customer
from tests.billing.builders import (
    make_integration,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.builders import make_customer
from tests.customers.pages import (
    edit,
    form_of,
)
from tests.staff import records, sign_in, text_of


@pytest.fixture
def clerk(organization: Organization) -> Client:
    """The browser of a finance clerk of the organization."""
    return sign_in(organization)


class TestFormOfCustomer:
    def test_belongs_to_another_organization_like_one_that_never_was(
        self, clerk: Client, organization: Organization
    ) -> None:
        theirs = make_customer(make_organization())

        assert clerk.get(form_of(theirs)).status_code == 404
        assert edit(clerk, theirs, name="Mine").status_code == 404

    def test_writes_what_was_edited_and_nothing_else(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann", currency="EUR", phone=" 1 ")
        before = values_of(customer)

        response = edit(clerk, customer, name="Bob", reason="She married")

        assert response.status_code == 302
        customer.refresh_from_db()
        after = values_of(customer)
        assert {key for key in after if after[key] != before.get(key)} == {"name", "tag"}
        record = ChangeRecord.objects.latest("id")
        assert record.changes == {"name": ["Ann", "Bob"]}
        assert (record.door, record.reason) == ("staff", "She married")
        assert record.actor_name.startswith("finance")

    def test_leaves_a_full_customer_alone_when_nothing_was_edited(
        self, clerk: Client, organization: Organization
    ) -> None:
        make_payment_provider(organization, code="stripe-1")
        make_tax(organization, code="vat")
        make_section(organization, code="bank")
        customer = make_customer(
            organization,
            name="Two\nlines ",
            legal_name="",
            timezone="Europe/Kiev",
            net_payment_term=0,
            tax_codes=["vat"],
            invoice_custom_section_codes=["bank"],
            shipping_address={"city": "Lyon"},
            metadata=[{"key": "a", "value": " b ", "display_in_invoice": True}],
            billing_configuration={
                "payment_provider": "stripe",
                "sync_with_provider": True,
                "provider_payment_methods": ["link", "card", "card"],
            },
        )
        before, recorded = values_of(customer), records()

        response = edit(clerk, customer, reason="Nothing")

        assert response.status_code == 200
        customer.refresh_from_db()
        assert values_of(customer) == before
        assert records() == recorded

    def test_clears_a_field_that_was_emptied(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann", net_payment_term=30)

        edit(clerk, customer, name="", net_payment_term="")

        customer.refresh_from_db()
        assert (customer.name, customer.net_payment_term) == (None, None)

    def test_edits_taxes_sections_addresses_provider_and_notes(
        self, clerk: Client, organization: Organization
    ) -> None:
        make_payment_provider(organization, code="stripe-1")
        make_payment_provider(organization, code="stripe-2")
        make_tax(organization, code="vat")
        make_section(organization, code="bank")
        customer = make_customer(organization, metadata=[{"key": "a", "value": "b"}])

        response = edit(
            clerk,
            customer,
            tax_codes=["vat"],
            invoice_custom_section_codes=["bank"],
            shipping_city="Lyon",
            invoice_grace_period="3",
            connection="stripe-2",
            provider_customer_id="cus_1",
            metadata_1_key="PO",
            metadata_2_key="Cost centre",
            metadata_2_value="B-17",
            metadata_2_display_in_invoice="on",
        )

        assert response.status_code == 302, text_of(response)
        customer.refresh_from_db()
        found = values_of(customer)
        assert found["tax_codes"] == ["vat"]
        assert found["invoice_custom_section_codes"] == ["bank"]
        assert found["shipping_city"] == "Lyon"
        assert found["invoice_grace_period"] == 3
        assert (found["connection"], found["provider_customer_id"]) == ("stripe-2", "cus_1")
        assert (found["metadata_1_key"], found["metadata_1_value"]) == ("PO", "b")
        assert found["metadata_2_display_in_invoice"] is True

    def test_edits_links_to_integrations(self, clerk: Client, organization: Organization) -> None:
        make_integration(organization, type="netsuite", code="ns")
        make_integration(organization, type="hubspot", code="hs")
        customer = make_customer(
            organization,
            integration_customers=[
                {"integration_type": "netsuite", "integration_code": "ns",
                 "external_customer_id": "7", "subsidiary_id": "2"},
            ],
        )  # fmt: skip

        response = edit(
            clerk,
            customer,
            integration_netsuite_subsidiary_id="3",
            integration_hubspot_code="hs",
            integration_hubspot_external_customer_id="9",
            integration_hubspot_targeted_object="contacts",
        )

        assert response.status_code == 302, text_of(response)
        found = values_of(customer)
        assert found["integration_netsuite_external_customer_id"] == "7"
        assert found["integration_netsuite_subsidiary_id"] == "3"
        assert found["integration_hubspot_targeted_object"] == "contacts"
        edit(clerk, customer, integration_netsuite_code="")
        assert "integration_netsuite_code" not in values_of(customer)

    def test_keeps_the_identity_of_a_note_that_was_renamed(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, metadata=[{"key": "a", "value": "b"}])
        [entry] = customer.metadata.all()

        edit(clerk, customer, metadata_1_key="c")

        [renamed] = customer.metadata.all()
        assert (renamed.pk, renamed.key) == (entry.pk, "c")

    def test_removes_a_note_that_was_emptied(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, metadata=[{"key": "a", "value": "b"}])

        edit(clerk, customer, metadata_1_key="", metadata_1_value="")

        assert not customer.metadata.exists()

    def test_unlinks_the_payment_provider(self, clerk: Client, organization: Organization) -> None:
        make_payment_provider(organization, code="stripe-1")
        customer = make_customer(organization, billing_configuration={"payment_provider": "stripe"})

        edit(clerk, customer, connection="")

        assert values_of(Customer.objects.get(pk=customer.pk))["connection"] == ""

    @pytest.mark.parametrize(
        ("edits", "sentence"),
        [
            ({"email": "a@b"}, "“a@b” holds something that is not an e-mail address."),
            ({"net_payment_term": "soon"}, "“soon” is not a number of days."),
            ({"net_payment_term": "-1"}, "“-1” is outside of 0 to 2,147,483,647."),
            ({"name": "x" * 256}, "This is too long."),
            ({"url": "javascript:alert(1)"}, "“javascript:alert(1)” is not a web address."),
            (
                {"connection": "stripe-1", "provider_customer_id": "4242 4242 4242 4242"},
                "looks like a card number",
            ),
            (
                {"connection": "stripe-1", "provider_payment_methods": ["link"]},
                "Link works only together with Card.",
            ),
            ({"metadata_2_key": "a", "metadata_2_value": "c"}, "“a” stands here twice."),
            ({"metadata_2_value": "c"}, "This can't be empty."),
            (
                {
                    "skip_invoice_custom_sections": "on",
                    "invoice_custom_section_codes": ["bank"],
                },
                "Either no sections are printed or these are",
            ),
        ],
    )
    def test_shows_a_refusal_as_a_sentence_and_writes_nothing(
        self, clerk: Client, organization: Organization, edits: dict[str, Any], sentence: str
    ) -> None:
        make_payment_provider(organization, code="stripe-1")
        make_section(organization, code="bank")
        customer = make_customer(organization, metadata=[{"key": "a", "value": "b"}])
        before, recorded = values_of(customer), records()

        response = edit(clerk, customer, phone="1", **edits)

        assert response.status_code == 422
        assert sentence in text_of(response)
        customer.refresh_from_db()
        assert values_of(customer) == before
        assert records() == recorded

    def test_keeps_what_was_entered_beside_a_refusal(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann")

        page = edit(clerk, customer, name="Bob", email="a@b")

        assert 'value="Bob"' in page.content.decode()

    def test_takes_no_form_that_lost_what_was_seen(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann")

        response = edit(clerk, customer, name="Bob", seen="{")

        assert "came back incomplete" in text_of(response)
        customer.refresh_from_db()
        assert customer.name == "Ann"


class TestTampering:
    def test_with_what_is_another_organization_s_is_refused_and_logged(
        self, clerk: Client, organization: Organization
    ) -> None:
        """Seen to fail with the logging taken out of the page."""
        make_tax(make_organization(), code="theirs")
        customer = make_customer(organization)
        recorded = records()

        with capture_logs() as logs:
            response = edit(clerk, customer, tax_codes=["theirs"], billing_entity_code="theirs")

        assert response.status_code == 422
        assert "“theirs” is not on offer here. Choose one of the list." in text_of(response)
        assert records() == recorded
        [event] = [one for one in logs if one["event"] == "tampered_form"]
        assert event["fields"] == ["billing_entity_code", "tax_codes"]

    def test_guesses_what_was_meant(self, clerk: Client, organization: Organization) -> None:
        customer = make_customer(organization)

        response = edit(clerk, customer, currency="eur")

        assert "“eur” is not on offer. Did you mean EUR?" in text_of(response)
