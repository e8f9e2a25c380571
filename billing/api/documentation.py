"""The API described for machines (OpenAPI) and shown to people, from what views declare."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from pydantic import BaseModel

Handler = TypeVar("Handler", bound=Callable[..., Any])
JsonSchema = dict[str, Any]

_NEVER_NULL = frozenset({"lago_id", "code", "created_at"})
_REFERENCE = "#/components/schemas/{model}"
_ATTRIBUTE = "documentation"


@dataclass(frozen=True, slots=True)
class Documentation:
    """What a handler takes and answers; see `documented`."""

    request: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    response: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    refusals: Collection[int] = ()
    has_version: bool = False


def documented(
    *,
    request: Mapping[str, type[BaseModel]] | None = None,
    response: Any = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    refusals: Collection[int] = (),
    has_version: bool = False,
) -> Callable[[Handler], Handler]:
    """Declare what a handler takes and answers; its docstring is the summary.

    :param request: the root object's name and its shape, `{"tax": TaxChange}`.
    :param response: an answer as an example; the types of its values are the schema.
    :param query: what may stand in the query, with a sentence about each; `name[]` is a list,
        `name[*]` takes a key of the caller's own.
    :param headers: the same for headers.
    :param refusals: statuses beside those that its verb, path and headers imply.
    :param has_version: whether the answer carries an ETag.
    """
    documentation = Documentation(
        request or {}, response, query or {}, headers or {}, refusals, has_version
    )

    def declare(handler: Handler) -> Handler:
        setattr(handler, _ATTRIBUTE, documentation)
        return handler

    return declare


def schema_of(example: Any) -> JsonSchema:
    """Return a schema that an example meets; null may be any type, and a scalar may be null."""
    if isinstance(example, Mapping):
        properties = {name: _property_schema(name, value) for name, value in example.items()}
        return {"type": "object", "properties": properties}
    if isinstance(example, list):
        return {"type": "array", "items": schema_of(example[0]) if example else {}}
    if example is None:
        return {}
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": kinds[type(example)]}


def _property_schema(name: str, value: Any) -> JsonSchema:
    schema = schema_of(value)
    if name in _NEVER_NULL or value is None or isinstance(value, Mapping | list):
        return schema
    return {"type": [schema["type"], "null"]}


def _whole(schema: JsonSchema) -> JsonSchema:
    """Return the schema of an answer, whose objects have all their keys at any time."""
    properties = schema.get("properties", {})
    for name, inner in properties.items():
        resource = inner.get("items", inner)
        if name != "meta" and "properties" in resource:
            resource["required"] = list(resource["properties"])
    return schema | {"required": list(properties)} if properties else schema


ERROR_SCHEMA: JsonSchema = {
    "type": "object",
    "required": ["status", "error"],
    "properties": {
        "status": {"type": "integer"},
        "error": {"type": "string"},
        "code": {"type": "string", "description": "Names the reason; stable."},
        "error_details": {
            "type": "object",
            "additionalProperties": {},
            "description": "With `validation_errors`: the codes of each field's problem.",
        },
    },
    "example": {
        "status": 422,
        "error": "Unprocessable Entity",
        "code": "validation_errors",
        "error_details": {"name": ["value_is_too_long"]},
    },
}
_REFUSALS = {
    400: "The request or its JSON can't be read, or the root object is missing.",
    401: "There is no key, or it is unknown or has ended.",
    403: "The key doesn't allow this.",
    404: "There is no such object, or something that the body names doesn't exist.",
    405: "This can't be done with this object; the code says why.",
    409: "The same request with this Idempotency-Key still runs.",
    412: "The customer is another than the headers ask for.",
    413: "The body has more than 1,048,576 bytes.",
    415: "The body is not JSON in UTF-8.",
    422: "Values are refused, or the Idempotency-Key belongs to another request.",
    429: "The key made too many requests.",
    503: "The database or a provider can't be reached; try again.",
}
_OF_ALL = {400, 401, 403, 429, 503}
_OF_WRITING = {409, 422}
_OF_BODIES = {413, 415}
_OF_CONDITIONS = {412}
_OF_PATHS = {404}
_HEADERS = {
    "ETag": "The version of the customer.",
    "Idempotent-Replayed": "`true` if this is the stored answer to an earlier request.",
    "Retry-After": "Seconds to wait.",
    "WWW-Authenticate": "`Bearer`.",
}
_HEADERS_OF = {
    401: ["WWW-Authenticate"],
    409: ["Retry-After"],
    412: ["ETag"],
    429: ["Retry-After"],
    503: ["Retry-After"],
}
_INTEGERS = frozenset({"page", "per_page"})
_IDEMPOTENCY_KEY: JsonSchema = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "Repeating the request with the same key within 24 hours has no second effect.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


class BearerScheme(OpenApiAuthenticationExtension):
    """How callers show who they are."""

    target_class = "billing.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> JsonSchema:
        """Return the scheme as OpenAPI names it."""
        return {"type": "http", "scheme": "bearer"}


class ApiSchema(AutoSchema):
    """Describes handlers of `ApiView`, whether they declare something or not."""

    view: Any  # an ApiView; importing that from here would close a circle

    def get_operation_id(self) -> str:
        """Return the verb and the path, as in `get_taxes_by_code`."""
        steps = self.path.removeprefix("/api/v1/").split("/")
        named = [f"by_{step[1:-1]}" if step.startswith("{") else step for step in steps]
        return "_".join([self.method.lower(), *named])

    def get_tags(self) -> list[str]:
        """Group operations by the permission they ask for."""
        return [self.view.resource]

    def get_summary(self) -> str:
        """Return the first line of the handler's docstring."""
        return (self._handler().__doc__ or "").strip().partition("\n")[0]

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular has it
        """Return the rest of it."""
        return (self._handler().__doc__ or "").strip().partition("\n")[2].strip()

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False  # handlers have no serializer from which this could be guessed

    def _handler(self) -> Callable[..., Any]:
        handler: Callable[..., Any] = getattr(self.view, self.method.lower())
        return handler

    def _documentation(self) -> Documentation:
        found: Documentation = getattr(self._handler(), _ATTRIBUTE, Documentation())
        return found

    def _get_parameters(self) -> list[JsonSchema]:
        documentation = self._documentation()
        declared = [("query", *one) for one in documentation.query.items()]
        declared += [("header", *one) for one in documentation.headers.items()]
        parameters: list[JsonSchema] = super()._get_parameters()
        parameters += [_parameter(*one) for one in declared]
        return parameters if self.method == "GET" else [*parameters, _IDEMPOTENCY_KEY]

    def _get_request_body(self, direction: str = "request") -> JsonSchema | None:
        if self.method not in ("POST", "PUT", "PATCH"):
            return None
        roots = {
            root: self._component(shape) for root, shape in self._documentation().request.items()
        }
        schema: JsonSchema = {"type": "object"}
        if roots:
            schema |= {"properties": roots, "required": list(roots)}
        content = {"application/json": {"schema": schema}}
        return {"content": content, "required": self.view.needs_body}

    def _get_response_bodies(self, direction: str = "response") -> JsonSchema:
        example = self._documentation().response
        success: JsonSchema = {"schema": {"type": "object"}}
        media_type = "text/plain" if isinstance(example, str) else "application/json"
        if example is not None:
            success = {"schema": _whole(schema_of(example)), "example": example}
        done: JsonSchema = {"description": "Done.", "content": {media_type: success}}
        if headers := self._success_headers():
            done["headers"] = _headers(headers)
        refusal = {"application/json": {"schema": self._register("Error", ERROR_SCHEMA)}}
        return {"200": done} | {
            str(status): _refusal(status, refusal) for status in sorted(self._refusals())
        }

    def _success_headers(self) -> list[str]:
        found = [] if self.method == "GET" else ["Idempotent-Replayed"]
        return [*found, "ETag"] if self._documentation().has_version else found

    def _refusals(self) -> set[int]:
        documentation = self._documentation()
        found = _OF_ALL | set(documentation.refusals)
        if self.method != "GET":
            found |= _OF_WRITING
        if self.method in ("POST", "PUT", "PATCH"):
            found |= _OF_BODIES
        if documentation.headers:
            found |= _OF_CONDITIONS
        return found | _OF_PATHS if "{" in self.path else found

    def _component(self, shape: type[BaseModel]) -> JsonSchema:
        schema = shape.model_json_schema(mode="serialization", ref_template=_REFERENCE)
        for name, inner in schema.pop("$defs", {}).items():
            self._register(name, inner)
        return self._register(shape.__name__, schema)

    def _register(self, name: str, schema: JsonSchema) -> JsonSchema:
        component = ResolvedComponent(name, ResolvedComponent.SCHEMA, schema=schema, object=name)
        self.registry.register_on_missing(component)
        return {"$ref": f"#/components/schemas/{name}"}


def _parameter(place: str, name: str, words: str) -> JsonSchema:
    found: JsonSchema = {"in": place, "name": name, "description": words}
    if name.endswith("[]"):
        schema: JsonSchema = {"type": "array", "items": {"type": "string"}}
        return found | {"schema": schema, "style": "form", "explode": True}
    if name.endswith("[*]"):
        schema = {"type": "object", "additionalProperties": {"type": "string"}}
        named = {"name": name.removesuffix("[*]"), "schema": schema}
        return found | named | {"style": "deepObject", "explode": True}
    return found | {"schema": {"type": "integer" if name in _INTEGERS else "string"}}


def _refusal(status: int, content: JsonSchema) -> JsonSchema:
    found: JsonSchema = {"description": _REFUSALS[status], "content": content}
    if status in _HEADERS_OF:
        found["headers"] = _headers(_HEADERS_OF[status])
    return found


def _headers(names: Collection[str]) -> JsonSchema:
    return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}
