"""Answers without an end, and others that nobody should wait for."""

import gzip
import itertools
import socket
import time

import httpx2
import pytest

from customers.providers import wire
from customers.providers.failures import OutcomeUnknown, Unavailable
from customers.providers.wire import LARGEST, Wire
from tests.answering import BEGINNINGS, OK, answering, endless

SECONDS = 0.3


def send(port, scheme="http"):
    return Wire("Acme", SECONDS).send("POST", f"{scheme}://127.0.0.1:{port}/a", {}, b"{}")


def code_of(port, scheme="http"):
    """Return by which code a call failed; red if it took much longer than it may."""
    began = time.monotonic()
    with pytest.raises((OutcomeUnknown, Unavailable)) as caught:
        send(port, scheme)
    assert time.monotonic() - began < SECONDS + 2
    return caught.value.code


class TestWire:
    def test_returns_the_whole_answer(self):
        with answering([OK, b"Retry-After: 2\r\n\r\n", b"[1, ", b"2]"]) as port:
            answer = send(port)

        assert (answer.status_code, answer.json()) == (200, [1, 2])
        assert answer.headers["retry-after"] == "2"

    @pytest.mark.parametrize("kind", BEGINNINGS)
    def test_cuts_off_what_drips(self, kind):
        """Seen to fail with each read given all the seconds anew."""
        with answering(endless(kind, 60), pause=0.05) as port:
            assert code_of(port) == "no_answer"

    @pytest.mark.parametrize("kind", ["body", "chunks", "provisional"])
    def test_cuts_off_what_is_too_large(self, kind, monkeypatch):
        """Seen to fail without the measure."""
        monkeypatch.setattr(f"{__name__}.SECONDS", 10.0)

        with answering(endless(kind, 1_000, at_once=10_000)) as port:
            assert code_of(port) == "garbled_answer"

    def test_unpacks_nothing(self):
        """Seen to fail with the answer's `Content-Encoding` obeyed."""
        bomb = gzip.compress(b"0" * LARGEST * 2)
        head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)

        with answering([OK, head, bomb]) as port:
            assert code_of(port) == "garbled_answer"

    def test_follows_no_redirect(self):
        with answering([b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n"]) as port:
            assert send(port).status_code == 302

    def test_knows_that_nothing_was_done_without_a_connection(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

        assert code_of(port) == "unreachable"

    def test_knows_that_nothing_was_done_before_tls(self):
        with answering(itertools.repeat(b"\x16", 60), pause=0.05, private=True) as port:
            assert code_of(port, "https") == "unreachable"

    @pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", OK + b"X" * 200_000])
    def test_cannot_say_what_was_done_when_the_answer_breaks(self, answer):
        with answering([answer]) as port:
            assert code_of(port) == "no_answer"


class TestProxies:
    """The environment's, as the clients of providers know them."""

    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch):
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)

    def test_go_between(self, monkeypatch):
        """Red when the proxy is not asked: nobody knows the name."""
        with answering([OK, b"Content-Length: 2\r\n\r\n{}"]) as port:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
            answer = Wire("Acme", SECONDS).send("POST", "http://acme.invalid/", {}, b"{}")

        assert answer.status_code == 200

    def test_that_refuse_have_done_nothing(self, monkeypatch):
        with answering([b"HTTP/1.1 403 No\r\n\r\n"], private=True) as port:
            monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{port}")
            with pytest.raises(Unavailable):
                Wire("Acme", SECONDS).send("POST", "https://acme.invalid/", {}, b"{}")

    @pytest.mark.parametrize("bypass", ["acme.invalid", ".invalid", "*"])
    def test_are_not_asked_for_what_is_left_out(self, monkeypatch, bypass):
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", bypass)

        assert wire._proxy_to(httpx2.URL("https://acme.invalid/")) is None

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
    def test_are_not_asked_for_this_machine(self, monkeypatch, host):
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

        assert wire._proxy_to(httpx2.URL(f"http://{host}/")) is None

    def test_must_speak_http(self, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")

        with pytest.raises(Unavailable):
            Wire("Acme", SECONDS).send("POST", "https://acme.invalid/", {}, b"{}")
