"""A file to begin with, for each program whose exports are known."""

import csv
import io
from collections.abc import Mapping

from customers.cells import neutralize
from customers.imports.mapping import PRESETS, preset_columns
from customers.imports.targets import TARGETS

# Two customers who are nobody's.
_ROWS: tuple[Mapping[str, str], ...] = (
    {
        "external_id": "customer-0001", "name": "Brasserie du Canal",
        "legal_name": "Brasserie du Canal SARL", "firstname": "Anne", "lastname": "Martin",
        "email": "compta@brasserie-canal.example", "phone": "+33 1 23 45 67 89",
        "url": "https://brasserie-canal.example", "currency": "EUR", "country": "FR",
        "address_line1": "12 quai de Valmy", "zipcode": "75010", "city": "Paris",
        "timezone": "Europe/Paris", "net_payment_term": "30", "customer_type": "company",
        "legal_number": "12345678200010",
        "billing_configuration.document_locale": "fr",
        "shipping_address.address_line1": "3 rue des Forges", "shipping_address.city": "Lille",
        "shipping_address.zipcode": "59000", "shipping_address.country": "FR",
    },
    {
        "external_id": "customer-0002", "name": "Müller & Söhne",
        "legal_name": "Müller & Söhne GmbH", "firstname": "Jonas", "lastname": "Müller",
        "email": "rechnung@mueller-soehne.example", "phone": "+49 30 1234567",
        "url": "https://mueller-soehne.example", "currency": "EUR", "country": "DE",
        "address_line1": "Torstraße 140", "zipcode": "10119", "city": "Berlin",
        "timezone": "Europe/Berlin", "net_payment_term": "14", "customer_type": "company",
        "billing_configuration.document_locale": "de",
    },
)  # fmt: skip
# What a file of our own is asked for most; the others can be added.
_OURS = [target for target in TARGETS if any(target in row for row in _ROWS)]


# Lago's come as JSON; `import_lago` is what brings those over.
SAMPLES = tuple(preset for preset in PRESETS if preset != "lago")


def sample(preset: str) -> str:
    """Return a file of two customers with the columns of a program's export."""
    columns = preset_columns(preset) or {target: [target] for target in _OURS}
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for row in _ROWS:
        writer.writerow([_cell(row, targets) for targets in columns.values()])
    return "\ufeff" + buffer.getvalue()


def _cell(row: Mapping[str, str], targets: list[str]) -> str:
    return neutralize(next((row[one] for one in targets if one in row), ""))
