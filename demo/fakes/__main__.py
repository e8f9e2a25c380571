"""`python -m demo.fakes NAME=FD ...`: runs stand-ins on sockets that the starter has bound."""

import os
import signal
import socket
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

from demo.fakes import make_fake
from demo.fakes.server import server_of


def main(arguments: list[str]) -> None:
    """Serve until a signal asks for the end; `directory` keeps what the stand-ins hold."""
    directory, *pairs = arguments
    Path(directory).mkdir(mode=0o700, parents=True, exist_ok=True)
    servers = [_server(Path(directory), *pair.split("=")) for pair in pairs]
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ended.wait()
    os._exit(0)  # calls that are told to hang may hang on


def _server(directory: Path, name: str, descriptor: str) -> ThreadingHTTPServer:
    server = server_of(make_fake(name, directory / f"{name}.json", adopts=True))
    server.socket.close()
    server.socket = socket.socket(fileno=int(descriptor))
    return server


if __name__ == "__main__":
    main(sys.argv[1:])
