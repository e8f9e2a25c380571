"""The demo: loaded once, left alone afterwards, and good for the documented curl."""

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.test import RequestFactory

from billing.models import ApiKey, ChangeRecord, Integration, PaymentProvider
from customers.models import Customer, IntegrationLink, ProviderLink
from tests.conftest import Client

CURL = Path(__file__).parents[2] / "demo" / "customer.json"


@pytest.fixture(autouse=True)
def data_dir(db: None, settings: Any, tmp_path: Path) -> Path:
    """A data directory of the test's own."""
    settings.DATA_DIR = tmp_path / "data"
    return tmp_path / "data"


def load() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call_command("load_demo", stdout=io.StringIO()))
    return found


class TestLoadDemo:
    def test_holds_some_dozens_of_varied_customers(self) -> None:
        load()

        countries = set(Customer.objects.values_list("country", flat=True))
        assert Customer.objects.count() >= 60
        assert len(countries) >= 30
        assert None in countries
        assert ProviderLink.objects.values("connection__type").distinct().count() == len(
            PaymentProvider.Type
        )
        assert IntegrationLink.objects.values("type").distinct().count() == len(Integration.Type)

    def test_changes_nothing_the_second_time(self) -> None:
        first = load()
        before = (ChangeRecord.objects.count(), ApiKey.objects.count())

        second = load()

        assert second == first
        assert (ChangeRecord.objects.count(), ApiKey.objects.count()) == before

    def test_leaves_alone_what_people_did_to_it(self) -> None:
        key = load()["api_key"]
        client = Client(key)
        client.post("/api/v1/customers", json={"customer": {"external_id": "de-1001", "name": "X"}})
        client.delete("/api/v1/customers/de-1002")

        load()

        assert Customer.objects.kept().get(external_id="de-1001").name == "X"
        assert not Customer.objects.kept().filter(external_id="de-1002").exists()

    def test_answers_the_documented_curl_twice_with_one_customer(self) -> None:
        client = Client(load()["api_key"])
        body = json.loads(CURL.read_text())

        answers = [client.post("/api/v1/customers", json=body) for _ in range(2)]

        assert [answer.status for answer in answers] == [200, 200]
        first, second = (answer.json()["customer"] for answer in answers)
        assert first == second
        assert first["billing_configuration"]["payment_provider_code"] == "stripe-eu-1"
        assert [tax["code"] for tax in first["taxes"]] == ["french_standard_vat"]
        assert first["applicable_invoice_custom_sections"]

    def test_keeps_the_key_where_only_its_owner_reads_it(self, data_dir: Path) -> None:
        key = load()["api_key"]

        file = data_dir / "demo-api-key"
        assert file.read_text().strip() == key
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_makes_a_new_key_when_the_old_one_is_lost(self, data_dir: Path) -> None:
        first = load()["api_key"]
        (data_dir / "demo-api-key").unlink()

        second = load()["api_key"]

        assert second != first
        assert Client(second).get("/api/v1/customers").status == 200

    def test_makes_a_new_key_when_the_kept_one_works_no_more(self) -> None:
        first = load()["api_key"]
        ApiKey.objects.all().delete()

        assert load()["api_key"] != first

    def test_lets_its_staff_sign_in(self) -> None:
        staff = load()["staff"]

        request = RequestFactory().post("/admin/login/")
        people = [
            authenticate(request, username=one["email"], password=one["password"]) for one in staff
        ]
        assert people
        assert all(person is not None and person.is_staff for person in people)  # type: ignore[attr-defined]
