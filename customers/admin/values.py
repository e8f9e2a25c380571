"""A customer's values by the fields of its form, as JSON knows them."""

from typing import Any

from customers.models import METADATA_MAX, Customer, ProviderLink, ShippingAddress

ADDRESS = ("address_line1", "address_line2", "zipcode", "city", "state", "country")
PLAIN = (
    "account_type",
    "customer_type",
    "name",
    "firstname",
    "lastname",
    "legal_name",
    "legal_number",
    "tax_identification_number",
    "email",
    "phone",
    "url",
    "logo_url",
    *ADDRESS,
    "currency",
    "timezone",
    "net_payment_term",
    "external_salesforce_id",
    "finalize_zero_amount_invoice",
    "skip_invoice_custom_sections",
)
CONFIGURATION = (
    "invoice_grace_period",
    "document_locale",
    "subscription_invoice_issuing_date_anchor",
    "subscription_invoice_issuing_date_adjustment",
)
PROVIDER = ("provider_customer_id", "sync", "sync_with_provider", "provider_payment_methods")
_LISTS = {"metadata": "metadata", "integration": "integration_customers"}
METADATA_PARTS = ("key", "value", "display_in_invoice")
_LINK_PARTS = ("code", "external_customer_id", "sync_with_provider")
_MORE_PARTS = {"netsuite": ("subsidiary_id",), "hubspot": ("targeted_object",)}


def metadata_fields(position: int) -> tuple[str, str, str]:
    """Return the names of one note's fields; positions count from 1."""
    return tuple(f"metadata_{position}_{part}" for part in METADATA_PARTS)  # type: ignore[return-value]  # there are three


def integration_fields(kind: str) -> dict[str, str]:
    """Return the names of the fields of a link to an integration, by what they hold."""
    parts = (*_LINK_PARTS, *_MORE_PARTS.get(kind, ()))
    return {part: f"integration_{kind}_{part}" for part in parts}


def path_of(field: str) -> str:
    """Return the path on the wire of what a field of the form shows."""
    if field.startswith("shipping_"):
        return f"shipping_address.{field.removeprefix('shipping_')}"
    if field == "connection":
        return "billing_configuration.payment_provider_code"
    if field in CONFIGURATION + PROVIDER:
        return f"billing_configuration.{field}"
    return _LISTS.get(field.partition("_")[0], field)


def values_of(customer: Customer) -> dict[str, Any]:
    """Return the values, and under `tag` and `metadata_ids` what they belong to.

    The version is read before the rest: what changes in between makes it stale, never unseen.
    """
    return {
        "tag": f"{customer.pk.hex}-{customer.version}",
        **{name: getattr(customer, name) for name in PLAIN + CONFIGURATION},
        "billing_entity_code": customer.billing_entity.code,
        "tax_codes": _codes(customer.applied_taxes.values_list("tax__code", flat=True)),
        "invoice_custom_section_codes": _codes(
            customer.selected_sections.values_list("section__code", flat=True)
        ),
        **_shipping(customer),
        **_provider(customer),
        **_metadata(customer),
        **_integrations(customer),
    }


def _codes(codes: Any) -> list[str]:
    return sorted(codes)


def _shipping(customer: Customer) -> dict[str, Any]:
    address = ShippingAddress.objects.filter(customer=customer).first()
    return {f"shipping_{name}": getattr(address, name, None) for name in ADDRESS}


def _provider(customer: Customer) -> dict[str, Any]:
    links = ProviderLink.objects.filter(customer=customer).select_related("connection")
    link = links.first()
    if link is None:
        return {"connection": "", "provider_payment_methods": []}
    return {"connection": link.connection.code, **{name: getattr(link, name) for name in PROVIDER}}


def _integrations(customer: Customer) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for link in customer.integration_links.select_related("connection"):
        for part, name in integration_fields(link.type).items():
            found[name] = link.connection.code if part == "code" else getattr(link, part)
    return found


def _metadata(customer: Customer) -> dict[str, Any]:
    entries = list(customer.metadata.order_by("created_at", "pk")[:METADATA_MAX])
    found: dict[str, Any] = {"metadata_ids": [str(entry.pk) for entry in entries]}
    for position, entry in enumerate(entries, start=1):
        names = metadata_fields(position)
        values = (entry.key, entry.value, entry.display_in_invoice)
        found |= dict(zip(names, values, strict=True))
    return found
