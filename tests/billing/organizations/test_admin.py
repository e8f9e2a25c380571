"""Billing entities and the organization's own settings in the back office."""

from base64 import b64decode
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from billing.models import BillingEntity, ChangeRecord, Organization
from billing.webhooks.signatures import standard_secret
from customers.models import Customer
from tests.billing.builders import (
    make_billing_entity,
    make_organization,
    make_section,
    make_tax,
)
from tests.customers.builders import make_customer
from tests.staff import records, sent_by, sign_in, text_of

LIST = "/admin/billing/billingentity/"
KEY = "/admin/organization/signing-key/"
PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def lead(organization: Organization) -> Client:
    """The browser of a finance lead."""
    return sign_in(organization, role="finance_lead")


@pytest.fixture
def entity(organization: Organization) -> BillingEntity:
    """A billing entity that is not the default."""
    return make_billing_entity(organization, code="fr", name="Acme France", country="FR")


def form_of(entity: Any) -> str:
    """Return where a billing entity or an organization is edited."""
    return f"/admin/billing/{entity._meta.model_name}/{entity.pk}/change/"


class TestForm:
    def test_saves_nothing_that_was_not_edited(self, lead: Client, entity: BillingEntity) -> None:
        before = records()

        response = lead.post(form_of(entity), sent_by(lead, form_of(entity)))

        assert response.status_code == 302, text_of(response)
        assert records() == before

    def test_sends_what_was_edited_to_the_writer(self, lead: Client, entity: BillingEntity) -> None:
        edits = {"legal_name": "Acme France SARL", "invoice_footer": "Merci", "city": "Lyon"}

        response = lead.post(form_of(entity), sent_by(lead, form_of(entity)) | edits)

        assert response.status_code == 302, text_of(response)
        record = ChangeRecord.objects.latest("id")
        assert (record.resource, record.door) == ("billing_entity", "staff")
        assert record.changes == {name: [None, value] for name, value in edits.items()}

    def test_tells_who_inherits_before_it_changes(
        self, lead: Client, organization: Organization, entity: BillingEntity
    ) -> None:
        """About EntityForm.preview."""
        make_customer(organization, billing_entity_code="fr")
        tax = make_tax(organization, name="TVA", code="tva")
        sent = sent_by(lead, form_of(entity)) | {"net_payment_term": "14", "tax_codes": ["tva"]}
        before = records()

        asked = lead.post(form_of(entity), sent)
        count_when_asked = records()
        previewed = asked.context["adminform"].form["previewed"].value()
        answer = lead.post(form_of(entity), sent | {"previewed": previewed})

        assert "1 customer is billed by Acme France." in text_of(asked)
        assert "payment term in days, taxes" in text_of(asked)
        assert "correct the error" not in text_of(asked)
        assert count_when_asked == before
        assert answer.status_code == 302, text_of(answer)
        entity.refresh_from_db()
        assert (entity.net_payment_term, list(entity.taxes.all())) == (14, [tax])

    def test_shows_a_refusal_at_its_field_and_keeps_what_was_typed(
        self, lead: Client, entity: BillingEntity
    ) -> None:
        edits = {"net_payment_term": "soon", "city": "Lyon"}

        page = lead.post(form_of(entity), sent_by(lead, form_of(entity)) | edits)

        assert "“soon” is not a number of days." in text_of(page)
        assert "Lyon" in page.content.decode()
        entity.refresh_from_db()
        assert entity.city is None

    def test_shows_theirs_beside_mine(self, lead: Client, entity: BillingEntity) -> None:
        """About SettingsForm._is_overtaken."""
        sent = sent_by(lead, form_of(entity)) | {"city": "Lyon"}
        BillingEntity.objects.filter(pk=entity.pk).update(city="Paris")

        page = lead.post(form_of(entity), sent)

        assert "Now: “Paris”. You entered: “Lyon”." in text_of(page)
        entity.refresh_from_db()
        assert entity.city == "Paris"

    def test_makes_a_new_one_like_the_default(
        self, lead: Client, organization: Organization
    ) -> None:
        sent = {"organization": organization.pk, "name": "Acme Italia", "code": "it"}

        response = lead.post(f"{LIST}add/", sent)

        made = BillingEntity.objects.get(code="it")
        assert response["Location"] == form_of(made)
        assert not made.is_default

    def test_offers_only_taxes_and_sections_of_the_organization(
        self, lead: Client, organization: Organization, entity: BillingEntity
    ) -> None:
        make_section(organization, name="Ours")
        make_section(make_organization(), name="Theirs")

        page = lead.get(form_of(entity)).content.decode()

        assert "Ours" in page
        assert "Theirs" not in page

    def test_is_only_shown_to_a_clerk_and_while_archived(
        self, lead: Client, organization: Organization
    ) -> None:
        gone = make_billing_entity(organization, name="Old", archived_at="2026-01-01T00:00Z")
        default = organization.billing_entities.get(is_default=True)

        pages = [
            lead.get(form_of(gone)),
            sign_in(organization, role="finance").get(form_of(default)),
        ]

        for page in pages:
            assert page.status_code == 200
            assert 'name="city"' not in page.content.decode()
            assert "Payment term in days" in text_of(page)


class TestStates:
    def test_makes_another_the_default(self, lead: Client, entity: BillingEntity) -> None:
        asked = lead.get(f"/admin/entities/{entity.pk}/default/")
        lead.post(f"/admin/entities/{entity.pk}/default/")

        assert "New customers are billed by Acme France" in text_of(asked)
        default = BillingEntity.objects.get(organization=entity.organization, is_default=True)
        assert default == entity

    def test_archives_and_brings_back(
        self, lead: Client, organization: Organization, entity: BillingEntity
    ) -> None:
        customer = make_customer(organization, billing_entity_code="fr")

        asked = lead.get(f"/admin/entities/{entity.pk}/archive/")
        lead.post(f"/admin/entities/{entity.pk}/archive/")
        entity.refresh_from_db()
        was_archived = entity.archived_at is not None
        lead.post(f"/admin/entities/{entity.pk}/unarchive/")
        entity.refresh_from_db()

        assert "1 customer is billed by Acme France." in text_of(asked)
        assert was_archived
        assert entity.archived_at is None
        assert Customer.objects.get(pk=customer.pk).billing_entity == entity

    def test_keeps_the_default(self, lead: Client, organization: Organization) -> None:
        default = organization.billing_entities.get()

        page = lead.post(f"/admin/entities/{default.pk}/archive/")

        assert page.status_code == 422
        assert "Make another one the default first" in text_of(page)
        default.refresh_from_db()
        assert default.archived_at is None

    @pytest.mark.parametrize("what", ["default", "archive", "unarchive", "logo"])
    def test_finds_none_of_another_organization(self, lead: Client, what: str) -> None:
        """About the organization in _EntityPage.find."""
        theirs = make_billing_entity(make_organization())

        assert lead.get(f"/admin/entities/{theirs.pk}/{what}/").status_code == 404
        assert lead.post(f"/admin/entities/{theirs.pk}/{what}/").status_code == 404


class TestLogo:
    def test_is_kept_shown_and_removed(self, lead: Client, entity: BillingEntity) -> None:
        address = f"/admin/entities/{entity.pk}/logo/"

        lead.post(address, {"logo": SimpleUploadedFile("x.txt", PNG)})
        entity.refresh_from_db()
        kept = (bytes(entity.logo), entity.logo_content_type)
        shown = lead.get(address).content.decode()
        lead.post(address, {"remove": "yes"})
        entity.refresh_from_db()

        assert kept == (PNG, "image/png")
        assert 'src="data:image/png;base64,' in shown
        assert entity.logo is None

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"<svg onload=alert(1)>", "Use a PNG or a JPEG image."),
            (PNG + b"\0" * 700_000, "This is larger than 700 kB."),
            (None, "Choose a file first."),
        ],
    )
    def test_refuses_what_is_no_logo(
        self, lead: Client, entity: BillingEntity, content: bytes | None, words: str
    ) -> None:
        before = records()
        sent = {} if content is None else {"logo": SimpleUploadedFile("x.png", content)}

        page = lead.post(f"/admin/entities/{entity.pk}/logo/", sent)

        assert words in text_of(page)
        assert records() == before


class TestOrganization:
    def test_changes_with_its_default_billing_entity(
        self, lead: Client, organization: Organization
    ) -> None:
        sent = sent_by(lead, form_of(organization)) | {"city": "Berlin", "name": "Acme AG"}

        asked = lead.post(form_of(organization), sent)
        previewed = asked.context["adminform"].form["previewed"].value()
        answer = lead.post(form_of(organization), sent | {"previewed": previewed})

        assert "the default billing entity, changes with it: city." in text_of(asked)
        assert answer.status_code == 302, text_of(answer)
        organization.refresh_from_db()
        assert (organization.name, organization.city) == ("Acme AG", "Berlin")
        assert organization.billing_entities.get().city == "Berlin"


class TestSigningKey:
    @pytest.fixture
    def operator(self, organization: Organization) -> Client:
        """The browser of an operator."""
        return sign_in(organization, role="operator")

    def test_is_shown_as_libraries_take_it(
        self, operator: Client, organization: Organization
    ) -> None:
        page = operator.get(KEY)

        assert standard_secret(organization.hmac_key) in page.content.decode()
        assert "no-store" in page["Cache-Control"]

    def test_is_rotated_with_an_overlap_and_once(
        self, operator: Client, organization: Organization
    ) -> None:
        """About `seen` being compared."""
        old = organization.hmac_key
        sent = {"hours": "24", "organization": organization.pk, "seen": standard_secret(old)}

        operator.post(KEY, sent)
        organization.refresh_from_db()
        new = organization.hmac_key
        page = operator.post(KEY, sent, follow=True)
        organization.refresh_from_db()

        assert old != new == organization.hmac_key
        assert organization.previous_hmac_key == old
        assert "signs beside it until" in text_of(page)

    def test_is_not_rotated_for_another_organization(
        self, operator: Client, organization: Organization
    ) -> None:
        """About the organization being compared."""
        other = make_organization()
        seen = standard_secret(organization.hmac_key)

        operator.post(KEY, {"hours": "24", "organization": other.pk, "seen": seen})

        organization.refresh_from_db()
        assert organization.previous_hmac_key is None

    def test_stands_in_no_record(self, operator: Client, organization: Organization) -> None:
        seen = standard_secret(organization.hmac_key)

        operator.post(KEY, {"hours": "1", "organization": organization.pk, "seen": seen})

        organization.refresh_from_db()
        record = str(ChangeRecord.objects.latest("id").changes)
        assert str(organization.hmac_key) not in record
        assert str(organization.previous_hmac_key) not in record

    def test_is_for_those_who_set_up_webhooks(self, lead: Client) -> None:
        assert lead.get(KEY).status_code == 403
