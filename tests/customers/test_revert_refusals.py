"""Changes that are not taken back: what is no update, what is gone, what the rules refuse."""

from billing.errors import Invalid, NotAllowed, NotFound
from billing.events.models import ChangeRecord
from billing.models import Integration, PaymentProvider
from billing.organizations.write import archive_billing_entity
from billing.sections.write import delete_section
from billing.taxes.write import delete_tax
from customers.delete import delete_customers
from customers.history import revert_change
from customers.models import Customer
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_organization,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.posting import API, leaves_no_trace, post
from tests.customers.test_revert import ANN, last, revert


class TestRefuses:
    def test_what_is_no_update(self, organization):
        customer_id = post(organization).customer_id
        created = last()
        delete_customers(organization.id, ["c1"], API)
        deleted = last()

        for record in (created, deleted):
            with leaves_no_trace(NotAllowed) as refusal:
                revert(organization, record)
            assert refusal.value.code == "change_is_no_update"
        assert Customer.objects.get().id == customer_id

    def test_a_change_of_a_customer_that_is_deleted(self, organization):
        """Another customer may have its external id by now."""
        post(organization, name="Ann")
        post(organization, name="Bob")
        record = last()
        delete_customers(organization.id, ["c1"], API)
        post(organization, name="Bob")

        with leaves_no_trace(NotFound) as refusal:
            revert(organization, record)

        assert refusal.value.resource == "customer"

    def test_a_change_of_another_organization_or_of_something_else(self, organization):
        make_tax(organization, code="vat")
        post(organization, name="Ann")
        post(organization, name="Bob")
        theirs = make_organization()
        of_tax = ChangeRecord.objects.create(
            organization=organization, resource="tax", object_id=theirs.id, action="updated",
            door="api", actor_name="x", changes={"name": ["a", "b"]},
        )  # fmt: skip

        for tenant, record in ((theirs, last()), (organization, of_tax.id), (organization, 0)):
            with leaves_no_trace(NotFound) as refusal:
                revert_change(tenant.id, record, ANN)
            assert refusal.value.resource == "change"

    def test_a_tax_that_is_deleted(self, organization):
        make_tax(organization, code="vat")
        post(organization, name="Ann", tax_codes=["vat"])
        post(organization, name="Bob", tax_codes=[])
        record = last()
        delete_tax(organization.id, "vat", API)

        with leaves_no_trace(NotFound) as refusal:
            revert(organization, record)

        assert refusal.value.resource == "tax"

    def test_a_section_that_is_deleted(self, organization):
        """The writer leaves it out; seen to pass in silence without `_check`."""
        make_section(organization, code="bank")
        post(organization, name="Ann", invoice_custom_section_codes=["bank"])
        post(organization, name="Bob", invoice_custom_section_codes=[])
        record = last()
        delete_section(organization.id, "bank", API)

        with leaves_no_trace(Invalid) as refusal:
            revert(organization, record)

        path = "invoice_custom_section_codes"
        assert refusal.value.problems == {path: ["cannot_be_put_back"]}

    def test_a_billing_entity_that_is_archived(self, organization):
        make_billing_entity(organization, code="fr")
        post(organization, billing_entity_code="fr")
        post(organization, billing_entity_code="acme_corp")
        record = last()
        archive_billing_entity(organization.id, "fr", API)

        with leaves_no_trace(NotFound) as refusal:
            revert(organization, record)

        assert refusal.value.resource == "billing_entity"

    def test_a_connection_that_is_gone(self, organization):
        make_payment_provider(organization, type="stripe")
        make_integration(organization, type="netsuite")
        link = {"integration_type": "netsuite", "external_customer_id": "1"}
        post(organization, billing_configuration={"payment_provider": "stripe"})
        post(organization, billing_configuration={"payment_provider": None})
        provider = last()
        post(organization, integration_customers=[link])
        post(organization, integration_customers=[])
        PaymentProvider.objects.all().delete()
        Integration.objects.all().delete()

        with leaves_no_trace(Invalid) as refused_provider:
            revert(organization, provider)
        with leaves_no_trace(Invalid) as refused_link:
            revert(organization)

        assert refused_provider.value.problems == {"base": ["payment_provider_not_found"]}
        assert refused_link.value.problems == {"integration_customers": ["integration_not_found"]}

    def test_links_of_a_partner(self, organization):
        """The writer checks a partner's list and ignores it."""
        make_integration(organization, type="netsuite")
        link = {"integration_type": "netsuite", "external_customer_id": "1"}
        post(organization, integration_customers=[link])
        post(organization, integration_customers=[])
        record = last()
        post(organization, account_type="partner")

        with leaves_no_trace(Invalid) as refusal:
            revert(organization, record)

        assert refusal.value.problems == {"integration_customers": ["cannot_be_put_back"]}
