"""The steps around the form of a customer: review, save, next, new, and what is asked meanwhile."""

from typing import Any

import pytest
from django.test import Client

from billing.models import Organization
from customers.admin.values import values_of
from customers.models import Customer
from tests.billing.builders import (
    make_organization,
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
        page = review(clerk, customer, name="Bob")
        sent = typed(page) | {"step": "save"}
        recorded = records()
        assert f'name="token" value="{sent["token"]}"' in page.content.decode()

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
