"""A small API beside the real addresses, on which the edge is tried."""

from typing import Any

from django.db import connection
from django.urls import include, path

from billing.api import routing
from billing.api.answers import ApiResponse
from billing.api.urls import unknown_paths
from billing.api.view import ApiRequest, ApiView
from billing.errors import (
    Invalid,
    NotAllowed,
    NotFound,
    Stale,
    ThirdPartyRefused,
    Unreachable,
)
from config import health

assert routing  # registers the converters

REFUSALS: dict[str, Exception] = {
    "invalid": Invalid({"name": ["value_is_too_long"], "currency": ["value_is_invalid"]}),
    "not_found": NotFound("tax"),
    "not_allowed": NotAllowed("feature_not_supported"),
    "stale": Stale("1"),
    "stale_without_object": Stale(),
    "third_party": ThirdPartyRefused("Stripe", "No such customer"),
    "unreachable": Unreachable(),
    "bug": ZeroDivisionError("secret words"),
}


class ThingsView(ApiView):
    """Taxes of a test: `post` writes the root to a table, so that effects can be counted."""

    resource = "tax"

    def get(self, request: ApiRequest) -> ApiResponse:
        """Answer who asked, and what was asked."""
        return ApiResponse(
            {
                "organization": request.organization_id,
                "actor": request.actor.name,
                "query": request.GET.get("q"),
            }
        )

    def post(self, request: ApiRequest) -> ApiResponse:
        """Answer the root object, after an optional statement of the test; another one, `rest`,
        is for after the commit."""
        root = self.root(request, "thing", {"name", "sql", "raise", "status", "rest"})
        if "sql" in root:
            execute(root["sql"])
        if "raise" in root:
            raise REFUSALS[root["raise"]]
        answer = ApiResponse({"thing": root}, root.get("status", 200), etag='W/"7"')
        if "rest" in root:
            answer.rest = lambda: after_commit(root["rest"])
        return answer


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def after_commit(sql: str) -> ApiResponse:
    execute(sql)
    return ApiResponse({"thing": "finished"}, etag='W/"8"')


class ThingView(ApiView):
    """One thing."""

    resource = "tax"

    def get(self, request: ApiRequest, code: str) -> ApiResponse:
        """Answer the code as it was understood."""
        return ApiResponse({"code": code})

    def put(self, request: ApiRequest, code: str) -> ApiResponse:
        """Answer the body."""
        return ApiResponse({"code": code, "payload": request.payload})

    def delete(self, request: ApiRequest, code: str) -> ApiResponse:
        """Answer whether a body came through."""
        return ApiResponse({"code": code, "payload": request.payload})


class PartView(ApiView):
    """A part of a thing, whose POST needs no body."""

    resource = "tax"
    needs_body = False

    def post(self, request: ApiRequest, code: str) -> ApiResponse:
        """Answer the body."""
        return ApiResponse({"part": code, "payload": request.payload})


class OwnIdView(ApiView):
    """A thing by the id that we gave it."""

    resource = "tax"

    def get(self, request: ApiRequest, **values: Any) -> ApiResponse:
        """Answer the id as it was understood."""
        return ApiResponse({"id": values["thing_id"]})


urlpatterns = [
    path("health", health.health),
    path("api/v1/things", ThingsView.as_view()),
    path("api/v1/things/<code:code>/part", PartView.as_view()),
    path("api/v1/things/<code:code>", ThingView.as_view()),
    path("api/v1/own/<id:thing_id>", OwnIdView.as_view()),
    path("api/v1/", include(unknown_paths)),
]
