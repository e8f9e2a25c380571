"""The door of the API: one class whose `dispatch` keeps the order of checks of customers.md 1.2."""

# DRF's signatures name its own Request and Response; here Django's go through, at half the cost.
# mypy: disable-error-code="override, arg-type"

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any, ClassVar, NoReturn, cast
from uuid import UUID

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.views import APIView

from billing.api import idempotency, keys
from billing.api.answers import ApiResponse
from billing.api.authentication import BearerAuthentication, Caller, Question
from billing.api.body import BadBody, read_json
from billing.api.refusals import Refused, answer_to, error_answer
from billing.api.throttle import Rate, count_request
from billing.events.actor import Actor
from billing.statements import drop_dead_connection

MAX_BODY_BYTES = 1_048_576
SHORT_BODY_BYTES = 65_536

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

Handler = Callable[..., ApiResponse]


class ApiRequest(WSGIRequest):
    """A request as handlers see it, once it has passed the edge."""

    caller: Caller
    rate: Rate | None
    organization_id: UUID
    actor: Actor
    payload: Any
    """The JSON value of the body; None without one."""


class Body:
    """The body of a request, read and parsed once, whoever asks first.

    `data()` returns its bytes and `value()` the JSON value in them; either raises what is wrong
    (Refused, BadBody) as often as it is asked.
    """

    def __init__(self, request: ApiRequest) -> None:
        self.length = _declared_length(request)
        self.data: Callable[[], bytes] = _once(lambda: read_body(request))
        self.value: Callable[[], Any] = _once(lambda: read_json(self.data()))

    @property
    def is_short(self) -> bool:
        """Return whether it may be read before the caller is known."""
        return self.length is not None and self.length <= SHORT_BODY_BYTES


def _once(make: Callable[[], Any]) -> Callable[[], Any]:
    """Return what calls `make` once, and gives its value or raises its error from then on."""
    found: list[tuple[Any, Exception | None]] = []

    def call() -> Any:
        if not found:
            try:
                found.append((make(), None))
            except (Refused, BadBody) as error:
                found.append((None, error))
        value, wrong = found[0]
        if wrong is not None:
            raise wrong
        return value

    return call


class ApiView(APIView):
    """A resource's address: `get`, `post`, `put` and `delete` handle what the edge let through.

    HEAD works where GET does, PATCH where PUT does. `resource` names the permission.
    """

    resource: ClassVar[str]
    needs_body: ClassVar[bool] = True

    authentication_classes = (BearerAuthentication,)
    permission_classes = ()  # `check_permissions` has the rule; DRF's own would be that anybody may

    head: ClassVar[Any]
    patch: ClassVar[Any]
    _allowed: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if hasattr(cls, "get"):
            cls.head = cls.get  # Django would do it for each request
        if hasattr(cls, "put"):
            cls.patch = cls.put
        verbs = ("get", "head", "post", "put", "patch", "delete")
        cls._allowed = tuple(verb.upper() for verb in verbs if hasattr(cls, verb))

    def _allowed_methods(self) -> list[str]:
        return list(self._allowed)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpRequest:
        """Return the request as it is: nothing of DRF's parsers or negotiation is used."""
        return request

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Check, handle and answer one request; whatever happens, the answer is JSON."""
        checked = cast(ApiRequest, request)
        self.headers: dict[str, str] = {}
        self.body = Body(checked)
        try:
            handler = self.find_handler(checked)
            self.initial(checked)
            response = self._handle(checked, handler, kwargs)
        except Exception as error:  # the edge: nothing but JSON leaves it
            response = self.handle_exception(error)
        return self.finalize_response(checked, response)

    def find_handler(self, request: HttpRequest) -> Handler:
        """Return the method that handles the request's verb.

        :raises Refused: 405 if there is none.
        """
        if request.method not in self._allowed:
            self.http_method_not_allowed(request)
        return cast(Handler, getattr(self, request.method.lower()))

    def initial(self, request: ApiRequest, *args: Any, **kwargs: Any) -> None:
        """Let the key, its permissions and its rate pass.

        Counting comes before the permissions: every request of a key counts, and every answer
        to it says how many are left.
        """
        self.perform_authentication(request)
        request.rate = count_request(request.caller.key_id)
        if request.rate is not None:
            self.headers.update(request.rate.headers())
        self.check_permissions(request)
        self.check_throttles(request)

    def perform_authentication(self, request: ApiRequest) -> None:
        """Put the caller on the request."""
        [_, caller] = BearerAuthentication().authenticate(request, self._question(request))
        request.caller = caller
        request.organization_id = caller.organization_id
        request.actor = caller.actor

    def check_permissions(self, request: ApiRequest) -> None:
        """Let the key read or write the resource, as its permissions say.

        :raises Refused: 403, naming what is missing.
        """
        mode = keys.READ if request.method in ("GET", "HEAD") else keys.WRITE
        if not keys.allows(request.caller.permissions, self.resource, mode):
            raise Refused(403, f"{mode}_action_not_allowed_for_{self.resource}")

    def check_throttles(self, request: ApiRequest) -> None:
        """:raises Refused: 429 if the request was counted beyond its key's limit."""
        if request.rate is not None and request.rate.is_exceeded:
            wait = {"Retry-After": str(request.rate.seconds_left)}
            raise Refused(429, "too_many_requests", headers=wait)

    def _question(self, request: ApiRequest) -> Question | None:
        """Return what the view wants to look at, if its body can be read already.

        What is wrong with the body is told in its turn, once the key and its permissions passed.
        """
        if request.method not in _WITH_BODY or not self.body.is_short:
            return None
        try:
            return self.look_ahead(request)
        except (Refused, BadBody):
            return None

    def look_ahead(self, request: ApiRequest) -> Question | None:
        """Return what to ask together with the look at the key; it may read `self.body`."""
        return None

    def _handle(self, request: ApiRequest, handler: Handler, values: dict[str, Any]) -> ApiResponse:
        request.payload = None
        if request.method not in _WRITING:
            return handler(request, **values)
        data = self.body.data() if request.method in _WITH_BODY else b""
        key = idempotency.read_key(request.META.get("HTTP_IDEMPOTENCY_KEY"))
        if data or (self.needs_body and request.method in _WITH_BODY):
            request.payload = self.body.value()
        if key is None:
            return handler(request, **values).finished()
        once = idempotency.Request(request.organization_id, key, fingerprint(request))
        return idempotency.run_once(once, lambda: handler(request, **values))

    def root(self, request: ApiRequest, name: str, known_keys: Collection[str]) -> dict[str, Any]:
        """Return the root object of the body.

        :raises Refused: 400 if it is missing, not an object, empty or holds only unknown keys.
        """
        payload = request.payload
        found = payload.get(name) if isinstance(payload, dict) else None
        if not isinstance(found, dict) or not any(key in known_keys for key in found):
            raise Refused(400, words=f"param is missing or the value is empty or invalid: {name}")
        return found

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> NoReturn:
        """:raises Refused: 405, naming the verbs that work."""
        allowed = {"Allow": ", ".join(self._allowed)}
        raise Refused(405, "method_not_allowed", headers=allowed)

    def handle_exception(self, exc: Exception) -> ApiResponse:
        """Return the answer to an exception, and a usable connection to the next request."""
        drop_dead_connection()
        match = self.request.resolver_match
        return answer_to(exc, match.route if match else "unknown route")

    def finalize_response(
        self, request: HttpRequest, response: ApiResponse, *args: Any, **kwargs: Any
    ) -> ApiResponse:
        """Add the headers of the rate limit; take the body out of the answer to a HEAD."""
        for name, value in self.headers.items():
            response.headers[name] = value
        if request.method == "HEAD":
            response.content = b""
        return response


def read_body(request: ApiRequest) -> bytes:
    """Return the bytes of the body, empty if there is none; reads no more than the limit.

    :raises Refused: 415 or 413.
    :raises BadBody: if the caller stops sending.
    """
    length = _declared_length(request)
    if length == 0:
        return b""
    too_large = length is not None and length > MAX_BODY_BYTES
    data = b"" if too_large else _read(request, MAX_BODY_BYTES + 1 if length is None else length)
    if not data and not too_large:
        return b""
    _check_content(request)
    if too_large or len(data) > MAX_BODY_BYTES:
        raise Refused(413, "payload_too_large")
    return data


def _declared_length(request: HttpRequest) -> int | None:
    """Return the bytes that are coming; None if the caller sends chunks without a length."""
    if request.META.get("HTTP_TRANSFER_ENCODING"):
        return None
    declared = request.META.get("CONTENT_LENGTH") or "0"
    return int(declared) if declared.isascii() and declared.isdigit() else 0


def _read(request: ApiRequest, limit: int) -> bytes:
    stream = request.environ["wsgi.input"]
    parts, missing = [], limit
    try:
        while missing > 0 and (part := stream.read(missing)):
            parts.append(part)
            missing -= len(part)
    except Exception:  # each server has errors of its own for chunks that it can't read
        raise BadBody("the body ended too early or was sent wrongly") from None
    return b"".join(parts)


def _check_content(request: HttpRequest) -> None:
    meta = request.META
    if not _is_json(meta.get("CONTENT_TYPE", "")) or not _is_identity(
        meta.get("HTTP_CONTENT_ENCODING", "")
    ):
        raise Refused(415, "unsupported_media_type")


@lru_cache(maxsize=256)
def _is_json(content_type: str) -> bool:
    """Return whether this names JSON in UTF-8; so does no name at all."""
    if not content_type.strip():
        return True
    media_type, *parameters = content_type.lower().split(";")
    if media_type.strip() != "application/json":
        return False
    named = (parameter.partition("=") for parameter in parameters)
    charsets = [value.strip().strip('"') for name, _, value in named if name.strip() == "charset"]
    return all(charset in ("utf-8", "utf8") for charset in charsets)


def _is_identity(content_encoding: str) -> bool:
    return content_encoding.strip().lower() in ("", "identity")


def fingerprint(request: ApiRequest) -> bytes:
    """Return what tells this request apart from others with the same Idempotency-Key."""
    query = request.META.get("QUERY_STRING", "")
    target = f"{request.path_info}?{query}" if query else request.path_info
    return idempotency.fingerprint(str(request.method), target, request.payload)


@csrf_exempt
def unknown_path(request: HttpRequest, *args: Any, **kwargs: Any) -> ApiResponse:
    """Answer a path that nothing is at; the key doesn't matter."""
    response = error_answer(404, "resource_not_found")
    if request.method == "HEAD":
        response.content = b""
    return response
