"""The WSGI application: one door for programs, one for browsers.

What programs call (`/api/v1/`, `/webhooks/`, `/health`, `/ready`, `/metrics`) passes few
middlewares and is routed by the request target **as it was sent**: `/customers/a%2Fb` and
`/customers/a/b` are told apart, which a decoded path can't do. Everything else passes Django's full
list.
"""

import os
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import LimitedStream, WSGIHandler, WSGIRequest
from django.db import DEFAULT_DB_ALIAS, connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import ResolverMatch, URLResolver, get_resolver, set_script_prefix
from django.utils.log import log_response
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

PROGRAMS = ("/api/v1/", "/webhooks/", "/health", "/ready", "/metrics")
UNQUOTED = "/!$&'()*+,;=:@~"  # what may stand in a path as it is (RFC 3986, 3.3)

Environ = dict[str, Any]


class ProgramRequest(WSGIRequest):
    """A request whose body can be read when it is chunked, too, up to the limit and a byte."""

    for_program = True

    def __init__(self, environ: Environ) -> None:
        super().__init__(environ)
        if "CONTENT_LENGTH" not in environ and environ.get("wsgi.input_terminated"):
            limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1
            self._stream: Any = LimitedStream(environ["wsgi.input"], limit)

    def _set_content_type_params(self, meta: Environ) -> None:
        """Read nothing here: Django would decode the query by the charset that a body claims.

        With `charset=zip` that fails before any view can answer. The edge judges the header.
        """
        self.content_type = ""
        self.content_params: dict[str, str] = {}


class ProgramHandler:
    """Does what Django's handler does, but for what only browsers need.

    No signal is sent and no local of the thread is set, which costs more than many a view. The
    middlewares are those of settings.API_MIDDLEWARE: plain callables without hooks.
    """

    def __init__(self) -> None:
        chain: Any = convert_exception_to_response(self._view)
        for path in reversed(settings.API_MIDDLEWARE):
            chain = convert_exception_to_response(import_string(path)(chain))
        self._chain: Callable[[HttpRequest], HttpResponse] = chain
        self._fixed: dict[tuple[URLResolver, str], ResolverMatch] = {}

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer one request, and leave the connection to the database fit for the next."""
        request = ProgramRequest(environ)
        if request.META["SCRIPT_NAME"]:
            set_script_prefix(request.META["SCRIPT_NAME"])
        response = self._chain(request)
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            reason = response.reason_phrase
            log_response("%s: %s", reason, request.path, response=response, request=request)
        connections[DEFAULT_DB_ALIAS].close_if_unusable_or_obsolete()
        content = response.content
        # Without a length, gunicorn would send the body in chunks.
        response.headers.setdefault("Content-Length", str(len(content)))
        status = f"{response.status_code} {response.reason_phrase}"
        start_response(status, list(response.headers.items()))
        return (content,)

    def _view(self, request: HttpRequest) -> HttpResponseBase:
        match = request.resolver_match = self._find(request.path_info)
        answer: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return answer

    def _find(self, path: str) -> ResolverMatch:
        """Return where a path leads; paths without a part to read are looked for only once.

        :raises Resolver404: if it leads nowhere.
        """
        resolver = get_resolver()
        match = self._fixed.get((resolver, path))
        if match is None:
            match = resolver.resolve(path)
            if path == f"/{match.route}":
                self._fixed[resolver, path] = match
        return match


class Application:
    """Hands each request to the door it belongs to."""

    def __init__(self) -> None:
        self.programs = ProgramHandler()
        self.browsers = WSGIHandler()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        path = undecoded_path(environ)
        # A decoded path counts as well: `/%61pi/v1/taxes` must find no address under /api/v1/
        # rather than reach one with its parameters decoded twice.
        if is_for_program(path) or is_for_program(environ["PATH_INFO"]):
            environ["PATH_INFO"] = path
            return self.programs(environ, start_response)
        return self.browsers(environ, start_response)


def is_for_program(path: str) -> bool:
    """Say whether a program asks for this path, be it with a slash too many or too few."""
    return f"/{path.lstrip('/')}/".startswith(PROGRAMS)


def undecoded_path(environ: Environ) -> str:
    """Return the path of the request target as the client sent it.

    `RAW_URI` is what gunicorn calls the target; from a server without it the path is encoded
    anew, which is right but for an encoded slash.
    """
    target: str | None = environ.get("RAW_URI")
    if target is None:
        return quote(environ["PATH_INFO"].encode("latin-1"), safe=UNQUOTED)
    path = target.partition("?")[0].partition("#")[0]
    if not path.startswith("/"):  # http://host/path, as sent to proxies, or the `*` of OPTIONS
        path = "/" + path.partition("://")[2].partition("/")[2]
    prefix: str = environ.get("SCRIPT_NAME", "")
    return path.removeprefix(prefix) if prefix else path


def get_wsgi_application() -> Application:
    """Return the application with its database limited as a web server needs it.

    :raises ImproperlyConfigured: if DATABASE_URL is missing.
    """
    import django

    django.setup(set_prefix=False)
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.dummy":
        raise ImproperlyConfigured("DATABASE_URL is not set: name the PostgreSQL to work on.")
    _limit_waiting()
    # Now rather than at the first request: what is broken is told at the start, and what is
    # loaded before gunicorn forks is shared by its workers.
    list(get_resolver().url_patterns)
    return Application()


def _limit_waiting() -> None:
    """Let no request wait for ever on a lock or a statement; commands may take their time."""
    options: dict[str, Any] = settings.DATABASES["default"]["OPTIONS"]  # type: ignore[assignment]
    own = options.get("options", "")
    options["options"] = (
        f"-c lock_timeout={settings.TARN_LOCK_TIMEOUT_MS} "
        f"-c statement_timeout={settings.TARN_STATEMENT_TIMEOUT_MS} {own}"
    ).strip()
    options["application_name"] = "tarn-web"


application = get_wsgi_application()
