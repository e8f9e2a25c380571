"""A Lago account that this very Tarn plays, called in this process; and faults on the way."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from customers.lago.client import LagoClient
from tests.billing.builders import make_api_key
from tests.conftest import Client

URL = "https://lago.example"
Reply = httpx2.Response | Exception
Meddle = Callable[[httpx2.Request, httpx2.Response], Reply]


class Wire(httpx2.BaseTransport):
    """Carries requests to an organization of this Tarn; `meddle` may change what comes back."""

    def __init__(self, key: str, meddle: Meddle | None = None) -> None:
        self.client = Client(key)
        self.meddle = meddle
        self.requests: list[httpx2.Request] = []
        self.faults: deque[Reply] = deque()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        reply: Reply = self.faults.popleft() if self.faults else self._answer(request)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def _answer(self, request: httpx2.Request) -> Reply:
        target = request.url.raw_path.decode()
        answer = self.client.get(
            target, headers={"authorization": request.headers["authorization"]}
        )
        reply = httpx2.Response(answer.status, headers=dict(answer.headers), content=answer.body)
        return self.meddle(request, reply) if self.meddle else reply

    @property
    def paths(self) -> list[str]:
        return [request.url.raw_path.decode() for request in self.requests]


def make_wire(account: Any, meddle: Meddle | None = None) -> Wire:
    """Return a wire to an organization that plays the Lago account."""
    return Wire(make_api_key(account), meddle)


@contextmanager
def client_over(wire: Wire) -> Iterator[LagoClient]:
    """Have a client whose requests go over this wire."""
    with LagoClient(URL, wire.client.key or "", transport=wire) as client:
        yield client
