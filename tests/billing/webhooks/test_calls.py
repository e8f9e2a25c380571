"""Calls of endpoints whose answers have no end."""

import asyncio
from time import monotonic
from unittest.mock import Mock

import pytest

from billing.webhooks import calls
from billing.webhooks.calls import ANSWER_KEPT, Caller
from tests.answering import BEGINNINGS, answering, endless

SECONDS = 0.3


@pytest.fixture(autouse=True)
def limits(settings, monkeypatch):
    settings.TARN_WEBHOOK_ALLOW_LOCAL = True
    monkeypatch.setattr(calls, "WHOLE_SECONDS", SECONDS)


def answer_at(port):
    """Return what a call came to; red if it took much longer than it may."""
    began = monotonic()
    found = asyncio.run(_post(f"http://127.0.0.1:{port}/"))
    assert monotonic() - began < SECONDS + 2
    return found


async def _post(url):
    caller = Caller()
    try:
        return await caller.post(url, {}, b"{}")
    finally:
        await caller.close()


class TestCaller:
    @pytest.mark.parametrize("kind", BEGINNINGS)
    def test_cuts_off_what_drips(self, kind):
        """Seen to fail without the seconds for the whole of a call."""
        with answering(endless(kind, 60), pause=0.05) as port:
            found = answer_at(port)

        assert (found.status, found.error) == (None, "no answer in time")

    def test_reads_no_more_than_the_beginning(self, monkeypatch):
        """Seen to fail with the whole of it read."""
        monkeypatch.setattr(calls, "WHOLE_SECONDS", 10.0)

        with answering(endless("chunks", 1_000, at_once=10_000)) as port:
            found = answer_at(port)

        assert (found.status, len(found.text)) == (200, ANSWER_KEPT)

    def test_logs_what_is_no_fault_of_the_receiver(self, monkeypatch):
        """Red without the look at _FORESEEN: a mistake of ours would be the receiver's alone."""

        async def break_down(*_):
            raise KeyError("ours")

        log = Mock()
        monkeypatch.setattr(calls, "log", log)
        with answering(endless("head", 1_000, at_once=1_000)) as port:
            answer_at(port)
        log.exception.assert_not_called()
        monkeypatch.setattr(Caller, "_send", break_down)

        assert answer_at(9).error == "failed: 'ours'"
        log.exception.assert_called_once()

    def test_takes_no_head_without_an_end(self):
        with answering(endless("head", 1_000, at_once=1_000)) as port:
            assert answer_at(port).error.startswith("the answer is no HTTP")
