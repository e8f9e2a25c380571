"""Organizations and billing entities over the API (contract: resources.md 2 and 3)."""

from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.views.decorators.http import require_safe
from orjson import Fragment

from billing.api.answers import ApiResponse
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


class OrganizationView(ApiView):
    """The organization of the key."""

    resource = "organization"

    def get(self, request: ApiRequest) -> ApiResponse:
        """Show the organization."""
        return self._answer(request)

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

    def get(self, request: ApiRequest) -> ApiResponse:
        """List active billing entities, oldest first, all at once."""
        found = billing_entities_json(request.organization_id)
        return ApiResponse({"billing_entities": [Fragment(entity) for entity in found]})

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

    def get(self, request: ApiRequest, code: str) -> ApiResponse:
        """Show a billing entity."""
        return _answer(billing_entity_json(request.organization_id, code))

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
