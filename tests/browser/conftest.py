"""A real browser against a live server; skipped where no chromium is found."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.staff import sign_in

CHROMIUM = os.environ.get("TARN_CHROMIUM") or shutil.which("chromium")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
WIDE = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
SCREEN = {"width": 1920, "height": 1080}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test beneath as one of a browser, and skip it where there is none."""
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no chromium; see README.md"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a file of tests; each test has a context of its own.

    Playwright runs its loop in this thread: as long as it does, nothing else can run one, and
    tests of other files do.
    """
    # The tests reach for the database in the same thread.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def staff_page(
    browser: Browser, live_server: Any, organization: Any
) -> Iterator[Callable[..., Page]]:
    """Open a page of somebody with this role: `staff_page("finance", dark=True, phone=True)`.

    Addresses are relative: `page.goto("/admin/")`. `organizations` are those the person works
    for, `organization` if none are given.
    """
    contexts: list[BrowserContext] = []

    def make(
        role: str = "finance",
        *,
        organizations: tuple[Any, ...] = (),
        dark: bool = False,
        phone: bool = False,
        wide: bool = False,
        locale: str = "en-GB",
        **values: Any,
    ) -> Page:
        client = sign_in(*(organizations or (organization,)), role=role, **values)
        context = browser.new_context(
            base_url=live_server.url,
            viewport=PHONE if phone else SCREEN if wide else WIDE,  # type: ignore[arg-type]  # two numbers by name
            color_scheme="dark" if dark else "light",
            locale=locale,
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
        )
        return context.new_page()

    yield make
    for context in contexts:
        context.close()
