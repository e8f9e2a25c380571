"""Staff in the back office."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from billing.models import ChangeRecord, Membership, Organization
from tests.billing.builders import make_organization
from tests.staff import sent_by, sign_in, text_of

LIST = "/admin/billing/membership/"


@pytest.fixture
def lead(organization: Organization) -> Client:
    """The browser of the one finance lead of the organization."""
    return sign_in(organization, role="finance_lead")


def me() -> Membership:
    """Return the membership of the finance lead."""
    return Membership.objects.get(role="finance_lead")


class TestAdd:
    def test_adds_a_person_and_says_how_they_get_in(
        self, lead: Client, organization: Organization
    ) -> None:
        sent = {"organization": organization.pk, "email": "Bob@acme.test", "role": "viewer"}

        page = lead.post(f"{LIST}add/", sent, follow=True)

        bob = User.objects.get(username="bob@acme.test")
        assert bob.memberships.get().role == "viewer"
        assert "manage.py changepassword bob@acme.test" in text_of(page)
        record = ChangeRecord.objects.latest("id")
        assert (record.resource, record.door) == ("member", "staff")

    def test_refuses_who_works_here_already_and_keeps_what_was_typed(
        self, lead: Client, organization: Organization
    ) -> None:
        address = me().user.get_username()
        sent = {"organization": organization.pk, "email": address, "role": "viewer"}

        page = lead.post(f"{LIST}add/", sent)

        assert "works here already" in text_of(page)
        assert address.encode() in page.content
        assert me().role == "finance_lead"

    def test_refuses_another_organization(self, lead: Client) -> None:
        """Two tabs of who leads both. Seen to fail without the form's field being narrowed."""
        other = make_organization(name="Zoo")
        Membership.objects.create(organization=other, user=me().user, role="finance_lead")
        sent = {"organization": other.pk, "email": "bob@acme.test", "role": "viewer"}

        page = lead.post(f"{LIST}add/", sent)

        assert "another organization" in text_of(page)
        assert [one.role for one in other.memberships.all()] == ["finance_lead"]


class TestChange:
    def test_tells_what_a_role_may_do_before_it_is_given(
        self, lead: Client, organization: Organization
    ) -> None:
        """Seen to fail without SettingsForm._is_to_be_seen."""
        sign_in(organization, role="viewer")
        row = Membership.objects.get(role="viewer")
        address = f"{LIST}{row.pk}/change/"
        seen = lead.get(address).context["adminform"].form["seen"].value()
        sent = {"role": "auditor", "seen": seen}

        asked = lead.post(address, sent)
        row.refresh_from_db()
        role_when_asked = row.role
        previewed = asked.context["adminform"].form["previewed"].value()
        answer = lead.post(address, sent | {"previewed": previewed})

        assert "Export lists and the history to files" in text_of(asked)
        assert "correct the error" not in text_of(asked)
        assert role_when_asked == "viewer"
        assert answer.status_code == 302
        row.refresh_from_db()
        assert row.role == "auditor"

    def test_keeps_the_last_one_who_may_set_up_staff(self, lead: Client) -> None:
        root = sign_in(is_superuser=True)
        address = f"{LIST}{me().pk}/change/"
        seen = root.get(address).context["adminform"].form["seen"].value()
        sent = {"role": "viewer", "seen": seen}
        previewed = root.post(address, sent).context["adminform"].form["previewed"].value()

        page = root.post(address, sent | {"previewed": previewed})

        assert "Nobody else here may set up staff" in text_of(page)
        assert me().role == "finance_lead"


class TestRemove:
    def test_takes_the_person_out(self, lead: Client, organization: Organization) -> None:
        gone = sign_in(organization, role="viewer")
        row = Membership.objects.get(role="viewer")

        lead.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})

        assert not Membership.objects.filter(role="viewer").exists()
        assert gone.get("/admin/customers/customer/").status_code == 403

    def test_keeps_the_last_one_who_may_set_up_staff(self, lead: Client) -> None:
        page = sign_in(is_superuser=True).post(
            f"{LIST}{me().pk}/delete/", {"post": "yes"}, follow=True
        )

        assert "Nobody else here may set up staff" in text_of(page)
        assert me()


class TestGiving:
    """About `may_set` (the pages) and `_check_giver` (the rule)."""

    def test_offers_no_more_than_one_has(self, lead: Client) -> None:
        page = lead.get(f"{LIST}add/")

        roles = [value for value, _label in page.context["adminform"].form.fields["role"].choices]
        assert roles == ["viewer", "finance", "finance_lead", "auditor"]

    def test_refuses_a_role_above_the_own(self, lead: Client, organization: Organization) -> None:
        sent = {"organization": organization.pk, "email": "bob@acme.test", "role": "operator"}

        page = lead.post(f"{LIST}add/", sent)

        assert page.status_code == 200
        assert not User.objects.filter(username="bob@acme.test").exists()

    @pytest.mark.parametrize("role", ["operator", "finance_lead"])
    def test_only_shows_oneself_and_who_has_more(
        self, organization: Organization, role: str
    ) -> None:
        sign_in(organization, role="operator")
        lead = sign_in(organization, role="finance_lead")
        row = Membership.objects.get(role=role)

        page = lead.get(f"{LIST}{row.pk}/change/")
        answer = lead.post(f"{LIST}{row.pk}/change/", {"role": "viewer", "seen": "{}"})
        gone = lead.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})

        assert page.status_code == 200
        assert 'name="role"' not in page.content.decode()
        assert (answer.status_code, gone.status_code) == (403, 403)
        row.refresh_from_db()
        assert row.role == role


class TestAccess:
    @pytest.mark.parametrize("role", ["viewer", "auditor", "finance"])
    def test_is_for_those_who_set_up_staff(self, organization: Organization, role: str) -> None:
        client = sign_in(organization, role=role)

        assert client.get(LIST).status_code == 403
        assert client.post(f"{LIST}add/").status_code == 403


class TestSecondFactor:
    def test_is_asked_of_everybody_once_it_is_switched_on(
        self, lead: Client, organization: Organization
    ) -> None:
        address = f"/admin/billing/organization/{organization.pk}/change/"

        response = lead.post(address, sent_by(lead, address) | {"requires_second_factor": "on"})

        assert response.status_code == 302, text_of(response)
        record = ChangeRecord.objects.latest("id")
        assert record.changes == {"requires_second_factor": [False, True]}
        assert "/admin/account/factors/" in lead.get("/admin/")["Location"]

    def test_is_only_told_to_a_clerk(self, organization: Organization) -> None:
        clerk = sign_in(organization, role="finance")
        address = f"/admin/billing/organization/{organization.pk}/change/"

        clerk.post(address, {"requires_second_factor": "on", "seen": "{}"})

        organization.refresh_from_db()
        assert clerk.get(address).status_code == 200
        assert not organization.requires_second_factor
