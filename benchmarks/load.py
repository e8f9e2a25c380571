"""A load generator: a few keep-alive connections, one thread, every answer looked at."""

import select
import socket
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class UnexpectedAnswer(Exception):
    """The server answered something else than 200."""


@dataclass
class Sample:
    """What one run came to; times in seconds, CPU of the generator itself."""

    requests: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))

    @property
    def rate(self) -> float:
        """Return requests per second."""
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency that `share` of the requests stayed below."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class _Connection:
    """One connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0
        self.received = bytearray()
        self.expected = 0

    def send(self, request: bytes) -> None:
        self.received.clear()
        self.expected = 0
        self.began = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Take what has arrived; return whether the answer is complete."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise UnexpectedAnswer("the server closed the connection")
        self.received += data
        if not self.expected:
            end = self.received.find(_HEAD_END)
            if end < 0:
                return False
            self.expected = end + len(_HEAD_END) + _body_length(bytes(self.received[:end]))
        return len(self.received) >= self.expected

    def body(self) -> bytes:
        """Return the body of the answer.

        :raises UnexpectedAnswer: if its status is not 200.
        """
        head, _, body = bytes(self.received).partition(_HEAD_END)
        if head[9:12] != b"200":
            raise UnexpectedAnswer(f"{head[:15].decode()}: {body[:2_000].decode()}")
        return body


def _body_length(head: bytes) -> int:
    lowered = head.lower()
    place = lowered.find(_LENGTH)
    if place < 0:
        raise UnexpectedAnswer(f"no Content-Length: {head.decode()}")
    return int(lowered[place + len(_LENGTH) :].partition(b"\r")[0])


def ask(port: int, request: bytes) -> bytes:
    """Send one request on a connection of its own and return the body of the answer."""
    connection = _Connection(port)
    try:
        connection.send(request)
        while not connection.receive():
            pass
        return connection.body()
    finally:
        connection.socket.close()


def run(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Sample:
    """Keep `connections` busy for `seconds`, or until the requests are used up.

    What is under way at the end is waited for and counts.

    :raises UnexpectedAnswer: if any answer is not 200.
    """
    sample = Sample()
    poll = select.epoll()
    by_descriptor: dict[int, _Connection] = {}
    cpu, began = time.process_time(), time.perf_counter()
    deadline = began + seconds
    for _ in range(connections):
        connection = _Connection(port)
        by_descriptor[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
        connection.send(next(requests))
    try:
        _drive(poll, by_descriptor, requests, deadline, sample)
        sample.seconds = time.perf_counter() - began
        sample.cpu = time.process_time() - cpu
    finally:
        for connection in by_descriptor.values():
            connection.socket.close()
        poll.close()
    return sample


def _drive(
    poll: select.epoll,
    by_descriptor: dict[int, _Connection],
    requests: Iterator[bytes],
    deadline: float,
    sample: Sample,
) -> None:
    busy = len(by_descriptor)
    while busy:
        ready = poll.poll(30)
        if not ready:
            raise UnexpectedAnswer("no answer in 30 seconds")
        for descriptor, _ in ready:
            connection = by_descriptor[descriptor]
            if not connection.receive():
                continue
            now = time.perf_counter()
            if connection.received[9:12] != b"200":
                connection.body()
            sample.requests += 1
            sample.latencies.append(now - connection.began)
            following = next(requests, None) if now < deadline else None
            if following is None:
                busy -= 1
            else:
                connection.send(following)
