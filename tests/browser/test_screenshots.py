"""`make screenshots`: a picture of every screen, light, dark and on a phone."""

import os
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from billing.models import Organization
from tests.browser.looks import shot
from tests.screens import addresses, make_world

pytestmark = pytest.mark.skipif(
    "TARN_SCREENSHOTS" not in os.environ, reason="makes pictures, proves nothing"
)


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_screenshots(
    staff_page: Callable[..., Page], organization: Organization, look: str
) -> None:
    found = list(addresses(make_world(organization)))
    page = staff_page(is_superuser=True, dark=look == "dark", phone=look == "phone")

    for name, path in [("home", "/admin/"), *((one.name, one.path) for one in found)]:
        head = page.request.get(path)
        if head.status == 200 and "text/html" in head.headers["content-type"]:
            page.goto(path, wait_until="load")
            shot(page, f"{name}-{look}")
