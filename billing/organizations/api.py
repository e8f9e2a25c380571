"""Organizations and billing entities over the API (contract: resources.md 2 and 3)."""

from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.views.decorators.http import require_safe
from orjson import Fragment

from billing.api.answers import ApiResponse
from billing.api.documentation import documented
from billing.api.view import ApiRequest, ApiView
from billing.organizations.change import (
    BillingEntityChange,
    NewBillingEntity,
    OrganizationChange,
)
from billing.organizations.models import BillingEntity
from billing.organizations.read import (
    billing_entities_json,
    billing_entity_json,
    organization_json,
)
from billing.organizations.write import (
    change_billing_entity,
    change_organization,
    create_billing_entity,
)

_ORGANIZATION_KEYS = frozenset(OrganizationChange.model_fields)
_ENTITY_KEYS = frozenset(NewBillingEntity.model_fields)
_LATER_KEYS = ("tax_codes", "invoice_custom_section_codes")

_ISSUER = {
    "country": None,
    "address_line1": None,
    "address_line2": None,
    "city": None,
    "state": None,
    "zipcode": None,
    "email": None,
    "legal_name": None,
    "legal_number": None,
    "tax_identification_number": None,
    "timezone": "Europe/Paris",
    "net_payment_term": 30,
    "email_settings": ["invoice.finalized"],
    "document_numbering": "per_customer",
    "document_number_prefix": "LAG-1234",
    "finalize_zero_amount_invoice": True,
}
_SETTINGS = {"invoice_footer": None, "invoice_grace_period": 0, "document_locale": "en"}
_ORGANIZATION = {
    "organization": {
        "lago_id": "3d3f9c1a-5f0e-4d3a-b7a4-6a3a5a0c2b19",
        "name": "Acme",
        "slug": "acme",
        "default_currency": "EUR",
        "created_at": "2026-01-05T09:00:00Z",
        "webhook_url": "",
        "webhook_urls": [],
        **_ISSUER,
        "billing_configuration": _SETTINGS,
        "taxes": [],
    }
}
_LISTED_ENTITY = {
    "lago_id": "8c1f0a52-0b3e-4d8f-9a47-2f5e8c60d913",
    "code": "acme_fr",
    "name": "Acme France",
    "default_currency": "EUR",
    "created_at": "2026-01-05T09:00:00Z",
    "updated_at": "2026-01-05T09:00:00Z",
    "phone": None,
    **_ISSUER,
    **_SETTINGS,
    "einvoicing": False,
    "subscription_invoice_issuing_date_adjustment": None,
    "subscription_invoice_issuing_date_anchor": None,
    "is_default": True,
    "eu_tax_management": False,
    "logo_url": None,
}
_ENTITY = {"billing_entity": _LISTED_ENTITY | {"taxes": [], "selected_invoice_custom_sections": []}}


class OrganizationView(ApiView):
    """The organization of the key."""

    resource = "organization"

    @documented(response=_ORGANIZATION)
    def get(self, request: ApiRequest) -> ApiResponse:
        """Show the organization."""
        return self._answer(request)

    @documented(request={"organization": OrganizationChange}, response=_ORGANIZATION)
    @transaction.atomic
    def put(self, request: ApiRequest) -> ApiResponse:
        """Change the organization and its default billing entity."""
        sent = self.root(request, "organization", _ORGANIZATION_KEYS)
        wish = OrganizationChange.examine(sent)
        change_organization(request.organization_id, wish, request.actor)
        return self._answer(request)

    def _answer(self, request: ApiRequest) -> ApiResponse:
        return ApiResponse({"organization": Fragment(organization_json(request.organization_id))})


class BillingEntitiesView(ApiView):
    """The billing entities of an organization."""

    resource = "billing_entity"

    @documented(response={"billing_entities": [_LISTED_ENTITY]})
    def get(self, request: ApiRequest) -> ApiResponse:
        """List active billing entities, oldest first, all at once."""
        found = billing_entities_json(request.organization_id)
        return ApiResponse({"billing_entities": [Fragment(entity) for entity in found]})

    @documented(request={"billing_entity": NewBillingEntity}, response=_ENTITY)
    @transaction.atomic
    def post(self, request: ApiRequest) -> ApiResponse:
        """Make a billing entity; its taxes and sections are chosen by a PUT."""
        sent = self.root(request, "billing_entity", _ENTITY_KEYS)
        wish = NewBillingEntity.examine(
            {key: value for key, value in sent.items() if key not in _LATER_KEYS}
        )
        entity = create_billing_entity(request.organization_id, wish, request.actor)
        return _answer(billing_entity_json(request.organization_id, entity.code))


class BillingEntityView(ApiView):
    """One billing entity, by its code."""

    resource = "billing_entity"

    @documented(response=_ENTITY)
    def get(self, request: ApiRequest, code: str) -> ApiResponse:
        """Show a billing entity."""
        return _answer(billing_entity_json(request.organization_id, code))

    @documented(request={"billing_entity": BillingEntityChange}, response=_ENTITY)
    @transaction.atomic
    def put(self, request: ApiRequest, code: str) -> ApiResponse:
        """Change a billing entity; its code is fixed."""
        wish = BillingEntityChange.examine(self.root(request, "billing_entity", _ENTITY_KEYS))
        change_billing_entity(request.organization_id, code, wish, request.actor)
        return _answer(billing_entity_json(request.organization_id, code))


@require_safe
def logo(request: HttpRequest, entity_id: UUID) -> HttpResponse:
    """Answer the logo of a billing entity; whoever knows its id may see what documents show."""
    entity = BillingEntity.objects.filter(pk=entity_id).only("logo", "logo_content_type").first()
    if entity is None or entity.logo is None:
        return HttpResponseNotFound()
    response = HttpResponse(bytes(entity.logo), content_type=entity.logo_content_type)
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _answer(entity: str) -> ApiResponse:
    return ApiResponse({"billing_entity": Fragment(entity)})
