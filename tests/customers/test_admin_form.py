"""The form of a customer: it writes what was edited, by the writer, and overwrites nobody."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from structlog.testing import capture_logs

from billing.events.actor import SYSTEM
from billing.models import ChangeRecord, Organization
from customers.admin.values import values_of
from customers.change import CustomerChange
from customers.delete import delete_customer
from customers.models import Customer
from customers.write import write_customers
from tests.billing.builders import (
    make_integration,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.builders import make_customer, make_customers
from tests.customers.pages import (
    ADD,
    LIST,
    edit,
    form_of,
    page_of,
    review,
    send,
    typed,
    what_a_browser_sends,
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


class TestReview:
    def test_tells_what_saving_would_do_and_saves_nothing(
        self, clerk: Client, organization: Organization
    ) -> None:
        make_tax(organization, code="vat", name="French VAT", rate="20")
        customer = make_customer(organization, tax_codes=["vat"], net_payment_term=30)
        recorded = records()

        page = review(clerk, customer, tax_codes=None, net_payment_term="")

        words = " ".join(text_of(page).split())
        assert "Taxes French VAT 20 % nothing Acme has no taxes either" in words
        assert "Payment term 30 days nothing As Acme has it: 0 days." in words
        assert records() == recorded
        assert values_of(customer)["tax_codes"] == ["vat"]

    @pytest.mark.parametrize(
        "edits", [{"legal_name": "B"}, {"tax_identification_number": "B"}, {"tax_codes": ["vat"]}]
    )
    def test_asks_why_where_it_matters(
        self, clerk: Client, organization: Organization, edits: dict[str, Any]
    ) -> None:
        make_tax(organization, code="vat")
        customer = make_customer(organization, legal_name="A", tax_identification_number="A")
        recorded = records()

        refused = edit(clerk, customer, reason=" ", **edits)

        assert refused.status_code == 422
        assert "Say in a few words why" in text_of(refused)
        assert records() == recorded
        assert edit(clerk, customer, reason="The register says so", **edits).status_code == 302

    def test_asks_for_no_reason_otherwise(self, clerk: Client, organization: Organization) -> None:
        customer = make_customer(organization)

        assert edit(clerk, customer, phone="1", reason="").status_code == 302

    def test_advises_again(self, clerk: Client, organization: Organization) -> None:
        customer = make_customer(organization, country="DE")

        page = review(clerk, customer, tax_identification_number="DE12345678")

        assert "“DE12345678” has 8 digits; tax numbers in Germany have 9." in text_of(page)

    def test_leads_back_to_the_form_with_all_that_was_typed(
        self, clerk: Client, organization: Organization
    ) -> None:
        make_tax(organization, code="vat")
        customer = make_customer(organization, name="Ann")
        sent = typed(review(clerk, customer, name="Bob", tax_codes=["vat"]))

        form = send(clerk, form_of(customer), sent | {"step": "edit"})

        assert form.status_code == 200
        assert 'value="Bob"' in form.content.decode()
        assert 'value="vat" ' in form.content.decode()
        assert form.context["form"]["tax_codes"].value() == ["vat"]

    def test_sent_twice_does_one_thing(self, clerk: Client, organization: Organization) -> None:
        """Seen to fail, as a conflict with oneself, with the token left out of the page."""
        customer = make_customer(organization, name="Ann")
        sent = typed(review(clerk, customer, name="Bob")) | {"step": "save"}
        recorded = records()

        first, second = (send(clerk, form_of(customer), sent) for _ in range(2))

        assert (first.status_code, second.status_code) == (302, 302)
        assert first["Location"] == second["Location"] == page_of(customer)
        assert records() == recorded + 1

    def test_leaves_the_token_unused_when_it_is_refused(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann")
        sent = typed(review(clerk, customer, name="Bob")) | {"step": "save"}

        send(clerk, form_of(customer), sent | {"name": "x" * 256})
        send(clerk, form_of(customer), sent)

        customer.refresh_from_db()
        assert customer.name == "Bob"


class TestSaveAndNext:
    def test_goes_to_the_next_of_the_list_one_came_from(
        self, clerk: Client, organization: Organization
    ) -> None:
        first, _other, last = make_customers(
            organization,
            [{"name": "A", "country": "FR"}, {"name": "B"}, {"name": "C", "country": "FR"}],
        )
        address = f"{form_of(first)}?list=country%3DFR%26order%3Doldest"
        sent = what_a_browser_sends(first) | {"name": "Z"}

        page = send(clerk, address, sent)
        saved = send(clerk, address, typed(page) | {"step": "save_next"})

        assert "Save and next" in text_of(page)
        assert saved["Location"] == f"{form_of(last)}?list=country%3DFR%26order%3Doldest"


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


class TestTwoEditors:
    """Seen to fail with the precondition taken out of CustomerForm."""

    def stale(
        self, client: Client, customer: Customer, theirs: dict[str, Any], **edits: Any
    ) -> HttpResponse:
        """Send a form that was opened before somebody else changed the customer."""
        sent = what_a_browser_sends(customer) | edits
        others = CustomerChange.read({"external_id": customer.external_id} | theirs)
        write_customers(customer.organization_id, [others], SYSTEM)
        return send(client, form_of(customer), sent)

    def test_never_overwrite_each_other_unseen(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann")
        recorded = records()

        response = self.stale(clerk, customer, {"name": "Zoe"}, name="Bob")

        assert response.status_code == 409
        [row] = response.context["rows"]
        assert (row.label, row.theirs, row.mine) == ("Name", "Zoe", "Bob")
        assert row.entry.actor_name == "Tarn"
        customer.refresh_from_db()
        assert customer.name == "Zoe"
        assert records() == recorded + 1

    @pytest.mark.parametrize(("choice", "name"), [("mine", "Bob"), ("theirs", "Zoe")])
    def test_choose_field_by_field(
        self, clerk: Client, organization: Organization, choice: str, name: str
    ) -> None:
        customer = make_customer(organization, name="Ann")
        page = self.stale(clerk, customer, {"name": "Zoe"}, name="Bob", phone="1")

        reviewed = send(clerk, form_of(customer), typed(page) | {"choose-name": choice})
        saved = send(clerk, form_of(customer), typed(reviewed) | {"step": "save"})

        assert saved.status_code == 302
        customer.refresh_from_db()
        assert (customer.name, customer.phone) == (name, "1")

    def test_choose_their_notes_as_a_whole(self, clerk: Client, organization: Organization) -> None:
        customer = make_customer(organization, metadata=[{"key": "a", "value": "1"}])
        theirs = {"metadata": [{"key": "b", "value": "2"}]}
        page = self.stale(clerk, customer, theirs, metadata_1_value="9", phone="1")

        reviewed = send(clerk, form_of(customer), typed(page) | {"choose-metadata": "theirs"})
        send(clerk, form_of(customer), typed(reviewed) | {"step": "save"})

        found = values_of(Customer.objects.get(pk=customer.pk))
        assert (found["metadata_1_key"], found["metadata_1_value"]) == ("b", "2")
        assert found["phone"] == "1"

    def test_take_over_what_only_the_other_changed(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann")

        page = self.stale(clerk, customer, {"name": "Zoe"}, phone="1")

        assert page.context["rows"] == []
        assert [(row.label, row.theirs) for row in page.context["taken"]] == [("Name", "Zoe")]
        saved = send(clerk, form_of(customer), typed(page) | {"step": "save"})
        assert saved.status_code == 302
        customer.refresh_from_db()
        assert (customer.name, customer.phone) == ("Zoe", "1")

    def test_are_stopped_again_by_a_third_one(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann")
        page = self.stale(clerk, customer, {"name": "Zoe"}, name="Bob")
        third = CustomerChange.read({"external_id": customer.external_id, "name": "Eve"})
        write_customers(organization.pk, [third], SYSTEM)

        again = send(clerk, form_of(customer), typed(page) | {"choose-name": "mine"})

        assert again.status_code == 409
        [row] = again.context["rows"]
        assert (row.theirs, row.mine) == ("Eve", "Bob")

    def test_going_back_to_the_form_overwrites_nobody_unseen(
        self, clerk: Client, organization: Organization
    ) -> None:
        """Seen to fail when going back takes over what others changed."""
        customer = make_customer(organization, name="Ann")
        form = self.stale(clerk, customer, {"name": "Zoe"}, name="Bob", step="edit")

        sent = what_a_browser_sends(customer) | {
            "seen": form.context["form"]["seen"].value(), "name": "Bob",
        }  # fmt: skip

        assert send(clerk, form_of(customer), sent).status_code == 409

    def test_learn_that_the_customer_is_gone(
        self, clerk: Client, organization: Organization
    ) -> None:
        customer = make_customer(organization, name="Ann")
        sent = what_a_browser_sends(customer) | {"name": "Bob"}
        delete_customer(organization.pk, customer.external_id, SYSTEM)

        gone = send(clerk, form_of(customer), sent)
        copy = send(clerk, ADD, typed(gone) | {"step": "edit"})

        assert gone.status_code == 410
        assert "This customer was deleted" in text_of(gone)
        assert 'value="Bob"' in copy.content.decode()
        assert not Customer.objects.filter(name="Bob").exists()


class TestNewCustomer:
    def test_is_looked_at_first_if_it_may_be_there_already(
        self, clerk: Client, organization: Organization
    ) -> None:
        make_customer(organization, legal_name="Hooli SARL", external_id="hooli")
        sent = {"organization": organization.pk, "external_id": "n", "legal_name": "Hooli S.A.R.L."}

        page = send(clerk, ADD, sent)

        assert page.status_code == 200
        assert "similar name" in text_of(page)
        assert Customer.objects.count() == 1
        assert send(clerk, ADD, typed(page) | {"step": "save"}).status_code == 302
        assert Customer.objects.count() == 2

    def test_sent_twice_is_created_once(self, clerk: Client, organization: Organization) -> None:
        token = "1e8b2c1e-7d1c-4a2e-9d55-0d9f5b1f2a11"
        sent = {"organization": organization.pk, "external_id": "n", "token": token}

        answers = [send(clerk, ADD, sent) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [302, 302]
        assert Customer.objects.count() == 1


class TestAdvice:
    def test_answers_for_the_organization_alone(
        self, clerk: Client, organization: Organization
    ) -> None:
        own = make_customer(organization, name="Hooli")
        make_customer(make_organization(), name="Hooli")

        answer = clerk.post(
            f"{LIST}advice/",
            {"name": "Hooli", "country": "DE", "tax_identification_number": "DE12345678"},
        ).json()

        assert list(answer["advice"]) == ["tax_identification_number"]
        assert [one["external_id"] for one in answer["duplicates"]] == [own.external_id]

    def test_is_for_those_who_edit(self, organization: Organization) -> None:
        viewer = sign_in(organization, role="viewer")

        assert viewer.post(f"{LIST}advice/", {}).status_code == 403
        assert viewer.get(f"{LIST}country/?country=DE").status_code == 403


class TestCountry:
    def test_names_the_fields_as_the_country_does(
        self, clerk: Client, organization: Organization
    ) -> None:
        answer = clerk.get(f"{LIST}country/?country=DE").json()

        assert answer["numbers"]["tax_identification_number"] == ["USt-IdNr."]
        assert answer["hints"]["tax_identification_number"] == "For example DE136695976"
        assert answer["order"].index("zipcode") < answer["order"].index("city")
