"""What Xero alone does: calls by way of Nango, numbers, unique names."""

import pytest

from customers.models import Customer, IntegrationLink, Mirror
from customers.providers.adapter import Subject, adapter_of
from demo.fakes.xero import TENANT
from tests.customers.posting import post
from tests.customers.providers.conftest import work_off

pytestmark = pytest.mark.django_db
OTHER = "11111111-2222-4333-8444-555555555555"


def linked(organization, external_id="c1", **values):
    links = [{"integration_type": "xero", "sync_with_provider": True}]
    return post(
        organization, external_id, **({"name": "Ann", "integration_customers": links} | values)
    )


def remote_id():
    return IntegrationLink.objects.get().external_customer_id


class TestContact:
    def test_holds_what_the_contract_names(self, organization, at_xero, xero):
        linked(
            organization,
            legal_name="Ann SAS",
            firstname="Ann",
            lastname="Lee",
            email="a@acme.example,b@acme.example",
            phone="+33 1",
            tax_identification_number="FR00812345678",
            address_line1="12 quai de Valmy",
            city="Paris",
            state="IDF",
            country="FR",
        )

        work_off()

        assert xero.customers[remote_id()] == {
            "ContactID": remote_id(),
            "ContactStatus": "ACTIVE",
            "ContactNumber": "c1",
            "Name": "Ann SAS",
            "FirstName": "Ann",
            "LastName": "Lee",
            "EmailAddress": "a@acme.example",
            "TaxNumber": "FR00812345678",
            "Addresses": [
                {
                    "AddressType": "POBOX",
                    "AddressLine1": "12 quai de Valmy",
                    "City": "Paris",
                    "Region": "IDF",
                    "Country": "FR",
                }
            ],
            "Phones": [
                {
                    "PhoneType": "DEFAULT",
                    "PhoneNumber": "+33 1",
                    "PhoneAreaCode": "",
                    "PhoneCountryCode": "",
                }
            ],
        }

    def test_is_made_through_nango(self, organization, at_xero, xero):
        linked(organization)

        work_off()

        [call] = [call for call in xero.calls if call.method == "PUT"]
        assert call.headers["authorization"] == "Bearer nango-key"
        assert call.headers["connection-id"] == "nango-1"
        assert call.headers["nango-proxy-xero-tenant-id"] == TENANT
        assert len(call.headers["nango-proxy-idempotency-key"]) == 36

    def test_takes_over_its_name_as_the_legal_one(self, organization, at_xero, xero):
        linked(organization, legal_name="Ann SAS")
        link = IntegrationLink.objects.get()
        subject = Subject(link.customer, link)

        adapter = adapter_of(at_xero)

        assert adapter.wish(subject, "name", "Ann SARL") == {"legal_name": "Ann SARL"}
        link.customer.legal_name = None
        assert adapter.wish(subject, "name", "Bob") == {"name": "Bob"}


class TestNumber:
    @pytest.mark.parametrize("external_id", ["x" * 51, 'a"b', "a\\b"])
    def test_is_ours_where_the_external_id_does_not_fit(
        self, organization, at_xero, xero, external_id
    ):
        linked(organization, external_id)

        work_off()

        assert xero.customers[remote_id()]["ContactNumber"] == str(Customer.objects.get().pk)

    def test_does_not_make_us_take_over_somebody_else(self, organization, at_xero, xero):
        """Seen to fail when a contact is taken by its number alone."""
        theirs = {"ContactID": OTHER, "ContactNumber": "c1", "Name": "Old Bakery",
                  "ContactStatus": "ACTIVE"}  # fmt: skip
        xero.customers[OTHER] = dict(theirs)
        linked(organization)

        work_off()

        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.error_code) == ("failed", "contact_number_taken")
        assert "Old Bakery" in mirror.error_message
        assert xero.customers == {OTHER: theirs}

    def test_finds_the_contact_of_the_same_name(self, organization, at_xero, xero):
        theirs = {"ContactID": OTHER, "ContactNumber": "c1", "Name": "Ann",
                  "ContactStatus": "ACTIVE"}  # fmt: skip
        xero.customers[OTHER] = dict(theirs)
        linked(organization, city="Paris")

        work_off()

        assert remote_id() == OTHER
        assert list(xero.customers) == [OTHER]


class TestRefusal:
    def test_says_that_a_name_is_taken(self, organization, at_xero, xero):
        xero.customers[OTHER] = {"ContactID": OTHER, "Name": "Ann"}
        linked(organization)

        work_off()

        assert "already assigned to another contact" in Mirror.objects.get().error_message

    def test_says_that_nango_has_no_such_connection(self, organization, at_xero, xero):
        at_xero.secrets = {"connection_id": "wrong"}
        at_xero.save()
        linked(organization)

        work_off()

        mirror = Mirror.objects.get()
        assert mirror.error_code == "unknown_connection"
        assert mirror.error_message == "The connection does not exist."

    def test_says_that_this_server_has_no_key(self, organization, at_xero, xero, settings):
        settings.TARN_NANGO_SECRET_KEY = ""
        linked(organization)

        work_off()

        assert Mirror.objects.get().error_code == "nango_secret_key_missing"
        assert xero.calls == []

    @pytest.mark.parametrize("tenants", [(), (TENANT, OTHER), ("../x",)])
    def test_says_that_the_organization_is_not_clear(self, organization, at_xero, xero, tenants):
        xero.tenants = tenants
        linked(organization)

        work_off()

        assert Mirror.objects.get().error_code == "organization_is_ambiguous"
        assert xero.customers == {}

    @pytest.mark.parametrize(
        "made", ["00000000-0000-0000-0000-000000000000", "../../x", "-1", 7, None, ["a"]]
    )
    def test_keeps_no_id_of_the_wrong_form(self, organization, at_xero, xero, monkeypatch, made):
        """Seen to fail when any id is stored."""
        keep = xero._keep_contact

        def keep_and_answer_nonsense(*args):
            reply = keep(*args)
            reply.body = {"Contacts": [{"ContactID": made}]}
            xero.customers.clear()
            return reply

        monkeypatch.setattr(xero, "_keep_contact", keep_and_answer_nonsense)
        linked(organization)

        work_off(now=True)

        assert remote_id() is None
        mirror = Mirror.objects.get()
        assert (mirror.state, mirror.error_code) == ("failed", "garbled_answer")
