"""A server that answers whatever it is told to, also without an end."""

import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

OK = b"HTTP/1.1 200 OK\r\n"
# How answers begin, by what of them has no end, and of what pieces the rest is.
BEGINNINGS = {
    "body": [OK, b"\r\n"],
    "declared body": [OK, b"Content-Length: 900000\r\n\r\n"],
    "chunks": [OK, b"Transfer-Encoding: chunked\r\n\r\n"],
    "head": [OK],
    "status": [],
    "provisional": [],
}
PIECES = {
    "chunks": b"8\r\n________\r\n",
    "head": b"X: y\r\n",
    "provisional": b"HTTP/1.1 103 Wait\r\n\r\n",
}


def endless(kind: str, times: int, at_once: int = 1) -> Iterator[bytes]:
    """Return an answer that goes on for so many pieces: more than anybody should wait for."""
    piece = PIECES.get(kind, b"x") * at_once
    return itertools.chain(BEGINNINGS[kind], itertools.repeat(piece, times))


@contextmanager
def answering(
    pieces: Iterable[bytes], pause: float = 0.0, *, private: bool = False
) -> Iterator[int]:
    """Answer one connection with these pieces, whatever it says; give its port."""

    def serve() -> None:
        with suppress(OSError):
            taken, _ = server.accept()
            with taken:
                heard = taken.recv(65_536)  # all of it, or how it would speak in private
                while not private and not heard.endswith(b"{}"):
                    heard += taken.recv(65_536)
                for piece in pieces:
                    taken.sendall(piece)
                    time.sleep(pause)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
    thread.join()
