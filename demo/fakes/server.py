"""What all fakes share: state, idempotency keys, faults on demand, and a page that shows it all.

A fault is set for the next calls of a path, in this process by `Fake.fail` or from outside by
`POST /_faults` with `{"kind": "error_after", "path": "/v1/customers", "times": 2}`.
"""

import html
import itertools
import json
import socket
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

# How a call goes wrong. `_after` means: what was asked for is done all the same.
FAULTS = (
    "error",  # 500
    "error_after",
    "reset",  # the connection breaks
    "reset_after",
    "silence_after",  # no answer, for as long as the client waits
    "slow",  # an answer after a second
    "throttled",  # 429 with Retry-After
    "garbage",  # 200, not JSON
    "html",  # 502 from something on the way
    "huge",  # 200 and megabytes
    "endless",  # 200 and zeros for ever
    "drip_after",  # an answer that comes byte by byte
    "head_after",  # an answer whose headers come one by one, without end
)


_STREAMS = frozenset({"endless", "drip_after", "head_after"})


@dataclass
class Call:
    """A request as it came in."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Reply:
    """An answer."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class _Fault:
    kind: str
    path: str
    times: int
    method: str | None = None

    def meets(self, call: Call) -> bool:
        """Return whether a call of this kind is to go wrong."""
        is_meant = self.method in (None, call.method) and call.path.startswith(self.path)
        return is_meant and self.times > 0


@dataclass(frozen=True)
class Ear:
    """Where Tarn hears of a provider, and the secret by which it knows that provider."""

    url: str
    secret: str

    def tell(self, fake: "Fake", customer_id: str) -> str:
        """Have a customer leave a way to pay, tell Tarn, and return its answer in a word."""
        body, headers = fake.leave_method(customer_id)
        request = Request(self.url, body, {"Content-Type": "application/json"} | headers)  # noqa: S310  # ours
        try:
            with urlopen(request, timeout=60) as answer:  # noqa: S310  # the same
                return str(answer.status)
        except OSError as error:
            return str(getattr(error, "code", "nothing"))


class Fake(ABC):
    """A provider; a subclass says what it does with a call, and what a customer there is."""

    name = "Provider"
    key_header = "idempotency-key"
    silence_seconds = 30.0
    drip_seconds = 0.1
    first_customer: str | None = None

    def __init__(self, file: Path | None = None, *, adopts: bool = False) -> None:
        """Begin with what the file holds; take unknown ids for customers if it `adopts`."""
        self.adopts = adopts
        self.calls: list[Call] = []
        self.customers: dict[str, dict[str, Any]] = {}
        # Pages for customers by their numbers, where these begin, and where Tarn hears of us.
        self.pages: dict[str, str] = {}
        self.at: str | None = None
        self.ear: Ear | None = None
        self._answers: dict[str, tuple[Any, Reply]] = {}
        self._faults: list[_Fault] = []
        self._lock = threading.RLock()
        self._file = file
        if file is not None and file.exists():
            self.customers = json.loads(file.read_text())

    @abstractmethod
    def answer(self, call: Call) -> Reply:
        """Do what a call asks for."""

    def open_page(self, number: str, customer_id: str, real: str) -> str:
        """Return the address where a customer sets up how to pay: a page of ours in the demo."""
        self.pages[number] = customer_id
        return f"{self.at}/pay/{number}" if self.at else real

    def leave_method(self, customer_id: str) -> tuple[bytes, dict[str, str]]:
        """Do what a customer does on such a page; return the webhook that tells of it."""
        raise LookupError(f"{self.name} has no page where {customer_id} could pay")

    def refusal(self, status: int, message: str) -> Reply:
        """Return an error in the provider's own form."""
        return Reply(status, {"error": {"message": message}})

    def columns(self, customer: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Return what the page shows of a customer."""
        return [("id", customer.get("id"))]

    def fail(self, kind: str, path: str = "/", times: int = 1, method: str | None = None) -> None:
        """Have the next calls of a path (and what is below it) go wrong."""
        if kind not in FAULTS:
            raise ValueError(f"no such fault: {kind}")
        with self._lock:
            self._faults.append(_Fault(kind, path, times, method))

    def take(self, call: Call) -> tuple[Reply | None, str | None]:
        """Return the answer to a call, None if there is to be none, and the fault it met."""
        with self._lock:
            self.calls.append(call)
            fault = self._fault_of(call)
        if fault == "slow":
            time.sleep(1)
        early = self._early(fault)
        if early is not None or fault == "reset":
            return early, fault
        with self._lock:
            reply = self._once(call)
        late = {"error_after": self.refusal(500, "Something went wrong on our end.")}
        return late.get(fault or "", reply), fault

    def _fault_of(self, call: Call) -> str | None:
        for fault in self._faults:
            if fault.meets(call):
                fault.times -= 1
                return fault.kind
        return None

    def _early(self, fault: str | None) -> Reply | None:
        page = "<html><body><h1>502 Bad Gateway</h1></body></html>"
        replies = {
            "error": self.refusal(500, "Something went wrong on our end."),
            "throttled": Reply(429, self.refusal(429, "Too many requests.").body,
                               {"Retry-After": "2"}),
            "garbage": Reply(200, "}{ \x00 -1"),
            "html": Reply(502, page, {"Content-Type": "text/html"}),
            "huge": Reply(200, "[" + "0," * 2_000_000),
            "endless": Reply(200, ""),
        }  # fmt: skip
        return replies.get(fault or "")

    def _once(self, call: Call) -> Reply:
        """Answer; a call that repeats a key gets the answer of the first."""
        key = call.headers.get(self.key_header)
        if key is None or call.method == "GET":
            return self._keep(call)
        asked = (call.method, call.path, call.body)
        if key in self._answers:
            before, reply = self._answers[key]
            if before != asked:
                return self.refusal(400, "This key was used with other parameters.")
            return self.repeat(reply)
        reply = self._keep(call)
        if reply.status < 400:  # else nothing was done
            self._answers[key] = (asked, reply)
        return reply

    def repeat(self, first: Reply) -> Reply:
        """Return what a call is answered that was done already; most say the same again."""
        return first

    def _keep(self, call: Call) -> Reply:
        reply = self.answer(call)
        if call.method != "GET":
            self.keep()
        return reply

    def keep(self) -> None:
        """Write what there is into the file, if there is one."""
        if self._file is not None:
            self._file.write_text(json.dumps(self.customers))

    def forget_keys(self) -> None:
        """Forget all idempotency keys, as providers do after a day."""
        with self._lock:
            self._answers.clear()

    def page(self) -> str:
        """Return the page that shows the customers there are."""
        rows = [dict(self.columns(customer)) for customer in self.customers.values()]
        heads = list(rows[0]) if rows else []
        head = "".join(f"<th>{html.escape(one)}</th>" for one in heads)
        body = "".join(
            "<tr>" + "".join(f"<td>{_cell(row.get(one))}</td>" for one in heads) + "</tr>"
            for row in reversed(rows)
        )  # fmt: skip
        empty = "" if rows else "<p>No customers yet: create one in Tarn.</p>"
        return _PAGE.format(name=html.escape(self.name), head=head, body=body, empty=empty)


def _cell(value: object) -> str:
    words = html.escape(str(value or ""))
    return f'<a href="{words}">{words}</a>' if words.startswith("http") else words


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name} (not the real one)</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem }}
body {{ padding: 0 1rem }}
div {{ overflow-x: auto }} table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #8884 }}
p {{ opacity: .75 }}
</style></head><body>
<h1>Customers at &ldquo;{name}&rdquo;</h1>
<p>A stand-in on this machine that Tarn's demo talks to. Nothing leaves it.</p>
<div><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{empty}
</body></html>"""


_PAY_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name} (not the real one)</title>
<meta name="viewport" content="width=device-width">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 15vh auto 0; max-width: 26rem }}
body {{ padding: 0 1rem }} button {{ font: inherit; padding: .5rem 1rem }} p {{ opacity: .75 }}
</style></head><body><h1>&ldquo;{name}&rdquo;</h1><p>{words}</p>{form}</body></html>"""


class _Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for a fake."""

    protocol_version = "HTTP/1.1"
    fake: Fake

    def do_any(self) -> None:
        parts = urlsplit(self.path)
        size = int(self.headers.get("content-length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.command, parts.path, parts.query, headers, self.rfile.read(size))
        if call.path == "/" and call.method == "GET":
            self._send(Reply(200, self.fake.page(), {"Content-Type": "text/html; charset=utf-8"}))
        elif call.path.startswith("/pay/"):
            self._send(self._visit(call))
        elif call.path == "/_faults" and call.method == "POST":
            self.fake.fail(**json.loads(call.body))
            self._send(Reply(200, {}))
        else:
            self._answer(call)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any  # noqa: N815  # by the server's own names

    def _visit(self, call: Call) -> Reply:
        """Show a customer the page it was sent, or do what it does there."""
        customer_id = self.fake.pages.get(call.path.removeprefix("/pay/"))
        form = '<form method="post"><button>Leave a way to pay</button></form>'
        if customer_id is None:
            words, form = "This link has ended: ask Tarn for another.", ""
        elif call.method == "GET":
            words = f"A stand-in on this machine. You are here as the customer {customer_id}."
        else:
            told = self.fake.ear.tell(self.fake, customer_id) if self.fake.ear else "nobody"
            words, form = f"Thank you. Tarn was told, and answered {told}.", ""
        page = _PAY_PAGE.format(
            name=html.escape(self.fake.name), words=html.escape(words), form=form
        )
        return Reply(200, page, {"Content-Type": "text/html; charset=utf-8"})

    def _answer(self, call: Call) -> None:
        reply, fault = self.fake.take(call)
        if fault == "silence_after":
            time.sleep(self.fake.silence_seconds)
        if reply is None or fault in ("reset_after", "silence_after"):
            # A reset rather than an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        if fault in _STREAMS:
            self.close_connection = True
            with suppress(OSError):
                self._stream(fault, reply)
            return
        self._send(reply)

    def _stream(self, fault: str, reply: Reply) -> None:
        """Answer until whoever asked has had enough."""
        self.wfile.write(b"HTTP/1.1 %d OK\r\n" % reply.status)
        if fault == "head_after":
            pieces, pause = itertools.repeat(b"X-More: and more\r\n"), self.fake.drip_seconds
        elif fault == "drip_after":
            pieces, pause = (
                itertools.chain([b"\r\n"], itertools.repeat(b" ")),
                self.fake.drip_seconds,
            )
        else:
            pieces, pause = itertools.chain([b"\r\n["], itertools.repeat(b"0," * 32_768)), 0.0
        for piece in pieces:
            self.wfile.write(piece)
            time.sleep(pause)

    def _send(self, reply: Reply) -> None:
        text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        data = text.encode()
        self.send_response(reply.status)
        for name, value in ({"Content-Type": "application/json"} | reply.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(data)

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def server_of(fake: Fake, port: int = 0) -> ThreadingHTTPServer:
    """Return a server for a fake on this machine."""
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    return server


@contextmanager
def running(fake: Fake) -> Iterator[str]:
    """Run a fake in a thread; give its address."""
    server = server_of(fake)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
