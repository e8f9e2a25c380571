"""Where people work: one organization at a time, and what they may do there."""

import pytest
from django.contrib.auth import get_user_model

from billing.models import Membership, Organization
from billing.staff.roles import ABILITIES, Ability, Role
from tests.billing.builders import make_organization, make_tax
from tests.staff import sign_in, text_of

TAXES = "/admin/billing/tax/"


class TestAbilities:
    def test_name_every_role(self) -> None:
        assert set(ABILITIES) == set(Role)

    def test_are_each_somebodys(self) -> None:
        assert frozenset().union(*ABILITIES.values()) == set(Ability)


class TestWorkplace:
    def test_is_the_first_by_name_at_first(self, organization: Organization) -> None:
        other = make_organization(name="Zulu")
        make_tax(organization, name="Ours")
        make_tax(other, name="Theirs")

        page = text_of(sign_in(other, organization).get(TAXES))

        assert "Ours" in page
        assert "Theirs" not in page

    def test_is_kept_once_it_is_chosen(self, organization: Organization) -> None:
        other = make_organization(name="Zulu")
        make_tax(other, name="Theirs")
        client = sign_in(other, organization)

        client.post("/admin/organization/", {"organization": str(other.pk)})

        assert "Theirs" in text_of(client.get(TAXES))

    @pytest.mark.parametrize("chosen", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
    def test_is_never_somebody_elses(self, organization: Organization, chosen: str) -> None:
        other = make_organization(name="Hooli")
        client = sign_in(organization)

        for sent in (str(other.pk), chosen):
            answer = client.post("/admin/organization/", {"organization": sent})

            assert answer.status_code == 404
        assert "Hooli" not in text_of(client.get("/admin/"))

    def test_follows_a_link_into_another_organization_and_says_so(
        self, organization: Organization
    ) -> None:
        other = make_organization(name="Zulu")
        tax = make_tax(other, name="Theirs")
        client = sign_in(other, organization)

        page = text_of(client.get(f"{TAXES}{tax.pk}/change/"))

        assert "This belongs to Zulu: you now work there." in page
        assert "Theirs" in text_of(client.get(TAXES))

    def test_follows_no_link_into_an_organization_of_others(
        self, organization: Organization
    ) -> None:
        """Seen to fail with Organization.objects in place of organizations_of."""
        tax = make_tax(make_organization(), name="Theirs")

        answer = sign_in(organization).get(f"{TAXES}{tax.pk}/change/")

        assert answer.status_code == 302

    def test_counts_the_role_held_there(self, organization: Organization) -> None:
        other = make_organization(name="Zulu")
        client = sign_in(organization, role="operator")
        person = get_user_model().objects.get()
        Membership.objects.create(organization=other, user=person, role="viewer")

        here = client.get(f"{TAXES}add/").status_code
        client.post("/admin/organization/", {"organization": str(other.pk)})
        there = client.get(f"{TAXES}add/").status_code

        assert (here, there) == (200, 403)

    def test_refuses_a_new_row_for_the_organization_of_another_tab(
        self, organization: Organization
    ) -> None:
        other = make_organization(name="Zulu")
        client = sign_in(organization, other, role="finance_lead")
        client.post("/admin/organization/", {"organization": str(other.pk)})
        sent = {"organization": organization.pk, "name": "VAT", "code": "vat", "rate": "20"}

        page = text_of(client.post(f"{TAXES}add/", sent))

        assert "You work in another organization than when you opened this form." in page
        assert not organization.taxes.exists()
        assert not other.taxes.exists()

    @pytest.mark.parametrize("address", ["/admin/", TAXES])
    def test_tells_people_without_one_whom_to_ask(self, db: None, address: str) -> None:
        response = sign_in().get(address)

        assert response.status_code == 403
        if address == "/admin/":
            assert "Ask a finance lead or an operator to add you" in text_of(response)
            assert 'action="/admin/logout/"' in response.content.decode()
