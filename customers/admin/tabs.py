"""The tabs of a customer that show how it is: overview, terms, addresses, connections, API."""

import json
import shlex
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from billing.events.models import ChangeRecord
from billing.models import InvoiceCustomSection, Tax
from customers.admin.entries import told
from customers.admin.mirrors import panels
from customers.admin.portrait import Portrait
from customers.admin.reading import CustomerPage, PortraitPage
from customers.history import timeline
from customers.models import AppliedTax
from customers.read import customer_json
from customers.terms import ENTITY, SECTIONS, SKIP, TAXES
from customers.words import percent

_WHO = ("legal_name", "name", "customer_type", "tax_identification_number", "legal_number", "email")
_WHO_ELSE = ("firstname", "lastname", "phone", "url", "logo_url", "external_salesforce_id")
_ESSENTIALS = (ENTITY, "net_payment_term", "currency", TAXES)
_PROVIDER = "billing_configuration.payment_provider"
_LATEST = 5


class Overview(PortraitPage):
    """The essentials of a customer on one page."""

    tab = "overview"
    template_name = "admin/customers/overview.html"

    def get(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Show the page."""
        self.find(customer_id)
        portrait, context = self.portrait()
        if portrait is None:
            return self.show(**context, was_not_there=True)
        latest = timeline(self.customer.organization_id, customer_id, limit=_LATEST)
        return self.show(
            **context,
            who=portrait.facts(_WHO)
            + portrait.facts(_WHO_ELSE, keep_empty=False)
            + _kind(portrait),
            address=portrait.address(),
            terms=portrait.term_facts(_ESSENTIALS),
            payment=portrait.facts([_PROVIDER]),
            notes=_notes(portrait),
            latest=told(self.customer.organization_id, latest, portrait.country),
        )


class Terms(PortraitPage):
    """What applies to the customer's invoices, and where each of it comes from."""

    tab = "terms"
    template_name = "admin/customers/terms.html"

    def get(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Show the page."""
        self.find(customer_id)
        portrait, context = self.portrait()
        if portrait is None:
            return self.show(**context, was_not_there=True)
        facts = portrait.term_facts()
        return self.show(
            **context,
            terms=[fact for fact in facts if fact.path not in (TAXES, SECTIONS)],
            numbers=portrait.facts(["tax_identification_number", "legal_number"]),
            taxes=self._taxes(portrait),
            tax_fact=portrait.term_facts([TAXES])[0],
            sections=self._sections(portrait),
            section_fact=portrait.term_facts([SECTIONS])[0],
            skips_sections=portrait.values[SKIP],
        )

    def _taxes(self, portrait: Portrait) -> list[dict[str, Any]]:
        codes = portrait.terms[TAXES].value
        mine = Tax.objects.filter(organization=self.customer.organization_id, code__in=codes)
        # Of a code that was used twice, the kept one stays.
        found = {tax.code: tax for tax in mine.order_by("-deleted_at")}
        automatic = set(
            self.customer.applied_taxes.filter(origin=AppliedTax.Origin.AUTOMATIC).values_list(
                "tax_id", flat=True
            )
        )
        return [
            {
                "code": code,
                "tax": found.get(code),
                "rate": percent(found[code].rate) if code in found else "",
                "is_automatic": code in found and found[code].pk in automatic,
            }
            for code in codes
        ]

    def _sections(self, portrait: Portrait) -> list[dict[str, Any]]:
        codes = portrait.terms[SECTIONS].value
        mine = InvoiceCustomSection.objects.filter(
            organization=self.customer.organization_id, code__in=codes
        )
        found = {section.code: section for section in mine.order_by("-deleted_at")}
        return [{"code": code, "section": found.get(code)} for code in codes]


class Addresses(PortraitPage):
    """The addresses as their countries write them."""

    tab = "addresses"
    template_name = "admin/customers/addresses.html"

    def get(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Show the page."""
        self.find(customer_id)
        portrait, context = self.portrait()
        if portrait is None:
            return self.show(**context, was_not_there=True)
        cards = [portrait.address(), portrait.shipping_address()]
        return self.show(**context, cards=cards)


class Connections(PortraitPage):
    """The customer's mirrors in other systems."""

    tab = "connections"
    template_name = "admin/customers/connections.html"

    def get(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Show the page."""
        self.find(customer_id)
        portrait, context = self.portrait()
        if portrait is None:
            return self.show(**context, was_not_there=True)
        return self.show(**context, **self._connections(portrait))

    def _connections(self, portrait: Portrait) -> dict[str, Any]:
        """Return the links; of today and of a kept customer, with what became of them there."""
        links = portrait.links()
        if portrait.today is not None or self.now.is_deleted:
            return {"connections": links}
        found = panels(self.customer.organization_id, self.customer.pk, links)
        return {
            "panels": [
                (
                    one,
                    self.link("admin:customer_sides", one.connection_id)
                    if one.connection_id
                    else "",
                )
                for one in found
            ]
        }


class Api(CustomerPage):
    """What programs see of the customer, and which of them touched it last."""

    tab = "api"
    template_name = "admin/customers/api.html"

    def get(self, request: HttpRequest, customer_id: UUID) -> HttpResponse:
        """Show the page."""
        self.find(customer_id)
        external_id = self.customer.external_id
        calls = timeline(
            self.customer.organization_id, customer_id, limit=10, door=ChangeRecord.Door.API.value
        )
        address = request.build_absolute_uri(f"/api/v1/customers/{quote(external_id, safe='')}")
        return self.show(
            json=self._json(),
            address=address,
            call=f'curl -H "Authorization: Bearer $TARN_API_KEY" {shlex.quote(address)}',
            calls=told(self.customer.organization_id, calls, self.now.values["country"]),
        )

    def _json(self) -> str | None:
        """Return what GET answers; None for a deleted customer, whose id may be another's."""
        if self.now.is_deleted:
            return None
        found = customer_json(self.customer.organization_id, self.customer.external_id)
        if found is None:
            return None
        return json.dumps({"customer": json.loads(found[1])}, indent=2, ensure_ascii=False)


def _kind(portrait: Portrait) -> list[Any]:
    """Return what kind of account it is, where that is worth saying."""
    facts = portrait.facts(["account_type"])
    return facts if facts[0].differs or portrait.values["account_type"] != "customer" else []


def _notes(portrait: Portrait) -> list[dict[str, Any]]:
    return [
        {
            "key": note["key"],
            "value": note["value"],
            "printed": _("on invoices") if note["display_in_invoice"] else "",
        }
        for note in portrait.values["metadata"]
    ]
