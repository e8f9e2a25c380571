"""Lago's own client for Python, as its users call it, against a live server."""

import base64

import pytest
from lago_python_client.client import Client
from lago_python_client.exceptions import LagoApiError
from lago_python_client.models.billing_entity import (
    BillingEntity,
    BillingEntityBillingConfiguration,
    BillingEntityUpdate,
)
from lago_python_client.models.customer import (
    Address,
    Customer,
    CustomerBillingConfiguration,
    IntegrationCustomer,
    IntegrationCustomersList,
    Metadata,
    MetadataList,
)
from lago_python_client.models.organization import Organization, OrganizationBillingConfiguration
from lago_python_client.models.tax import Tax
from lago_python_client.models.webhook_endpoint import WebhookEndpoint


@pytest.fixture
def lago(tarn, live_key):
    return Client(api_key=live_key, api_url=tarn.address)


@pytest.fixture(scope="module")
def rival(tarn):
    """A client of an organization whose lists nobody else fills."""
    return Client(api_key=tarn.create_api_key("rival"), api_url=tarn.address)


def full_customer(external_id: str) -> Customer:
    """Return a customer with a value in every field that the client knows."""
    return Customer(
        external_id=external_id,
        address_line1="12 quai de Valmy",
        address_line2="Bât. B",
        city="Paris",
        country="FR",
        currency="EUR",
        email="compta@canal.test",
        legal_name="Canal SAS",
        legal_number="812 345 678",
        net_payment_term=30,
        tax_identification_number="FR00812345678",
        logo_url="https://canal.test/logo.png",
        name="Brasserie du Canal",
        firstname="Anne",
        lastname="Canal",
        customer_type="company",
        phone="+33 1 55 00 00 00",
        state="Île-de-France",
        timezone="Europe/Paris",
        url="https://canal.test",
        zipcode="75010",
        metadata=MetadataList(
            __root__=[Metadata(key="Cost centre", value="B-17", display_in_invoice=True)]
        ),
        finalize_zero_amount_invoice="skip",
        billing_configuration=CustomerBillingConfiguration(
            invoice_grace_period=3,
            subscription_invoice_issuing_date_anchor="next_period_start",
            subscription_invoice_issuing_date_adjustment="keep_anchor",
            payment_provider="stripe",
            payment_provider_code="stripe-eu-1",
            provider_customer_id="cus_Nf4Qa81x",
            sync=False,
            sync_with_provider=True,
            document_locale="fr",
            provider_payment_methods=["card", "link"],
        ),
        shipping_address=Address(
            address_line1="1 rue de Lyon",
            address_line2="étage 2",
            city="Lyon",
            zipcode="69002",
            state="Rhône",
            country="FR",
        ),
        integration_customers=IntegrationCustomersList(
            __root__=[
                IntegrationCustomer(
                    integration_type="netsuite",
                    integration_code="netsuite-eu-1",
                    external_customer_id="8841",
                    subsidiary_id="2",
                    sync_with_provider=True,
                )
            ]
        ),
        tax_codes=["french_standard_vat"],
        invoice_custom_section_codes=["us_bank_details"],
        billing_entity_code="acme_fr",
    )


class TestCustomers:
    def test_creates_with_every_field(self, lago, new_id):
        sent = full_customer(new_id).dict(exclude_none=True)

        created = lago.customers.create(full_customer(new_id)).dict()

        same = sent.keys() & created.keys() - {"metadata", "integration_customers"}
        assert len(same) == 25
        assert {key: created[key] for key in same} == {key: sent[key] for key in same}

    def test_shows_lists_and_links_through_its_models(self, lago, new_id):
        created = lago.customers.create(full_customer(new_id))

        [entry] = created.metadata.__root__
        [tax] = created.taxes.__root__
        [link] = created.integration_customers.__root__
        [section] = created.applicable_invoice_custom_sections.__root__
        assert (entry.key, entry.value, entry.display_in_invoice) == ("Cost centre", "B-17", True)
        assert (tax.code, tax.rate) == ("french_standard_vat", 20.0)
        assert (link.type, link.external_customer_id) == ("netsuite", "8841")
        assert link.subsidiary_id == "2"
        assert section.code == "us_bank_details"
        assert created.error_details.__root__ == []

    def test_changes_what_it_sends_and_finds_the_whole(self, lago, new_id):
        created = lago.customers.create(full_customer(new_id))

        lago.customers.create(Customer(external_id=new_id, name="Chez Anne"))

        found = lago.customers.find(new_id)
        expected = created.dict() | {"name": "Chez Anne", "updated_at": found.updated_at}
        assert found.dict() == expected

    def test_lists_with_pages_and_filters(self, lago, new_id):
        for number in range(3):
            lago.customers.create(
                Customer(
                    external_id=f"{new_id}-{number}",
                    legal_name=f"Listed {new_id}",
                    country="DE" if number else "FR",
                    currency="EUR",
                )
            )

        page = lago.customers.find_all({"search_term": new_id, "per_page": 2, "page": 1})
        germans = lago.customers.find_all(
            {"search_term": new_id, "countries[]": ["DE"], "currencies[]": ["EUR", "USD"]}
        )

        ids = [customer.external_id for customer in page["customers"]]
        assert len(ids) == 2
        assert page["meta"] == {
            "current_page": 1,
            "next_page": 2,
            "prev_page": None,
            "total_pages": 2,
            "total_count": 3,
        }
        assert {one.external_id for one in germans["customers"]} == {f"{new_id}-1", f"{new_id}-2"}

    def test_destroys(self, lago, new_id):
        created = lago.customers.create(full_customer(new_id))

        destroyed = lago.customers.destroy(new_id)

        assert destroyed == created
        with pytest.raises(LagoApiError) as refusal:
            lago.customers.find(new_id)
        assert refusal.value.status_code == 404


class TestErrors:
    def test_carry_status_and_body(self, lago, new_id):
        with pytest.raises(LagoApiError) as refusal:
            lago.customers.create(Customer(external_id=new_id, currency="XXX", country="ZZ"))

        assert refusal.value.status_code == 422
        assert refusal.value.response == {
            "status": 422,
            "error": "Unprocessable Entity",
            "code": "validation_errors",
            "error_details": {
                "currency": ["value_is_invalid"],
                "country": ["not_a_valid_country_code"],
            },
        }

    def test_say_that_a_key_is_unknown(self, tarn):
        stranger = Client(api_key="nobody-knows-this-key", api_url=tarn.address)

        with pytest.raises(LagoApiError) as refusal:
            stranger.organizations.update(Organization(default_currency="EUR"))

        assert refusal.value.status_code == 401
        assert refusal.value.response == {"status": 401, "error": "Unauthorized"}


class TestTaxes:
    def test_lives_from_create_to_destroy(self, rival):
        tax = Tax(
            name="Reduced",
            code="reduced",
            rate=5.5,
            description="Food",
            applied_to_organization=True,
        )

        created = rival.taxes.create(tax)
        updated = rival.taxes.update(Tax(name="Less"), "reduced")
        listed = rival.taxes.find_all({"per_page": 1})
        destroyed = rival.taxes.destroy("reduced")

        assert created.dict(exclude={"lago_id", "created_at"}) == tax.dict() | {
            "applied_to_billing_entities_codes": ["rival_corp"]
        }
        assert updated == created.copy(update={"name": "Less"})
        assert listed["taxes"] == [updated]
        assert listed["meta"]["total_count"] == 2
        assert destroyed == updated
        with pytest.raises(LagoApiError) as refusal:
            rival.taxes.find("reduced")
        assert refusal.value.response["code"] == "tax_not_found"


class TestBillingEntities:
    def test_lives_from_create_to_find_all(self, rival):
        entity = BillingEntity(
            code="rival_fr",
            name="Rival France",
            country="FR",
            email="fr@rival.test",
            default_currency="EUR",
            timezone="Europe/Paris",
            net_payment_term=45,
            eu_tax_management=True,
            email_settings=["invoice.finalized"],
            billing_configuration=BillingEntityBillingConfiguration(
                invoice_footer="Merci", invoice_grace_period=2, document_locale="fr"
            ),
        )

        created = rival.billing_entities.create(entity)
        wish = BillingEntityUpdate(name="Rival SAS", tax_codes=["rival_vat"])
        updated = rival.billing_entities.update(wish, "rival_fr")
        found = rival.billing_entities.find("rival_fr")
        listed = rival.billing_entities.find_all()

        flat = entity.dict(exclude_none=True, exclude={"billing_configuration"})
        flat |= entity.billing_configuration.dict(exclude_none=True)
        assert {key: created.dict()[key] for key in flat} == flat
        assert created.is_default is False
        assert updated.name == "Rival SAS"
        assert [tax.code for tax in updated.taxes.__root__] == ["rival_vat"]
        assert found == updated
        assert [one.code for one in listed["billing_entities"]] == ["rival_corp", "rival_fr"]


class TestOrganizations:
    def test_updates(self, rival):
        updated = rival.organizations.update(
            Organization(
                default_currency="EUR",
                legal_name="Rival GmbH",
                timezone="Europe/Berlin",
                net_payment_term=14,
                billing_configuration=OrganizationBillingConfiguration(
                    invoice_footer="Danke", invoice_grace_period=1, document_locale="de"
                ),
            )
        )

        assert updated.name == "Rival"
        assert (updated.legal_name, updated.timezone) == ("Rival GmbH", "Europe/Berlin")
        assert updated.net_payment_term == 14
        assert updated.billing_configuration.invoice_footer == "Danke"


class TestWebhookEndpoints:
    def test_lives_from_create_to_destroy(self, rival):
        endpoint = WebhookEndpoint(
            webhook_url="https://hooks.rival.test/tarn",
            signature_algo="hmac",
            name="First",
            event_types=["customer.created"],
        )

        created = rival.webhook_endpoints.create(endpoint)
        wish = WebhookEndpoint(webhook_url="https://hooks.rival.test/other")
        updated = rival.webhook_endpoints.update(wish, created.lago_id)
        found = rival.webhook_endpoints.find(created.lago_id)
        listed = rival.webhook_endpoints.find_all()
        destroyed = rival.webhook_endpoints.destroy(created.lago_id)

        own = {"lago_id", "lago_organization_id", "created_at"}
        assert created.dict(exclude=own) == endpoint.dict()
        assert updated == created.copy(update={"webhook_url": "https://hooks.rival.test/other"})
        assert found == updated
        assert listed["webhook_endpoints"] == [updated]
        assert destroyed == updated
        with pytest.raises(LagoApiError) as refusal:
            rival.webhook_endpoints.find(created.lago_id)
        assert refusal.value.response["code"] == "webhook_endpoint_not_found"


class TestWebhooks:
    def test_reads_the_public_key(self, lago, live):
        key = lago.webhooks.public_key()

        old_way = live.get("/api/v1/webhooks/public_key")
        assert key.startswith(b"-----BEGIN PUBLIC KEY-----")
        assert old_way.headers["Content-Type"].startswith("text/plain")
        assert base64.b64decode(old_way.body) == key


class TestPortal:
    def test_gives_a_link_that_opens_the_customer_s_own_page(self, lago, live, tarn, new_id):
        lago.customers.create(Customer(external_id=new_id, name="Brasserie du Canal"))

        link = lago.customers.portal_url(new_id)

        token = link.rpartition("/")[2]
        page = tarn.client(None).get(f"/customer-portal/{token}")
        assert page.status == 200
        assert "Brasserie du Canal" in page.body.decode()
        assert page.headers["Cache-Control"] == "no-store"
        lago.customers.destroy(new_id)
        assert tarn.client(None).get(f"/customer-portal/{token}").status == 404
        assert token not in tarn.log()
