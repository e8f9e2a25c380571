"""The two endpoints."""

from typing import Any

from rest_framework import mixins, viewsets
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from drf_peer.models import Customer
from drf_peer.serializers import CustomerInListSerializer, CustomerSerializer


class Pages(PageNumberPagination):
    """Pages with the totals beside them."""

    page_size = 100
    page_size_query_param = "per_page"
    max_page_size = 1000

    def get_paginated_response(self, data: Any) -> Response:
        page = self.page
        meta = {
            "current_page": page.number,
            "next_page": page.next_page_number() if page.has_next() else None,
            "prev_page": page.previous_page_number() if page.has_previous() else None,
            "total_pages": page.paginator.num_pages,
            "total_count": page.paginator.count,
        }
        return Response({"customers": data, "meta": meta})


class CustomerViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """Upsert and list."""

    pagination_class = Pages
    serializer_class = CustomerInListSerializer

    def get_queryset(self) -> Any:
        return (
            Customer.objects.filter(organization=self.request.user.organization)
            .select_related("billing_entity", "shipping_address", "provider_link__connection")
            .prefetch_related("metadata", "taxes", "integration_customers")
        )

    def create(self, request: Request) -> Response:
        wish = request.data["customer"]
        stored = Customer.objects.filter(
            organization=request.user.organization, external_id=wish.get("external_id")
        ).first()
        serializer = CustomerSerializer(
            stored, data=wish, partial=stored is not None, context={"request": request}
        )
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response({"customer": serializer.data})
