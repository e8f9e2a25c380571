"""Bank details of a customer at its provider, printed on that customer's invoices."""

from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.sections.change import SectionChange
from billing.sections.models import InvoiceCustomSection
from billing.sections.write import change_section, create_section
from customers.change import CustomerChange
from customers.models import Customer, SelectedSection
from customers.write import write_customer


def store_funding_details(customer: Customer, provider: str, details: str) -> None:
    """Put a customer's bank details into a section of its own, chosen by this customer alone."""
    actor = Actor(ChangeRecord.Door.PROVIDER, provider)
    code = f"bank_details_{customer.pk}"
    wish = {"name": "Bank transfer details", "details": details}
    sections = InvoiceCustomSection.objects.kept().filter(organization_id=customer.organization_id)
    if sections.filter(code=code).exists():
        change_section(customer.organization_id, code, SectionChange.read(wish), actor)
    else:
        create_section(customer.organization_id, SectionChange.read({"code": code, **wish}), actor)
    chosen = SelectedSection.objects.filter(customer_id=customer.pk).values_list(
        "section__code", flat=True
    )
    codes = sorted({*chosen, code})
    change = CustomerChange.read(
        {"external_id": customer.external_id, "invoice_custom_section_codes": codes}
    )
    write_customer(customer.organization_id, change, actor)
