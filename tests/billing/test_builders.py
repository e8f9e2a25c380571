"""The builders build what the database accepts."""

from tests.billing.builders import (
    make_api_key,
    make_billing_entity,
    make_integration,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
    make_webhook_endpoint,
)


class TestBuilders:
    def test_make_everything_twice(self, organization):
        for _ in range(2):
            tax, section = make_tax(organization, rate=5.5), make_section(organization)

            make_organization(timezone="Europe/Paris")
            make_billing_entity(organization, taxes=[tax], sections=[section])
            make_payment_provider(organization, secrets={"secret_key": "sk_test_0123456789"})
            make_integration(organization)
            make_webhook_endpoint(organization)
            make_api_key(organization)

        assert organization.billing_entities.count() == 3
        assert organization.taxes.first().entity_links.count() == 1
