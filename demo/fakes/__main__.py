"""`python -m demo.fakes DIRECTORY TARN ORGANIZATION NAME=FD ...`: runs stand-ins.

They serve on sockets that the starter has bound, and tell Tarn, at this address, what customers of
this organization do there.
"""

import os
import signal
import socket
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import yaml

from demo.fakes import make_fake
from demo.fakes.server import Ear, Fake, server_of

_SETUP = Path(__file__).parents[1] / "setup.yaml"


def main(arguments: list[str]) -> None:
    """Serve until a signal asks for the end; `directory` keeps what the stand-ins hold."""
    directory, tarn, organization, *pairs = arguments
    Path(directory).mkdir(mode=0o700, parents=True, exist_ok=True)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    for name, descriptor in (pair.split("=") for pair in pairs):
        fake = make_fake(name, Path(directory) / f"{name}.json", adopts=True)
        fake.ear = ear_of(name, f"{tarn}/webhooks/{name}/{organization}")
        server = _server(fake, int(descriptor))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        threading.Thread(target=_welcome, args=[fake], daemon=True).start()
    ended.wait()
    os._exit(0)  # calls that are told to hang may hang on


def ear_of(name: str, address: str) -> Ear | None:
    """Return where Tarn hears of a provider; None where it does not."""
    [organization] = yaml.safe_load(_SETUP.read_text())["organizations"]
    for one in organization["payment_providers"]:
        secret = one.get("hmac_key") or one.get("webhook_secret")
        if one["type"] == name and secret:
            return Ear(f"{address}?code={one['code']}", secret)
    return None


def _server(fake: Fake, descriptor: int) -> ThreadingHTTPServer:
    server = server_of(fake)
    server.socket.close()
    server.socket = socket.socket(fileno=descriptor)
    fake.at = "http://{}:{}".format(*server.socket.getsockname())
    return server


def _welcome(fake: Fake) -> None:
    """Have the first customer come, unless somebody was there before."""
    if fake.first_customer and fake.ear and not fake.customers:
        fake.ear.tell(fake, fake.first_customer)
        fake.keep()


if __name__ == "__main__":
    main(sys.argv[1:])
