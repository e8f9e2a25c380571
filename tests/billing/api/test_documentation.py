"""The description of the API for machines, and its page for people."""

import re

import orjson
import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from billing.api.answers import ApiResponse
from billing.api.documentation import documented, schema_of
from billing.api.view import ApiRequest, ApiView
from billing.taxes.change import TaxChange


class DocumentedView(ApiView):
    """A view that declares what it takes and answers."""

    resource = "tax"

    @documented(
        request={"tax": TaxChange},
        response={"tax": {"code": "a", "rate": 20, "links": [1.5], "none": None, "flag": True}},
        query={"dry_run": "Only check.", "codes[]": "Any.", "notes[*]": "Notes.", "page": "Page."},
        headers={"If-Match": "The version to change."},
        refusals=(405,),
        has_version=True,
    )
    def post(self, request: ApiRequest) -> ApiResponse:
        """Make a tax.

        It counts from now on.
        """
        return ApiResponse({})


@pytest.fixture
def operation():
    from django.urls import path

    patterns = [path("api/v1/documented", DocumentedView.as_view())]
    schema = SchemaGenerator(patterns=patterns).get_schema(public=True)
    validate_schema(schema)
    return schema["paths"]["/api/v1/documented"]["post"] | {"components": schema["components"]}


class TestDocumented:
    def test_describes_the_handler_by_its_docstring(self, operation):
        assert operation["summary"] == "Make a tax."
        assert operation["description"] == "It counts from now on."
        assert operation["tags"] == ["tax"]
        assert operation["operationId"] == "post_documented"

    def test_describes_the_body_by_its_shape(self, operation):
        [content] = operation["requestBody"]["content"].values()

        assert content["schema"]["required"] == ["tax"]
        assert content["schema"]["properties"] == {
            "tax": {"$ref": "#/components/schemas/TaxChange"}
        }
        properties = operation["components"]["schemas"]["TaxChange"]["properties"]
        assert set(properties) == set(TaxChange.model_fields)

    def test_describes_the_answer_by_an_example(self, operation):
        [content] = operation["responses"]["200"]["content"].values()

        assert content["example"]["tax"]["code"] == "a"
        assert content["schema"]["properties"]["tax"]["properties"] == {
            "code": {"type": "string"},
            "rate": {"type": ["integer", "null"]},
            "links": {"type": "array", "items": {"type": "number"}},
            "none": {},
            "flag": {"type": ["boolean", "null"]},
        }

    def test_names_what_else_may_be_sent(self, operation):
        named = {(one["in"], one["name"]) for one in operation["parameters"]}

        assert named == {
            ("query", "dry_run"),
            ("query", "codes[]"),
            ("query", "notes"),
            ("query", "page"),
            ("header", "If-Match"),
            ("header", "Idempotency-Key"),
        }

    def test_says_how_lists_keys_and_numbers_are_sent(self, operation):
        sent = {one["name"]: one for one in operation["parameters"]}

        assert sent["codes[]"]["schema"] == {"type": "array", "items": {"type": "string"}}
        assert (sent["codes[]"]["style"], sent["codes[]"]["explode"]) == ("form", True)
        assert sent["notes"]["style"] == "deepObject"
        assert sent["page"]["schema"] == {"type": "integer"}

    def test_promises_every_key_of_the_answer(self, operation):
        [content] = operation["responses"]["200"]["content"].values()

        assert content["schema"]["required"] == ["tax"]
        [tax] = content["schema"]["properties"].values()
        assert tax["required"] == ["code", "rate", "links", "none", "flag"]

    def test_asks_for_a_bearer_key(self, operation):
        assert operation["security"] == [{"bearer": []}]
        assert operation["components"]["securitySchemes"] == {
            "bearer": {"type": "http", "scheme": "bearer"}
        }

    def test_describes_every_refusal(self, operation):
        refusals = {
            status: one for status, one in operation["responses"].items() if status != "200"
        }

        statuses = "400 401 403 405 409 412 413 415 422 429 503"
        assert " ".join(refusals) == statuses
        for one in refusals.values():
            [content] = one["content"].values()
            assert content["schema"] == {"$ref": "#/components/schemas/Error"}
        assert set(refusals["401"]["headers"]) == {"WWW-Authenticate"}
        assert set(refusals["503"]["headers"]) == {"Retry-After"}

    def test_names_the_headers_of_an_answer(self, operation):
        assert set(operation["responses"]["200"]["headers"]) == {"Idempotent-Replayed", "ETag"}


class TestSchemaOf:
    def test_knows_nothing_of_the_elements_of_an_empty_list(self):
        assert schema_of([]) == {"type": "array", "items": {}}


class TestSchema:
    def test_describes_every_address_without_a_warning(self, tmp_path):
        call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "s.yml"))

        assert "/api/v1/taxes/{code}:" in (tmp_path / "s.yml").read_text()

    @pytest.mark.parametrize("accept", [None, "application/json"])
    def test_is_served_to_anybody(self, anonymous, accept, db):
        answer = anonymous.get("/api/schema/", headers={"Accept": accept} if accept else {})

        assert answer.status == 200
        assert b"/api/v1/taxes" in answer.body
        if accept:
            assert orjson.loads(answer.body)["info"]["title"] == "Tarn"


class TestPage:
    def test_loads_nothing_from_elsewhere_and_runs_nothing_inline(self, anonymous, db):
        answer = anonymous.get("/api/docs/")
        page = answer.body.decode()

        assert answer.status == 200
        assert not re.search(r"(?:src|href)=\"(?!/)", page)
        assert "<style" not in page
        assert not re.search(r"<script(?! src=)", page)
        assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]

    def test_finds_its_parts_on_this_server(self, anonymous, db):
        page = anonymous.get("/api/docs/").body.decode()

        parts = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
        assert len(parts) == 5
        assert all(anonymous.get(part).status == 200 for part in parts)
