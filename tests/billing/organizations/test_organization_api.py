"""The organization over the API (contract: resources.md 2)."""

import pytest

from billing.errors import Invalid
from billing.events.actor import SYSTEM
from billing.models import BillingEntity, Organization, WebhookEndpoint
from billing.organizations.change import OrganizationChange
from billing.organizations.write import change_organization
from tests.billing.builders import make_organization, make_tax, make_webhook_endpoint
from tests.billing.racing import together
from tests.billing.traces import done, records, refused

PATH = "/api/v1/organizations"
URL = "https://hooks.example.com/a"


def shown(organization: Organization, **differences) -> dict:
    """Return the answer for an organization as the builder makes it."""
    return {
        "lago_id": str(organization.id),
        "name": "Acme",
        "slug": "acme",
        "default_currency": "USD",
        "created_at": organization.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "webhook_url": "",
        "webhook_urls": [],
        "country": None,
        "address_line1": None,
        "address_line2": None,
        "state": None,
        "zipcode": None,
        "email": None,
        "city": None,
        "legal_name": None,
        "legal_number": None,
        "timezone": "UTC",
        "net_payment_term": 0,
        "email_settings": [],
        "document_numbering": "per_customer",
        "document_number_prefix": "ACM-1A2B",
        "tax_identification_number": None,
        "finalize_zero_amount_invoice": True,
        "billing_configuration": {
            "invoice_footer": None,
            "invoice_grace_period": 0,
            "document_locale": "en",
        },
        "taxes": [],
    } | differences


def of(**values) -> dict:
    return {"organization": values}


SENT = {
    "country": "fr",
    "default_currency": "EUR",
    "address_line1": "1 rue A",
    "address_line2": " ",
    "city": "Lyon",
    "state": "",
    "zipcode": 69002,
    "legal_name": "",
    "legal_number": "RCS 1",
    "tax_identification_number": "FR1",
    "email": " a\u2013b@example.com ",
    "timezone": "Europe/Paris",
    "net_payment_term": "30",
    "document_numbering": "per_organization",
    "document_number_prefix": "abc",
    "finalize_zero_amount_invoice": "f",
    "email_settings": ["invoice.finalized"],
    "billing_configuration": {
        "invoice_footer": "Merci",
        "invoice_grace_period": 3,
        "document_locale": "fr",
    },
}
STORED = SENT | {
    "country": "FR",
    "address_line2": None,
    "state": None,
    "zipcode": "69002",
    "email": "a-b@example.com",
    "net_payment_term": 30,
    "document_number_prefix": "ABC",
    "finalize_zero_amount_invoice": False,
}


class TestGet:
    def test_shows_every_key_in_its_order(self, api, organization):
        answer = done(api, "GET", PATH)

        assert answer == {"organization": shown(organization)}
        assert list(answer["organization"]) == list(shown(organization))

    def test_reads_currency_time_zone_and_taxes_of_the_default_billing_entity(
        self, api, organization
    ):
        entity = organization.billing_entities.get()
        tax = make_tax(organization, code="vat", rate="5.5")
        entity.tax_links.create(organization=organization, tax=tax)
        BillingEntity.objects.update(timezone="Asia/Tokyo", default_currency="JPY")

        found = done(api, "GET", PATH)["organization"]

        assert (found["timezone"], found["default_currency"]) == ("Asia/Tokyo", "JPY")
        assert found["taxes"] == [
            {
                "lago_id": str(tax.id),
                "name": tax.name,
                "code": "vat",
                "description": None,
                "rate": 5.5,
                "applied_to_organization": True,
                "created_at": tax.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "add_ons_count": 0,
                "customers_count": 0,
                "plans_count": 0,
                "charges_count": 0,
                "commitments_count": 0,
            }
        ]

    def test_shows_the_oldest_endpoint_first(self, api, organization):
        for name in "abc":
            make_webhook_endpoint(organization, webhook_url=f"https://{name}.example.com")

        found = done(api, "GET", PATH)["organization"]

        assert found["webhook_url"] == "https://a.example.com"
        assert found["webhook_urls"] == [f"https://{name}.example.com" for name in "abc"]


class TestPut:
    def test_stores_every_field_and_writes_it_through(self, api, organization):
        answer = done(api, "PUT", PATH, of(**SENT, name="Other", logo="x"))

        assert answer == {"organization": shown(organization, **STORED)}
        entity = done(api, "GET", "/api/v1/billing_entities/acme_corp")["billing_entity"]
        flat = {key: value for key, value in STORED.items() if key != "billing_configuration"}
        expected = flat | STORED["billing_configuration"]
        expected |= {"document_numbering": "per_billing_entity"}
        assert {key: entity[key] for key in expected} == expected
        assert [record[:2] for record in records()] == [
            ("organization", "updated"),
            ("billing_entity", "updated"),
        ]

    def test_changes_nothing_by_the_same_values(self, api, organization):
        done(api, "PUT", PATH, of(**SENT, webhook_url=URL, slug="other"))
        before = records()
        moments = Organization.objects.get().updated_at, BillingEntity.objects.get().updated_at

        done(api, "PATCH", PATH, of(**SENT, webhook_url=URL, slug="other"))

        assert records() == before
        assert moments == (
            Organization.objects.get().updated_at,
            BillingEntity.objects.get().updated_at,
        )

    def test_null_empties_only_what_may_be_empty(self, api, organization):
        done(api, "PUT", PATH, of(**SENT, webhook_url=URL))
        nulls = dict.fromkeys([*SENT, "slug", "webhook_url"])

        found = done(api, "PUT", PATH, of(**nulls))["organization"]

        emptied = {key for key, value in found.items() if value is None}
        assert emptied == {
            "country",
            "address_line1",
            "address_line2",
            "city",
            "state",
            "zipcode",
            "legal_name",
            "legal_number",
            "tax_identification_number",
            "email",
        }
        assert found["billing_configuration"] == STORED["billing_configuration"]
        assert found["webhook_url"] == URL

    def test_leaves_an_absent_setting_alone(self, api, organization):
        done(api, "PUT", PATH, of(**SENT))

        body = of(billing_configuration={"invoice_footer": None, "invoice_grace_period": None})
        found = done(api, "PUT", PATH, body)["organization"]

        assert found["billing_configuration"] == {
            "invoice_footer": None,
            "invoice_grace_period": 3,
            "document_locale": "fr",
        }

    @pytest.mark.parametrize(
        "sent, problems",
        [
            ({"country": "UK"}, {"country": ["not_a_valid_country_code"]}),
            ({"default_currency": ""}, {"default_currency": ["value_is_invalid"]}),
            ({"timezone": ""}, {"timezone": ["invalid_timezone"]}),
            ({"timezone": 1}, {"timezone": ["invalid_timezone"]}),
            ({"email": "a@b.co, c@d.co"}, {"email": ["invalid_email_format"]}),
            ({"email": "a" * 250 + "@b.co"}, {"email": ["value_is_too_long"]}),
            ({"net_payment_term": -1}, {"net_payment_term": ["value_is_out_of_range"]}),
            ({"net_payment_term": 1.5}, {"net_payment_term": ["value_is_invalid"]}),
            (
                {"document_numbering": "per_billing_entity"},
                {"document_numbering": ["value_is_invalid"]},
            ),
            ({"document_number_prefix": " "}, {"document_number_prefix": ["value_is_mandatory"]}),
            (
                {"finalize_zero_amount_invoice": "yes"},
                {"finalize_zero_amount_invoice": ["value_is_invalid"]},
            ),
            ({"email_settings": ["x"]}, {"email_settings": ["unsupported_value"]}),
            ({"slug": "admin"}, {"slug": ["value_is_reserved"]}),
            ({"webhook_url": "http://a.example"}, {"webhook_url": ["url_is_invalid"]}),
            ({"billing_configuration": []}, {"billing_configuration": ["value_is_invalid"]}),
            ({"billing_configuration": "x"}, {"billing_configuration": ["value_is_invalid"]}),
            (
                {
                    "legal_name": "x" * 256,
                    "address_line1": "x" * 1025,
                    "billing_configuration": {
                        "invoice_footer": "x" * 601,
                        "invoice_grace_period": "x",
                        "document_locale": "",
                    },
                },
                {
                    "legal_name": ["value_is_too_long"],
                    "address_line1": ["value_is_too_long"],
                    "invoice_footer": ["value_is_too_long"],
                    "invoice_grace_period": ["value_is_invalid"],
                    "document_locale": ["not_a_valid_language_code"],
                },
            ),
        ],
    )
    def test_refuses(self, api, sent, problems):
        assert refused(api, "PUT", PATH, of(**sent)) == problems

    def test_refuses_a_slug_that_is_taken(self, api):
        make_organization(slug="taken")

        assert refused(api, "PUT", PATH, of(slug="taken")) == {"slug": ["value_already_exist"]}

    def test_minds_the_rules_of_the_default_billing_entity(self, api, organization):
        BillingEntity.objects.update(country="FR", eu_tax_management=True, einvoicing=True)

        assert refused(api, "PUT", PATH, of(country="US")) == {
            "eu_tax_management": ["billing_entity_must_be_in_eu"],
            "einvoicing": ["country_not_supported"],
        }

    @pytest.mark.parametrize("body", [{}, of(), of(name="x"), of(logo="x"), {"organization": 1}])
    def test_needs_a_root(self, api, body):
        assert refused(api, "PUT", PATH, body, 400)["error"].endswith(": organization")


class TestWebhookUrl:
    def test_makes_the_first_endpoint(self, api, organization):
        found = done(api, "PUT", PATH, of(webhook_url=URL))["organization"]

        assert (found["webhook_url"], found["webhook_urls"]) == (URL, [URL])
        assert [record[:2] for record in records()] == [("webhook_endpoint", "created")]

    def test_changes_the_oldest(self, api, organization):
        """Red when another organization's, which is older, is taken for it."""
        make_webhook_endpoint(make_organization(), webhook_url="https://theirs.example.com")
        for name in "ab":
            make_webhook_endpoint(organization, webhook_url=f"https://{name}.example.com")

        found = done(api, "PUT", PATH, of(webhook_url=URL))["organization"]

        assert found["webhook_urls"] == [URL, "https://b.example.com"]
        assert records() == [
            (
                "webhook_endpoint",
                "updated",
                {"webhook_url": ["https://a.example.com", URL]},
            )
        ]

    @pytest.mark.parametrize("value", [None, ""])
    def test_changes_nothing_by_nothing(self, api, organization, value):
        make_webhook_endpoint(organization, webhook_url=URL)

        done(api, "PUT", PATH, of(webhook_url=value))

        assert WebhookEndpoint.objects.get().webhook_url == URL
        assert records() == []

    def test_refuses_one_that_is_taken(self, api, organization):
        make_webhook_endpoint(organization)
        make_webhook_endpoint(organization, webhook_url=URL)

        problems = refused(api, "PUT", PATH, of(webhook_url=URL, slug="x"))

        assert problems == {
            "slug": ["value_is_too_short"],
            "webhook_url": ["value_already_exist"],
        }


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_gives_a_slug_once(self):
        """Seen to fail, with an IntegrityError, when `lock_slug` locks nothing."""
        organizations = [make_organization() for _ in range(6)]

        outcomes = together(
            *[
                lambda one=one: change_organization(
                    one.id, OrganizationChange(slug="wanted"), SYSTEM
                )
                for one in organizations
            ]
        )

        refusals = [found.problems for found in outcomes if isinstance(found, Invalid)]
        assert refusals == [{"slug": ["value_already_exist"]}] * 5
        assert outcomes.count(True) == 1
