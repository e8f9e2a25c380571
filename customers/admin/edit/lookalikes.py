"""Customers that may be the same one, as the pages show them."""

from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from customers.duplicates import likely_duplicates


def found_duplicates(
    organization_id: UUID, values: Any, exclude: UUID | None
) -> list[dict[str, Any]]:
    """Return likely duplicates as the pages show them."""
    words = {
        "tax_identification_number": _("same tax number"),
        "email": _("same e-mail address"),
        "name": _("similar name"),
    }
    return [
        {
            "name": one.name,
            "external_id": one.external_id,
            "place": ", ".join(part for part in (one.city, one.country) if part),
            "reasons": one.reasons,
            "why": ", ".join(words[reason] for reason in one.reasons),
            "link": reverse("admin:customers_customer_change", args=[one.customer_id]),
        }
        for one in likely_duplicates(organization_id, values, exclude)
    ]
