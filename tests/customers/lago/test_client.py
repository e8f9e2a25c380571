"""Asking Lago: what passes is waited for, what does not is said, and the key goes nowhere else."""

import logging
from urllib.parse import unquote

import httpx2
import pytest
import stamina
from stamina.instrumentation import set_on_retry_hooks

from customers.lago.client import LagoClient, LagoMissing, LagoRefused, Telling

KEY = "lago_canary_of_the_key_0123456789"


def client_of(*replies, url="https://lago.example", **options):
    """Return a client that gets these replies, and the requests it has made."""
    left, requests = list(replies), []

    def handle(request):
        requests.append(request)
        reply = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    return LagoClient(url, KEY, transport=httpx2.MockTransport(handle), **options), requests


def ok(**body):
    return httpx2.Response(200, json=body or {"organization": {}})


@pytest.fixture(autouse=True)
def naps(monkeypatch):
    """Every wait, in seconds; nobody really waits."""
    taken = []
    monkeypatch.setattr("time.sleep", taken.append)
    return taken


class TestLagoClient:
    @pytest.mark.parametrize(
        "fault",
        [
            httpx2.Response(500),
            httpx2.Response(502, text="<html>"),
            httpx2.Response(200, text='{"customers": [{"external_id": "c'),
            httpx2.Response(200, text="[]"),
            httpx2.ReadTimeout("late"),
            httpx2.RemoteProtocolError("cut off"),
            httpx2.ConnectError("down"),
        ],
        ids=["500", "502", "truncated", "list", "time-out", "cut off", "down"],
    )
    def test_asks_again_when_the_trouble_may_pass(self, fault):
        client, requests = client_of(fault, fault, ok())

        assert client.get("organizations") == {"organization": {}}
        assert len(requests) == 3

    def test_waits_as_long_as_a_rate_limit_asks(self, naps):
        client, _ = client_of(httpx2.Response(429, headers={"retry-after": "7"}), ok())

        client.get("organizations")

        assert 7 in [round(nap) for nap in naps]

    def test_tells_people_once_in_a_while_that_it_waits(self, monkeypatch):
        """Red without the pause between words: eight threads that wait say the same."""
        said: list[str] = []
        set_on_retry_hooks([Telling(said.append)])
        client, _ = client_of(httpx2.ConnectError("down"), httpx2.ConnectError("down"), ok())

        client.get("organizations")
        set_on_retry_hooks(None)

        assert said == ["Lago: it can't be reached. Asking again in 1 s."]

    def test_waits_for_the_window_when_it_has_used_the_last_request(self, naps):
        spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9"}
        client, _ = client_of(httpx2.Response(200, json={}, headers=spent), ok())

        client.get("organizations")
        client.get("organizations")

        assert max(naps) == pytest.approx(9, abs=0.5)

    def test_gives_up_where_the_trouble_stays(self):
        client, requests = client_of(httpx2.Response(503))

        with stamina.set_testing(True, attempts=4), pytest.raises(LagoRefused, match="again"):
            client.get("customers", page=1)
        assert len(requests) == 4

    @pytest.mark.parametrize(
        "status, words", [(401, "does not know this API key"), (403, "may not read"), (422, "422")]
    )
    def test_says_at_once_what_waiting_does_not_mend(self, status, words):
        client, requests = client_of(httpx2.Response(status))

        with pytest.raises(LagoRefused, match=words):
            client.get("customers")
        assert len(requests) == 1

    def test_tells_what_is_not_there(self):
        client, _ = client_of(httpx2.Response(404))

        with pytest.raises(LagoMissing):
            client.get("customers", "gone")

    def test_takes_the_key_to_no_other_place(self):
        """Follow redirects in the client, and there are two requests, the second to elsewhere."""
        away = httpx2.Response(302, headers={"location": "https://evil.example/api/v1/customers"})
        client, requests = client_of(away, ok())

        with pytest.raises(LagoRefused, match=r"evil\.example"):
            client.get("customers")
        assert [request.url.host for request in requests] == ["lago.example"]

    @pytest.mark.parametrize("url", ["http://lago.example", "ftp://x", "lago", "https://a:b@c.d"])
    def test_sends_no_key_where_others_can_read_it(self, url):
        with pytest.raises(LagoRefused):
            client_of(ok(), url=url)

    def test_uses_plain_http_if_told_to(self):
        client, requests = client_of(ok(), url="http://127.0.0.1:3000", insecure_http=True)

        client.get("organizations")

        assert str(requests[0].url) == "http://127.0.0.1:3000/api/v1/organizations"

    @pytest.mark.parametrize(
        "url", ["https://l.example/", "https://l.example/api/v1", "https://l.example/api/v1/"]
    )
    def test_knows_the_api_s_own_path(self, url):
        client, requests = client_of(ok(), url=url)

        client.get("customers", "a/b", page=2)

        assert str(requests[0].url) == "https://l.example/api/v1/customers/a%2Fb?page=2"

    @pytest.mark.parametrize("name", [".", "..", "a b", "ä", "x.json", "100%"])
    def test_reaches_every_id(self, name):
        client, requests = client_of(ok())

        client.get("customers", name)

        last = requests[0].url.raw_path.decode().removeprefix("/api/v1/customers/")
        assert unquote(last) == name
        assert "/" not in last

    def test_tells_nobody_the_key(self, caplog):
        caplog.set_level(logging.DEBUG)
        client, _ = client_of(httpx2.Response(500), ok())
        refused, _ = client_of(httpx2.Response(401))

        client.get("organizations")
        with pytest.raises(LagoRefused) as error:
            refused.get("organizations")

        assert KEY not in caplog.text + repr(error.value) + repr(client) + repr(client.__dict__)

    def test_keeps_numbers_as_they_were_written(self):
        client, _ = client_of(httpx2.Response(200, text='{"rate": 20.50, "days": 30}'))

        assert client.get("taxes") == {"rate": "20.50", "days": 30}
