"""What NetSuite alone does: signed calls, external ids, subsidiaries, address books."""

from types import SimpleNamespace

import httpx2
import pytest
from oauthlib.oauth1.rfc5849 import signature as oauth

from customers.models import Customer, IntegrationLink, Mirror
from customers.providers.adapter import adapter_of
from customers.providers.failures import Refused
from customers.providers.netsuite import signature
from tests.customers.posting import post
from tests.customers.providers.conftest import work_off

pytestmark = pytest.mark.django_db
BILLING = {"address_line1": "12 quai de Valmy", "city": "Paris", "country": "FR"}


def linked(organization, **values):
    link = {"integration_type": "netsuite", "sync_with_provider": True, "subsidiary_id": "2"}
    body = {"name": "Ann", "email": "a@acme.example,b@acme.example", **BILLING}
    return post(organization, "c1", **(body | {"integration_customers": [link]} | values))


def record(netsuite):
    [found] = netsuite.customers.values()
    return found


class TestRecord:
    def test_holds_what_the_contract_names(self, organization, at_netsuite, netsuite, settings):
        settings.TARN_PUBLIC_URL = "https://tarn.example"
        linked(organization, phone="+33 1,+33 2")
        key = str(Customer.objects.get().pk)

        work_off()

        line = {
            "defaultBilling": True,
            "defaultShipping": True,
            "internalId": 1,
            "addressBookAddress": {
                "addr1": "12 quai de Valmy",
                "city": "Paris",
                "country": {"id": "FR"},
            },
        }
        assert record(netsuite) == {
            "id": "1001",
            "externalId": key,
            "entityId": "c1",
            "autoName": False,
            "isPerson": False,
            "companyName": "Ann",
            "email": "a@acme.example",
            "phone": "+33 1",
            "subsidiary": {"id": "2"},
            "custentity_lago_id": key,
            "custentity_lago_customer_link": (
                f"https://tarn.example/admin/customers/customer/{key}/change/"
            ),
            "addressBook": [line],
        }

    def test_is_a_person_where_the_customer_is_one(self, organization, at_netsuite, netsuite):
        person = {"customer_type": "individual", "firstname": "Ann", "lastname": "Lee"}
        linked(organization, name=None, **person)

        work_off()

        found = record(netsuite)
        assert (found["isPerson"], found["firstName"], found["lastName"]) == (True, "Ann", "Lee")
        assert "companyName" not in found

    def test_is_refused_where_its_number_is_taken(self, organization, at_netsuite, netsuite):
        netsuite.customers["7"] = {"id": "7", "entityId": "c1", "companyName": "Somebody"}
        linked(organization)

        work_off()

        assert Mirror.objects.get().error_code == "UNIQUE_CUST_ID_REQD"
        assert netsuite.customers["7"]["companyName"] == "Somebody"

    def test_gets_its_id_though_no_answer_names_it(
        self, organization, at_netsuite, netsuite, monkeypatch
    ):
        change = netsuite._change

        def change_and_say_nothing(*args):
            reply = change(*args)
            reply.headers.pop("Location")
            return reply

        monkeypatch.setattr(netsuite, "_change", change_and_say_nothing)
        linked(organization)

        work_off()

        assert IntegrationLink.objects.get().external_customer_id == "1001"


class TestAddressBook:
    def test_keeps_the_lines_of_others(self, organization, at_netsuite, netsuite):
        """Seen to fail when a change replaces the address book."""
        linked(organization)
        work_off()
        others = {"internalId": 9, "label": "Warehouse", "addressBookAddress": {"city": "Brest"}}
        record(netsuite)["addressBook"].append(others)

        post(organization, "c1", city="Lyon", shipping_address={"city": "Lille"})
        work_off()

        lines = record(netsuite)["addressBook"]
        cities = {line["internalId"]: line["addressBookAddress"]["city"] for line in lines}
        assert cities == {1: "Lyon", 9: "Brest", 10: "Lille"}
        assert [line.get("defaultShipping") for line in lines] == [False, False, True]

    def test_is_used_for_both_again_when_the_shipping_address_goes(
        self, organization, at_netsuite, netsuite
    ):
        linked(organization, shipping_address={"city": "Lille"})
        work_off()

        post(organization, "c1", shipping_address={"city": None})
        work_off()

        lines = record(netsuite)["addressBook"]
        assert [line["defaultShipping"] for line in lines] == [True, False]


class TestSigning:
    def test_is_as_oauthlib_signs(self):
        claims = {
            "oauth_consumer_key": "client &1",
            "oauth_token": "token",
            "oauth_signature_method": "HMAC-SHA256",
            "oauth_timestamp": "1700000000",
            "oauth_nonce": "n0nce",
            "oauth_version": "1.0",
        }
        address = "https://acct.suitetalk.api.netsuite.com/services/rest/record/v1/customer/eid:a"
        url = httpx2.URL(address, params={"replace": "addressBook", "q": "a b&c"})

        pairs = oauth.collect_parameters(uri_query="replace=addressBook&q=a%20b%26c")
        text = oauth.signature_base_string(
            "PUT",
            oauth.base_string_uri(address),
            oauth.normalize_parameters([*pairs, *claims.items()]),
        )
        client = SimpleNamespace(client_secret="s&cret", resource_owner_secret="t/oken")
        expected = oauth.sign_hmac_sha256_with_client(text, client)
        assert signature("PUT", url, claims, "s%26cret&t%2Foken") == expected

    def test_is_refused_with_a_wrong_secret(self, organization, at_netsuite, netsuite):
        at_netsuite.secrets = {"client_secret": "client-secret", "token_secret": "old"}
        at_netsuite.save()
        linked(organization)

        work_off()

        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.error_code) == ("failed", "INVALID_LOGIN")
        assert mirror.error_message == "Invalid login attempt."

    def test_repeats_no_part_of_a_secret(self, organization, at_netsuite, netsuite, monkeypatch):
        """Red if words are cut before secrets are taken out: a piece of one is left at the end."""
        words = "x" * 490 + " client-secret"
        monkeypatch.setattr(netsuite, "answer", lambda _: netsuite.refusal(400, words))
        linked(organization)

        work_off()

        told = Mirror.objects.get().error_message
        assert told == "x" * 490 + " ***"


class TestAccount:
    @pytest.mark.parametrize("account", ["evil.example/x", "a b", "a@b", "1.2", "-", "a#", ""])
    def test_is_no_way_to_another_host(self, at_netsuite, settings, account):
        """Seen to fail when any text becomes a part of the host's name."""
        settings.TARN_NETSUITE_URL = ""
        at_netsuite.settings |= {"account_id": account}

        with pytest.raises(Refused):
            adapter_of(at_netsuite)._ask("GET", "customer/1")

    def test_has_an_address_of_its_own(self, at_netsuite, settings, monkeypatch):
        settings.TARN_NETSUITE_URL = ""
        asked = []
        monkeypatch.setattr(
            "customers.providers.netsuite.Rest.look", lambda rest, *call: asked.append(call)
        )

        adapter_of(at_netsuite)._ask("GET", "customer/1")

        [(url, headers)] = asked
        assert url.host == "1234567-sb1.suitetalk.api.netsuite.com"
        assert 'realm="1234567_SB1"' in headers["Authorization"]
