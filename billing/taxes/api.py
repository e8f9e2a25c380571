"""Taxes over the API (contract: resources.md 1)."""

from django.db import transaction
from orjson import Fragment

from billing.api.answers import ApiResponse
from billing.api.documentation import documented
from billing.api.paging import META, PAGING, page_meta, read_page
from billing.api.view import ApiRequest, ApiView
from billing.taxes.change import TaxChange
from billing.taxes.read import count_taxes, tax_json, taxes_json
from billing.taxes.write import change_tax, create_tax, delete_tax

_KEYS = frozenset(TaxChange.model_fields)

_EXAMPLE = {
    "lago_id": "f2f6c1de-9c55-4a43-8f3d-52d1f0f6a3b8",
    "name": "TVA",
    "code": "french_standard_vat",
    "description": None,
    "rate": 5.5,
    "applied_to_organization": True,
    "created_at": "2026-01-05T09:00:00Z",
    "add_ons_count": 0,
    "customers_count": 0,
    "plans_count": 0,
    "charges_count": 0,
    "commitments_count": 0,
    "applied_to_billing_entities_codes": ["acme_corp"],
}
_ONE = {"tax": _EXAMPLE}


class TaxesView(ApiView):
    """The taxes of an organization."""

    resource = "tax"

    @documented(query=PAGING, response={"taxes": [_EXAMPLE], "meta": META})
    def get(self, request: ApiRequest) -> ApiResponse:
        """List taxes, newest first."""
        page = read_page(request.GET)
        total = count_taxes(request.organization_id)
        found = taxes_json(request.organization_id, page.size, page.offset)
        taxes = [Fragment(tax) for tax in found]
        return ApiResponse({"taxes": taxes, "meta": page_meta(page, total)})

    @documented(request={"tax": TaxChange}, response=_ONE)
    @transaction.atomic
    def post(self, request: ApiRequest) -> ApiResponse:
        """Make a tax."""
        wish = TaxChange.examine(self.root(request, "tax", _KEYS))
        tax = create_tax(request.organization_id, wish, request.actor)
        return _answer(tax_json(request.organization_id, tax.code))


class TaxView(ApiView):
    """One tax, by its code."""

    resource = "tax"

    @documented(response=_ONE)
    def get(self, request: ApiRequest, code: str) -> ApiResponse:
        """Show a tax."""
        return _answer(tax_json(request.organization_id, code))

    @documented(request={"tax": TaxChange}, response=_ONE)
    @transaction.atomic
    def put(self, request: ApiRequest, code: str) -> ApiResponse:
        """Change a tax."""
        wish = TaxChange.examine(self.root(request, "tax", _KEYS))
        change_tax(request.organization_id, code, wish, request.actor)
        return _answer(tax_json(request.organization_id, wish.code or code))

    @documented(response=_ONE)
    @transaction.atomic
    def delete(self, request: ApiRequest, code: str) -> ApiResponse:
        """Delete a tax, and show it as it was."""
        as_it_was = tax_json(request.organization_id, code)
        delete_tax(request.organization_id, code, request.actor)
        return _answer(as_it_was)


def _answer(tax: str) -> ApiResponse:
    return ApiResponse({"tax": Fragment(tax)})
