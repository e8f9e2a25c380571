"""Logs: one line for each request and event, with nothing in it that names a person.

No path (ids may be personal data: the route stands for it), no query, body, header or key. Of an
exception we log its class and where it was raised, not its message, which may quote values; with
DEBUG, the message too. Lines are JSON; on a terminal the same is written for people.
"""

import logging
import logging.config
import re
import secrets
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import orjson
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase
from structlog.contextvars import bind_contextvars, reset_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET = frozenset({"health", "ready", "metrics", None})

# Loggers that tell more than an operator needs, and from which level on we listen to them.
TALKATIVE = {
    "django.request": "ERROR",  # a refused request is no news; its line has the status
    "axes": "ERROR",  # user names
    "procrastinate": "WARNING",  # a line for each job
    "gunicorn.error": "WARNING",
    "urllib3": "WARNING",
    "httpx": "WARNING",
    "httpcore": "WARNING",
    "httpx2": "WARNING",
    "httpcore2": "WARNING",
}

# Exceptions that speak of the program and never of what it was given.
ABOUT_CODE = (ImportError, NameError, AttributeError, NotImplementedError, ImproperlyConfigured)

log = structlog.get_logger("tarn")


class RequestLog:
    """Gives each request an id, and writes one line about it once it is answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request, with its id in `X-Request-Id`."""
        started = time.perf_counter()
        request_id = request_id_of(request)
        bound = bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        facts = _facts(request, response, time.perf_counter() - started)
        # Load balancers look every second or so, a page brings a dozen static files (they have no
        # route): only their bad news is news.
        quiet = facts["route"] in QUIET and facts["status"] < 400
        (log.debug if quiet else log.info)("request", **facts)
        reset_contextvars(**bound)  # what the thread says next may be about another request
        return response


def request_id_of(request: HttpRequest) -> str:
    """Return the caller's `X-Request-Id` if it is well-formed, else a new one."""
    sent: str = request.META.get("HTTP_X_REQUEST_ID", "")
    return sent if WELL_FORMED.fullmatch(sent) else secrets.token_hex(16)


def _facts(request: HttpRequest, response: HttpResponseBase, seconds: float) -> dict[str, Any]:
    match = request.resolver_match
    facts: dict[str, Any] = {
        "method": request.method if request.method in METHODS else "other",
        "route": match.route if match else None,
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
    }
    organization_id = getattr(request, "organization_id", None)  # set once the key is known
    if organization_id is not None:
        facts["organization"] = str(organization_id)
    return facts


def logging_settings(level: str, *, show_messages: bool) -> dict[str, Any]:
    """Return the settings that `configure` takes.

    :raises ImproperlyConfigured: if there is no such level.
    """
    if level not in logging.getLevelNamesMapping():
        raise ImproperlyConfigured("LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.")
    return {"level": level, "show_messages": show_messages}


def configure(options: dict[str, Any]) -> None:
    """Have structlog and the standard library's logging write the same lines to stderr.

    Never to stdout: that belongs to what a command answers.
    """
    people = sys.stderr.isatty()
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if options["show_messages"] else without_message,
    ]
    ending: Processor = structlog.dev.ConsoleRenderer() if people else as_json
    structlog.configure(
        processors=[*chain, ending if people else as_bytes],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[options["level"]]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr)
        if people
        else structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_standard_library(chain, ending, options["level"]))


def _standard_library(chain: Sequence[Processor], ending: Processor, level: str) -> dict[str, Any]:
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [structlog.stdlib.add_logger_name, *chain],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, ending],
    }
    handler = {
        "class": "logging.StreamHandler",
        "stream": sys.stderr,
        "formatter": "line",
        "filters": ["without_values"],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"without_values": {"()": WithoutValues}},
        "formatters": {"line": formatter},
        "handlers": {"line": handler},
        "root": {"handlers": ["line"], "level": level},
        "loggers": {name: {"level": least} for name, least in TALKATIVE.items()},
    }


class WithoutValues(logging.Filter):
    """Takes paths, hosts and headers out of what Django says about a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, with the words that are the same for every request."""
        if record.name == "django.request" and isinstance(record.args, tuple) and record.args:
            record.msg, record.args = str(record.args[0]), ()
        elif record.name.startswith("django.security"):
            record.msg, record.args = "refused by Django's protection", ()
        return True


def without_message(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace an exception by its class, its SQLSTATE if it has one, and where it was raised."""
    error = event.pop("exc_info", None)
    if error is True or error == 1:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["error"] = type(error).__qualname__
        if isinstance(error, ABOUT_CODE):
            event["message"] = str(error)
        cause = error.__cause__ or error
        if state := getattr(cause, "sqlstate", None):
            event["sqlstate"] = state
        event["at"] = places(error.__traceback__)
    return event


def places(trace: TracebackType | None) -> list[str]:
    """Return the last places a traceback went through, innermost last."""
    return [f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_tb(trace)[-12:]]


def as_bytes(_: WrappedLogger, __: str, event: EventDict) -> bytes:
    """Return the line as JSON, ready to be written."""
    return orjson.dumps(event, default=str)


def as_json(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """Return the line as JSON."""
    return as_bytes(logger, name, event).decode()
