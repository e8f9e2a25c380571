"""Connections to endpoints that are kept from one call to the next.

httpcore's own pool looks at each connection it has, several times, at every call: with forty of
them that cost more than all else that a delivery takes of the worker.
"""

import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import httpcore2

from billing.webhooks.network import PublicNetwork

_KEPT_SECONDS = 10.0
_Place = tuple[bytes, bytes, int]


class Lines:
    """Connections that wait for their next call, at most so many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._network = PublicNetwork()
        self._waiting: defaultdict[_Place, list[httpcore2.AsyncHTTPConnection]] = defaultdict(list)

    @asynccontextmanager
    async def send(self, request: httpcore2.Request) -> AsyncIterator[httpcore2.Response]:
        """Send a request; the answer's head is read, its body is read from what is returned."""
        origin = request.url.origin
        place = (origin.scheme, origin.host, origin.port)
        line = await self._line(place) or httpcore2.AsyncHTTPConnection(
            origin,
            ssl_context=_tls(),
            keepalive_expiry=_KEPT_SECONDS,
            network_backend=self._network,
        )
        response = await line.handle_async_request(request)
        try:
            yield response
        finally:
            # Closes the connection, if there is more of the answer than was read.
            await response.aclose()
        if line.is_idle():
            await self._keep(place, line)

    async def close(self) -> None:
        """Close them all."""
        while self._waiting:
            _, lines = self._waiting.popitem()
            for line in lines:
                await line.aclose()

    async def _line(self, place: _Place) -> httpcore2.AsyncHTTPConnection | None:
        """Return the connection that was used last; None if none is still good."""
        lines = self._waiting[place]
        while lines:
            line = lines.pop()
            if not line.has_expired():
                return line
            await line.aclose()
        return None

    async def _keep(self, place: _Place, line: httpcore2.AsyncHTTPConnection) -> None:
        if sum(map(len, self._waiting.values())) >= self._most:
            await self.close()  # of some nobody may have heard for long
        self._waiting[place].append(line)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
