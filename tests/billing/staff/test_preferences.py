"""People's own settings, and the language and time zone of pages."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone, translation

from billing.models import Organization, StaffPreference
from tests.conftest import Client as ApiClient
from tests.customers.builders import make_customer
from tests.staff import sign_in

PREFER = "/admin/preferences/"


class TestLanguage:
    def test_is_the_browsers_until_one_is_chosen(self, organization: Organization) -> None:
        client = sign_in(organization)

        asked = client.get("/admin/", headers={"accept-language": "de"})
        client.post(PREFER, {"language": "fr"})
        chosen = client.get("/admin/", headers={"accept-language": "de"})

        assert (asked["Content-Language"], chosen["Content-Language"]) == ("de", "fr")
        assert b'lang="fr"' in chosen.content

    @pytest.mark.parametrize("language", ["xx", "../../etc", "\0"])
    def test_is_one_that_we_speak(self, organization: Organization, language: str) -> None:
        client = sign_in(organization)

        answer = client.post(PREFER, {"language": language})

        assert answer.status_code == 302
        assert not StaffPreference.objects.exists()

    def test_is_left_behind_after_the_page(self, organization: Organization) -> None:
        """The thread may serve a program next. Seen to fail with activate for override."""
        client = sign_in(organization)
        client.post(PREFER, {"language": "fr"})

        client.get("/admin/")

        assert translation.get_language() == "en"

    def test_changes_nothing_on_the_wire(self, api: ApiClient) -> None:
        plain = api.get("/api/v1/customers/nobody")
        french = api.get("/api/v1/customers/nobody", headers={"accept-language": "fr"})

        assert plain.body == french.body
        assert "content-language" not in french.headers


class TestPreferences:
    def test_are_kept_for_each_person(self, organization: Organization) -> None:
        one, other = sign_in(organization), sign_in(organization)

        one.post(PREFER, {"keys": "off"})

        assert b"t-keys-off" in one.get("/admin/").content
        assert b"t-keys-off" not in other.get("/admin/").content
        assert get_user_model().objects.count() == 2

    @pytest.mark.parametrize(
        ("target", "found"),
        [
            ("/admin/billing/tax/", "/admin/billing/tax/"),
            ("https://evil.test/", "/admin/"),
            ("//evil.test/", "/admin/"),
            ("javascript:alert(1)", "/admin/"),
        ],
    )
    def test_lead_back_to_our_own_pages_alone(
        self, organization: Organization, target: str, found: str
    ) -> None:
        answer = sign_in(organization).post(PREFER, {"keys": "on", "next": target})

        assert answer["Location"] == found


@pytest.mark.django_db
class TestTimeZone:
    """Seen to fail without ReadersTime among the middlewares: all is UTC then."""

    def shown(self, client: Client) -> str:
        """Return the zone that the page of one's account says times are in."""
        page = client.get("/admin/account/time/").content.decode()
        found = re.search(r"there now \(([^)]*)\)", page)
        assert found
        return found[1]

    def test_is_the_organization_s_until_one_is_chosen(self, organization: Organization) -> None:
        Organization.objects.update(timezone="Asia/Tokyo")
        client = sign_in(organization)

        before = self.shown(client)
        client.post(PREFER, {"timezone": "America/New_York"})

        assert (before, self.shown(client)) == ("Asia/Tokyo", "America/New_York")

    def test_is_followed_by_what_pages_say(self, organization: Organization) -> None:
        customer = make_customer(organization)
        client = sign_in(organization)
        client.post(PREFER, {"timezone": "Asia/Kathmandu"})

        page = client.get(f"/admin/customers/customer/{customer.pk}/timeline/").content.decode()

        assert re.search(r'title="[\d-]+ [\d:]+ Asia/Kathmandu \(\+0545\) · [^"]* UTC"', page)

    def test_can_be_the_organization_s_again(self, organization: Organization) -> None:
        client = sign_in(organization)
        client.post(PREFER, {"timezone": "America/New_York"})

        client.post(PREFER, {"timezone": ""})

        assert self.shown(client) == "UTC"

    @pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "\0", "x" * 500])
    def test_is_one_that_there_is(self, organization: Organization, zone: str) -> None:
        client = sign_in(organization)

        answer = client.post(PREFER, {"timezone": zone})

        assert answer.status_code == 302
        assert not StaffPreference.objects.exists()

    def test_is_left_behind_after_the_page(self, organization: Organization) -> None:
        """The thread may serve a program next."""
        client = sign_in(organization)
        client.post(PREFER, {"timezone": "Asia/Tokyo"})

        client.get("/admin/")

        assert timezone.get_current_timezone_name() == "UTC"

    def test_is_nobody_s_who_has_not_signed_in(self, db: None) -> None:
        assert Client().get("/admin/login/").status_code == 200
        assert Client().get("/admin/account/time/").status_code == 302
