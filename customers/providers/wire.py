"""One call of another program: sent once, and its answer read, within a time and a measure.

The official clients of providers send by it too: what they use of their own waits for each piece of
an answer anew, reads whatever comes, and follows redirects.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from customers.providers.failures import OutcomeUnknown, Unavailable

# What is read of an answer, its head included; a customer is a few kilobytes.
LARGEST = 1_000_000
_CONNECT_SECONDS = 5.0
# After these, nothing was sent.
UNCONNECTED = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.ProxyError)


class Wire:
    """The way to one program.

    :param name: the program, as people write it.
    :param seconds: what one call may take, however slowly its answer drips. The look-up of a name
        has the limits of this machine's resolver.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self.name = name
        self.seconds = seconds

    def send(
        self,
        verb: str,
        url: httpx2.URL | str,
        headers: Mapping[str, str],
        content: bytes | str | None = None,
    ) -> httpx2.Response:
        """Send a call and return its whole answer; no redirect is followed.

        :raises Unavailable: if the connection was never made.
        :raises OutcomeUnknown: if it broke, took too long, or brought more than makes sense.
        """
        # Small as they are, answers are not packed; one that is could be of any size.
        sent = httpx2.Headers(headers) | {"Accept-Encoding": "identity"}
        request = httpx2.Request(verb.upper(), url, headers=sent, content=content)
        line = Line(self.seconds, LARGEST)
        try:
            return line.send(request)
        except UNCONNECTED as error:
            raise Unavailable(f"{self.name} could not be reached.", "unreachable") from error
        except _Senseless as error:
            words = f"{self.name}'s answer could not be read: {error}."
            raise OutcomeUnknown(words, "garbled_answer") from error
        except (
            httpcore2.TimeoutException,
            httpcore2.NetworkError,
            httpcore2.ProtocolError,
        ) as error:
            raise OutcomeUnknown(f"{self.name} did not answer in time.", "no_answer") from error
        finally:
            line.close()


class Line:
    """Connections for one call after another; each call has its time and its measure.

    For one thread, and for calls that the same proxy carries, or none.

    :param largest: the bytes that are read of an answer, its head included.
    """

    def __init__(self, seconds: float, largest: int) -> None:
        self._seconds = seconds
        self._largest = largest
        self._limits = _Limits()
        self._pool: httpcore2.ConnectionPool | None = None

    def send(self, request: httpx2.Request) -> httpx2.Response:
        """Send a call and return its whole answer.

        :raises httpcore2.NetworkError: and its other errors, whatever goes wrong.
        """
        if self._pool is None:
            network = _Network(self._limits)
            proxy = _proxy_to(request.url)
            self._pool = httpcore2.ConnectionPool(_tls(), proxy, network_backend=network)
        self._limits.begin(self._seconds, self._largest)
        return _exchange(request, self._pool)

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.close()


def seconds(text: object) -> float | None:
    """Return what a `Retry-After` says, None if it gives no number of seconds."""
    found = str(text)
    return float(found) if found.isascii() and found.isdigit() and len(found) < 10 else None


class _Senseless(httpcore2.ReadError):
    """An answer that no program gives which means well."""


class _Limits:
    """What is left of the time and the measure of one call."""

    def begin(self, seconds: float, largest: int) -> None:
        """Give a call its time and its measure."""
        self._deadline = time.monotonic() + seconds
        self._bytes = largest

    def time(self, late: type[httpcore2.TimeoutException]) -> float:
        """Return the seconds that are left."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise late("the time is up")
        return left

    def take(self, found: bytes) -> bytes:
        """Count what came in."""
        self._bytes -= len(found)
        if self._bytes < 0:
            raise _Senseless("it is too large")
        return found


class _Network(httpcore2.NetworkBackend):
    """Opens connections that keep to the limits."""

    def __init__(self, limits: _Limits) -> None:
        self._network = httpcore2.SyncBackend()
        self._limits = limits

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of the host that answers."""
        problem: Exception = httpcore2.ConnectError("the name has no address")
        for address in _addresses(host, port):
            patience = min(_CONNECT_SECONDS, self._limits.time(httpcore2.ConnectTimeout))
            try:
                stream = self._network.connect_tcp(
                    address, port, patience, local_address, socket_options
                )
                return _Stream(stream, self._limits)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                problem = error
        raise problem


class _Stream(httpcore2.NetworkStream):
    """A connection that ends when the time or the measure of its call is used up."""

    def __init__(self, stream: httpcore2.NetworkStream, limits: _Limits) -> None:
        self._stream = stream
        self._limits = limits

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what has come in."""
        left = self._limits.time(httpcore2.ReadTimeout)
        return self._limits.take(self._stream.read(max_bytes, left))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        self._stream.write(buffer, self._limits.time(httpcore2.WriteTimeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Agree on how to speak in private; Python bounds the whole of it by the time given."""
        left = min(_CONNECT_SECONDS, self._limits.time(httpcore2.ConnectTimeout))
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._limits)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection says of itself."""
        return self._stream.get_extra_info(info)


@cache
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


def _addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host, each once.

    :raises httpcore2.ConnectError: if the name is unknown.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError("the name can't be resolved") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _proxy_to(url: httpx2.URL) -> httpcore2.Proxy | None:
    """Return the proxy that the environment names for calls of an address, as curl reads it.

    This machine's own addresses are called directly.

    :raises httpcore2.ConnectError: if what it names is no proxy we can call.
    """
    named = getproxies()
    found = named.get(url.scheme) or named.get("all")
    if not found or _is_here(url.host) or proxy_bypass(url.host, named):
        return None
    try:
        proxy = httpx2.Proxy(found if "://" in found else f"http://{found}")
    except (ValueError, httpx2.InvalidURL) as error:
        raise httpcore2.ConnectError("the proxy's address can't be used") from error
    if proxy.url.scheme not in ("http", "https"):
        raise httpcore2.ConnectError("only proxies that speak HTTP can be used")
    return httpcore2.Proxy(str(proxy.url), auth=proxy.raw_auth, ssl_context=_tls_of(proxy.url))


def _tls_of(proxy: httpx2.URL) -> ssl.SSLContext | None:
    return _tls() if proxy.scheme == "https" else None


def _is_here(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _exchange(request: httpx2.Request, pool: httpcore2.ConnectionPool) -> httpx2.Response:
    """Send a request and return the whole answer."""
    target = httpcore2.URL(
        scheme=request.url.raw_scheme,
        host=request.url.raw_host,
        port=request.url.port,
        target=request.url.raw_path,
    )
    with pool.stream(
        request.method, target, headers=request.headers.raw, content=request.read()
    ) as answer:
        content = b"".join(answer.iter_stream())
    headers = httpx2.Headers(answer.headers)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise _Senseless("it is packed")
    return httpx2.Response(answer.status, headers=headers, content=content)
