"""Whether a person is still signed in."""

from typing import Any

from django.test import Client

from tests.staff import sign_in

PRESENCE = "/admin/presence/"


class TestPresence:
    def test_says_who_is_signed_in_and_with_which_token(self, organization: Any) -> None:
        client = sign_in(organization)

        answer = client.get(PRESENCE)

        assert answer.json()["person"] == client.session["_auth_user_id"]
        assert answer.json()["token"]
        assert "no-store" in answer.headers["Cache-Control"]

    def test_says_nothing_to_nobody(self) -> None:
        assert Client().get(PRESENCE).status_code == 302
