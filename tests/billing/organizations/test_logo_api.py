"""The logo of a billing entity over the API, and where it is served (contract: resources.md 3)."""

import pytest

from tests.billing.organizations.test_billing_entity_api import PATH, of
from tests.billing.organizations.test_change import JPEG, PNG, uri
from tests.billing.traces import done, records, refused

HOME = "https://tarn.acme.test"


def path(url):
    """Return what of a logo's address our own server knows."""
    assert url.startswith(HOME + "/")
    return url.removeprefix(HOME)


@pytest.fixture(autouse=True)
def home(settings):
    settings.TARN_PUBLIC_URL = HOME


class TestLogo:
    def test_is_served_as_what_it_is(self, api, anonymous, organization):
        sent = of(logo=uri(JPEG, "image/png"))

        found = done(api, "PUT", f"{PATH}/acme_corp", sent)["billing_entity"]
        answer = anonymous.get(path(found["logo_url"]))

        assert (answer.status, answer.body) == (200, JPEG)
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["x-content-type-options"] == "nosniff"

    def test_is_recorded_by_its_hash_and_once(self, api, organization):
        for _ in range(2):
            done(api, "PUT", f"{PATH}/acme_corp", of(logo=uri(PNG)))

        [(_, _, changes)] = records()
        assert changes["logo"][0] is None
        assert changes["logo"][1].startswith("sha256:")

    def test_is_taken_away_by_null(self, api, anonymous, organization):
        url = done(api, "PUT", f"{PATH}/acme_corp", of(logo=uri(PNG)))["billing_entity"]["logo_url"]

        found = done(api, "PUT", f"{PATH}/acme_corp", of(logo=None))["billing_entity"]

        assert found["logo_url"] is None
        assert anonymous.get(path(url)).status == 404

    def test_may_be_as_large_as_a_body_can_carry(self, api, organization):
        done(api, "PUT", f"{PATH}/acme_corp", of(logo=uri(PNG.ljust(700_000, b"x"))))

        problems = refused(api, "PUT", f"{PATH}/acme_corp", of(logo=uri(PNG.ljust(700_001, b"x"))))

        assert problems == {"logo": ["file_too_large"]}
