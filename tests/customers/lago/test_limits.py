"""What one answer of a Lago may take; the server is a stranger's."""

import time

import pytest

from customers.lago import client
from customers.lago.client import LagoClient, LagoRefused
from tests.answering import BEGINNINGS, OK, answering, endless

SECONDS = 0.3


@pytest.fixture(autouse=True)
def limits(monkeypatch):
    monkeypatch.setattr(client, "_ATTEMPTS", 1)
    monkeypatch.setattr(client, "_SECONDS", SECONDS)
    monkeypatch.setattr(client, "_LARGEST", 100_000)


def lago(port):
    return LagoClient(f"http://127.0.0.1:{port}", "key", insecure_http=True)


class TestAnswers:
    @pytest.mark.parametrize("kind", BEGINNINGS)
    def test_are_cut_off_when_they_drip(self, kind):
        """Seen to fail over httpx's own connections, which wait for each piece anew."""
        with answering(endless(kind, 60), pause=0.05, private=True) as port, lago(port) as asked:
            began = time.monotonic()
            with pytest.raises(LagoRefused):
                asked.get("organizations")
            assert time.monotonic() - began < SECONDS + 2

    def test_are_cut_off_when_they_are_too_large(self, monkeypatch):
        """Seen to fail with a larger measure: the answer is good."""
        monkeypatch.setattr(client, "_SECONDS", 10.0)
        body = b'{"a": "%s"}' % (b"x" * 200_000)
        head = b"Content-Length: %d\r\n\r\n" % len(body)

        with (
            answering([OK, head, body], private=True) as port,
            lago(port) as asked,
            pytest.raises(LagoRefused),
        ):
            asked.get("organizations")

    def test_come_over_one_connection(self, monkeypatch):
        """Red when each call makes its own: the server takes one."""
        monkeypatch.setattr(client, "_SECONDS", 10.0)

        def pieces():
            for _ in range(2):
                yield OK + b"Content-Length: 2\r\n\r\n{}"
                time.sleep(0.1)

        with answering(pieces(), private=True) as port, lago(port) as asked:
            assert [asked.get("organizations"), asked.get("organizations")] == [{}, {}]
