"""How gunicorn serves Tarn: its settings (`gunicorn -c python:config.server`) and its worker.

docs/decisions/0002-gunicorn.md says why gunicorn.
"""

import gc
import logging
import os
import select
import socket
import struct
from http import HTTPStatus
from typing import Any

import orjson
from gunicorn import glogging, util
from gunicorn.http.errors import (
    ExpectationFailed,
    ForbiddenProxyRequest,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.workers.gthread import ThreadWorker

LONGEST_TARGET = 65_536
NEXT_REQUEST_MS = 1  # how long a thread stays with a connection that has been answered

wsgi_app = "config.wsgi:application"
worker_class = "config.server.Worker"
logger_class = "config.server.Logger"
proc_name = "tarn"

# As many connections to the database as threads: more than some per core only queue there.
workers = max(2, os.cpu_count() or 1)
threads = int(os.environ.get("TARN_THREADS", "4"))
worker_connections = 1_000
preload_app = True
max_requests = 0
timeout = 60
graceful_timeout = 20
keepalive = 75  # longer than the 60 seconds after which proxies drop an idle connection

# The C parser knows only "8 kB at most" and "any length": `pre_request` sets the real limit.
http_parser = "fast"
limit_request_line = 0
limit_request_fields = 100
limit_request_field_size = 8_190
control_socket_disable = True
# What a proxy says of the scheme, Django believes or not: TARN_BEHIND_PROXY. gunicorn would look
# for itself who the peer of each request is, and by default believe anybody on this machine; a
# header SCRIPT_NAME would move the request. There is nothing that it may believe of anybody.
forwarded_allow_ips = "*"
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

# A client that says no more, or listens no more, holds a thread no longer than this.
LONGEST_SILENCE = int(os.environ.get("TARN_CLIENT_TIMEOUT", "30"))


def when_ready(arbiter: Any) -> None:
    """Keep what was loaded out of garbage collection: it halves the slowest answers."""
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Have the settings at hand as attributes: gunicorn asks for twenty of them a request."""
    settings = worker.cfg.settings
    vars(worker.cfg).update({name: setting.get() for name, setting in settings.items()})


def pre_request(worker: Any, request: Any) -> None:
    """Refuse a longer target than ours; a filter's query may be long.

    :raises LimitRequestLine: if it is longer.
    """
    if len(request.uri) > LONGEST_TARGET:
        raise LimitRequestLine(len(request.uri), LONGEST_TARGET)


class Logger(glogging.Logger):  # type: ignore[misc] # gunicorn has no types
    """Leaves writing to our own logging, so that there is one form of line."""

    def setup(self, cfg: Any) -> None:
        """Set up gunicorn's logger without handlers of its own."""
        super().setup(cfg)
        for handler in list(self.error_log.handlers):
            self.error_log.removeHandler(handler)
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Answers in JSON what gunicorn refuses by itself, and keeps the request out of the log."""

    def handle(self, conn: Any) -> Any:
        """Answer a connection's request, and those that follow at once, on the same thread.

        Handing a kept-alive connection to the poller and back costs a third of the worker's time
        when a client sends one request after the other. Whoever waits for a thread goes first.
        """
        kept = super().handle(conn)
        while kept is True and self.alive and self._nobody_waits() and _sends_at_once(conn.sock):
            kept = super().handle(conn)
        return kept

    def _nobody_waits(self) -> bool:
        return bool(self.tpool._work_queue.empty())

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection to a thread, which its silence must not hold for long."""
        for direction in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            longest = struct.pack("ll", LONGEST_SILENCE, 0)
            conn.sock.setsockopt(socket.SOL_SOCKET, direction, longest)
        super().enqueue_req(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer a request that never reached the application, or that broke it."""
        status = status_of(exc)
        if status >= 500:
            self.log.error("request failed", exc_info=exc)
        else:
            self.log.warning("request refused: %s", type(exc).__name__)
        try:
            util.write_nonblock(client, answer(status))
        except OSError:
            self.log.debug("the client left before its answer")


def _sends_at_once(client: socket.socket) -> bool:
    poller = select.poll()
    poller.register(client, select.POLLIN)
    return bool(poller.poll(NEXT_REQUEST_MS))


def status_of(error: BaseException) -> HTTPStatus:
    """Return the status that tells a client what was wrong with its request."""
    known: list[tuple[type | tuple[type, ...], HTTPStatus]] = [
        ((InvalidResponseHeader, InvalidResponseHeaderName), HTTPStatus.INTERNAL_SERVER_ERROR),
        (LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
        (LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
        (ExpectationFailed, HTTPStatus.EXPECTATION_FAILED),
        (ForbiddenProxyRequest, HTTPStatus.FORBIDDEN),
        # An unknown transfer coding is the client's mistake: nothing below 500 fits it better.
        ((ParseException, UnsupportedTransferCoding), HTTPStatus.BAD_REQUEST),
    ]
    return next(
        (status for errors, status in known if isinstance(error, errors)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def answer(status: HTTPStatus) -> bytes:
    """Return a whole HTTP answer for `status`, in the envelope of the API's errors."""
    body: dict[str, Any] = {"status": int(status), "error": status.phrase}
    if status == HTTPStatus.BAD_REQUEST:
        body["error"] = "BadRequest: malformed HTTP request"
    if status >= 500:
        body["code"] = "internal_error"
    content = orjson.dumps(body)
    head = (
        f"HTTP/1.1 {int(status)} {status.phrase}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content
