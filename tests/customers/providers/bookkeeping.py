"""An accounting program, its stand-in, and a customer that is linked to it."""

from customers.models import IntegrationLink
from customers.providers.netsuite import NetsuiteAdapter
from customers.providers.xero import XeroAdapter
from tests.customers.posting import post

CONTACT = {
    "name": "Ann's Bakery",
    "email": "ann@acme.example, bob@acme.example",
    "phone": "+33 1 55, +33 2 66",
    "address_line1": "12 quai de Valmy",
    "zipcode": "75010",
    "city": "Paris",
    "country": "FR",
}
FAULTS = (
    "error_after", "reset_after", "drip_after", "head_after", "error", "reset", "garbage", "html",
    "endless", "throttled",
)  # fmt: skip
# Where each program takes a creation.
CREATIONS = {"netsuite": ("PUT", "/services"), "xero": ("PUT", "/api.xro/2.0/Contacts")}
ADAPTERS = {"netsuite": NetsuiteAdapter, "xero": XeroAdapter}


class Program:
    """A connection to an accounting program, and its stand-in."""

    def __init__(self, kind, fake, connection):
        self.kind = kind
        self.fake = fake
        self.connection = connection

    def link(self, **more):
        return {"integration_type": self.kind, "integration_code": self.connection.code} | more

    def fail(self, fault, times=1):
        method, path = CREATIONS[self.kind]
        self.fake.fail(fault, path, times, method)

    @property
    def creations(self):
        return [call for call in self.fake.calls if call.method == "PUT"]


def linked(organization, program, **values):
    links = [program.link(sync_with_provider=True)]
    return post(organization, "c1", **(CONTACT | {"integration_customers": links} | values))


def remote_id():
    return IntegrationLink.objects.get().external_customer_id
