"""Writers of customers that meet at a moment of our choice."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

import customers.write as writer
from billing.statements import Statement
from customers.write.decide import decide
from customers.write.put import put_statement
from tests.billing.racing import WAIT, start, together


def all_done(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls from one barrier, and return what they return; none of them may fail."""
    found = together(*calls)
    for one in found:
        if isinstance(one, Exception):
            raise one
    return found


@contextmanager
def between_look_and_put(
    monkeypatch: pytest.MonkeyPatch, call: Callable[[], Any], meanwhile: Callable[[], Any]
) -> Iterator["Future[Any]"]:
    """Run the call; once it has looked and decided, run `meanwhile`; then let it write."""
    decided, enough = threading.Event(), threading.Event()

    def gated(*looked: Any) -> Any:
        case = decide(*looked)
        if not decided.is_set():
            decided.set()
            assert enough.wait(WAIT)
        return case

    with ThreadPoolExecutor(2) as pool:
        with monkeypatch.context() as patch:
            patch.setattr(writer, "decide", gated)
            begun = start(pool, call)
            assert decided.wait(WAIT)
        try:
            start(pool, meanwhile).result(WAIT)
        finally:
            enough.set()
        yield begun


def putting_without(text: str, instead: str = "") -> Callable[..., Any]:
    """Return the writer's last step with a guard taken out of its statement."""
    return putting_instead({text: instead})


def putting_instead(texts: Mapping[str, str]) -> Callable[..., Any]:
    """Return the writer's last step with these texts of its statement replaced."""

    def put(cases: Any) -> Any:
        statement, values = put_statement(cases)
        changed = statement.text
        for text, instead in texts.items():
            assert text in changed
            changed = changed.replace(text, instead)
        return Statement(changed), values

    return put
