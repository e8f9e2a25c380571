"""A customer worth reading, its pages, and changes of it."""

from billing.events.actor import Actor
from billing.models import ChangeRecord
from customers.change import CustomerChange
from customers.write import write_customer
from tests.billing.builders import (
    make_billing_entity,
    make_integration,
    make_payment_provider,
    make_section,
    make_tax,
)
from tests.customers.builders import make_customer

ANN = Actor(ChangeRecord.Door.STAFF, "Ann", "7")
PROGRAM = Actor(ChangeRecord.Door.API, "Shop key", "key-1")


def page_of(customer, last="change", **query):
    text = "&".join(f"{key}={value}" for key, value in query.items())
    return f"/admin/customers/customer/{customer.pk}/{last}/" + (f"?{text}" if text else "")


def change(customer, actor=ANN, **values):
    wish = CustomerChange.read({"external_id": customer.external_id, **values})
    write_customer(customer.organization_id, wish, actor)
    return ChangeRecord.objects.filter(object_id=customer.pk).latest("id")


def make_rich_customer(organization):
    """A customer that has something of everything."""
    make_billing_entity(
        organization,
        code="acme_fr",
        name="Acme France",
        net_payment_term=30,
        taxes=[make_tax(organization, code="vat_fr", name="French VAT", rate="20")],
        sections=[make_section(organization, code="footer", name="Footer")],
    )
    make_payment_provider(organization, code="stripe_eu", name="Stripe Europe")
    make_integration(organization, code="ns", name="NetSuite books")
    return make_customer(
        organization,
        external_id="cust/1",
        billing_entity_code="acme_fr",
        legal_name="Hooli SARL",
        customer_type="company",
        country="FR",
        address_line1="5 rue du Midi",
        zipcode="94300",
        city="Vincennes",
        tax_identification_number="FR40303265045",
        metadata=[{"key": "po", "value": "4711", "display_in_invoice": True}],
        billing_configuration={
            "payment_provider": "stripe",
            "payment_provider_code": "stripe_eu",
            "provider_customer_id": "cus_1",
        },
        integration_customers=[
            {"integration_type": "netsuite", "integration_code": "ns", "external_customer_id": "42"}
        ],
        shipping_address={"city": "Lyon", "country": "FR"},
    )
