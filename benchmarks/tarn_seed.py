"""Fills Tarn's database: `python -m benchmarks.tarn_seed CUSTOMERS`, with DATABASE_URL set."""

import sys

import django

BATCH = 500


def main(customers: int) -> None:
    """Migrate, make the organization and its key, and write the customers by the writer."""
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from customers.providers.changes import see_to_changes

    call_command("migrate", verbosity=0, interactive=False)
    organization_id = make_organization()
    fill(organization_id, customers)
    see_to_changes()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
        cursor.execute("ANALYZE")


def make_organization() -> object:
    """Make what the documented body refers to, and an API key; return the organization's id."""
    from benchmarks.scenarios import API_KEY
    from billing.api.keys import hash_key
    from billing.dependents import dependents
    from billing.models import (
        ApiKey,
        BillingEntity,
        BillingEntitySection,
        InvoiceCustomSection,
        Organization,
        PaymentProvider,
        Tax,
    )

    one = Organization.objects.create(name="Acme", slug="acme", document_number_prefix="ACM-1A2B")
    for dependent in dependents():
        dependent.organization_created(one.id)
    entity = BillingEntity.objects.create(
        organization=one, code="acme_corp", name="Acme", is_default=True,
        document_number_prefix="ACM-1A2B",
    )  # fmt: skip
    Tax.objects.create(
        organization=one, code="french_standard_vat", name="TVA", rate=20,
        description="French standard VAT",
    )  # fmt: skip
    PaymentProvider.objects.create(
        organization=one, type="stripe", code="stripe-eu-1", name="Stripe", secrets={}
    )
    section = InvoiceCustomSection.objects.create(
        organization=one, code="eu_bank_details", name="EU Bank Details",
        details="IBAN: FR1420041010050500013M02606",
    )  # fmt: skip
    BillingEntitySection.objects.create(organization=one, billing_entity=entity, section=section)
    ApiKey.objects.create(
        organization=one, name="bench", key_hash=hash_key(API_KEY), last_four=API_KEY[-4:]
    )
    return one.id


def fill(organization_id: object, customers: int) -> None:
    """Write customers of the documented body, `bench-1` and on."""
    from benchmarks.scenarios import body
    from billing.events.actor import SYSTEM
    from customers.change import CustomerChange
    from customers.write import write_customers

    for first in range(1, customers + 1, BATCH):
        numbers = range(first, min(first + BATCH, customers + 1))
        changes = [CustomerChange.read(body() | {"external_id": f"bench-{n}"}) for n in numbers]
        write_customers(organization_id, changes, SYSTEM)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(int(sys.argv[1]))
