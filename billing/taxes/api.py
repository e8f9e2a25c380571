"""Taxes over the API (contract: resources.md 1)."""

from django.db import transaction
from orjson import Fragment

from billing.api.answers import ApiResponse
from billing.api.paging import page_meta, read_page
from billing.api.view import ApiRequest, ApiView
from billing.taxes.change import TaxChange
from billing.taxes.read import count_taxes, tax_json, taxes_json
from billing.taxes.write import change_tax, create_tax, delete_tax

_KEYS = frozenset(TaxChange.model_fields)


class TaxesView(ApiView):
    """The taxes of an organization."""

    resource = "tax"

    def get(self, request: ApiRequest) -> ApiResponse:
        """List taxes, newest first."""
        page = read_page(request.GET)
        total = count_taxes(request.organization_id)
        found = taxes_json(request.organization_id, page.size, page.offset)
        taxes = [Fragment(tax) for tax in found]
        return ApiResponse({"taxes": taxes, "meta": page_meta(page, total)})

    @transaction.atomic
    def post(self, request: ApiRequest) -> ApiResponse:
        """Make a tax."""
        wish = TaxChange.examine(self.root(request, "tax", _KEYS))
        tax = create_tax(request.organization_id, wish, request.actor)
        return _answer(tax_json(request.organization_id, tax.code))


class TaxView(ApiView):
    """One tax, by its code."""

    resource = "tax"

    def get(self, request: ApiRequest, code: str) -> ApiResponse:
        """Show a tax."""
        return _answer(tax_json(request.organization_id, code))

    @transaction.atomic
    def put(self, request: ApiRequest, code: str) -> ApiResponse:
        """Change a tax."""
        wish = TaxChange.examine(self.root(request, "tax", _KEYS))
        change_tax(request.organization_id, code, wish, request.actor)
        return _answer(tax_json(request.organization_id, wish.code or code))

    @transaction.atomic
    def delete(self, request: ApiRequest, code: str) -> ApiResponse:
        """Delete a tax, and show it as it was."""
        as_it_was = tax_json(request.organization_id, code)
        delete_tax(request.organization_id, code, request.actor)
        return _answer(as_it_was)


def _answer(tax: str) -> ApiResponse:
    return ApiResponse({"tax": Fragment(tax)})
