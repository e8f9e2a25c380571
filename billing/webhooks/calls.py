"""One call of an endpoint: what is sent, and what is made of the answer."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

import httpcore2
import httpx2
import structlog

from billing.webhooks.lines import Lines
from billing.webhooks.network import RefusedAddress

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
WHOLE_SECONDS = 15.0
ANSWER_READ = 65_536
ANSWER_KEPT = 1_024
CALLS_AT_ONCE = 100
_TIMEOUTS = {
    "connect": CONNECT_SECONDS,
    "read": READ_SECONDS,
    "write": READ_SECONDS,
}
# What else goes wrong is likely our own mistake, and stands in the log.
_FORESEEN = (
    OSError,
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call: a status, or in a few words why there is none."""

    milliseconds: int
    status: int | None = None
    error: str | None = None
    text: str | None = None
    retry_after: str | None = None

    @property
    def is_success(self) -> bool:
        """Return whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


class Caller:
    """Calls endpoints, over connections that are kept while it is open."""

    def __init__(self) -> None:
        self._lines = Lines(CALLS_AT_ONCE)

    async def close(self) -> None:
        """Close the connections."""
        await self._lines.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a body; no redirect is followed, and no error is raised."""
        began = perf_counter()
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                status, text, wish = await self._send(url, headers, body)
        except Exception as error:  # whatever a stranger's server does is an outcome
            if not isinstance(error, _FORESEEN):
                log.exception("a webhook could not be sent for a reason nobody foresaw")
            return Answer(_milliseconds(began), error=_reason(error))
        return Answer(_milliseconds(began), status, None, text, wish)

    async def _send(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str, str | None]:
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        sent += [(b"User-Agent", b"Tarn"), (b"Content-Length", b"%d" % len(body))]
        parts = httpx2.URL(url)  # international names and paths, as they travel
        target = httpcore2.URL(
            scheme=parts.raw_scheme, host=parts.raw_host, port=parts.port, target=parts.raw_path
        )
        request = httpcore2.Request(
            "POST",
            target,
            headers=[(b"Host", parts.netloc), *sent],
            content=body,
            extensions={"timeout": _TIMEOUTS},
        )
        async with self._lines.send(request) as response:
            text = await _beginning(response)
            wish = _header(response, b"retry-after")
        return response.status, text, wish.decode("latin-1") if wish else None


def _header(response: httpcore2.Response, name: bytes) -> bytes | None:
    return next((value for key, value in response.headers if key.lower() == name), None)


async def _beginning(response: httpcore2.Response) -> str:
    """Return the beginning of the answer as text; NUL can't be stored."""
    read = bytearray()
    async for chunk in response.aiter_stream():
        read += chunk
        if len(read) >= ANSWER_READ:
            break
    return (
        bytes(read[:ANSWER_KEPT])
        .decode("utf-8", "replace")
        .replace("\0", "\N{REPLACEMENT CHARACTER}")
    )


def _milliseconds(began: float) -> int:
    return int((perf_counter() - began) * 1_000)


def _reason(error: Exception) -> str:
    """Return in a few words why there was no answer."""
    if isinstance(error, RefusedAddress):
        return "refused: the address is not public"
    if isinstance(error, TimeoutError | httpcore2.TimeoutException):
        return "no answer in time"
    cause: BaseException = error.__cause__ or error
    kind = "TLS failed" if isinstance(cause, ssl.SSLError) else _KINDS.get(type(error), "failed")
    return f"{kind}: {str(error) or type(error).__name__}"[:300].replace("\0", "")


_KINDS = {
    httpcore2.ConnectError: "no connection",
    httpcore2.ReadError: "the connection broke",
    httpcore2.WriteError: "the connection broke",
    httpcore2.RemoteProtocolError: "the answer is no HTTP",
}
