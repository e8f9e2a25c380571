"""What a browser test asks of a page: a picture of it, and whether everybody can use it."""

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# What axe calls "best-practice" is advice; the rest are the rules of WCAG 2.2 A and AA.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# As a sheet made by script, which the policy of every page lets pass.
_STILL = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("*, ::before, ::after { transition: none !important; }");
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""


def assert_accessible(page: Page) -> None:
    """Fail with what axe finds serious or critical on the page as it is now."""
    # Half-way through a fade everything is pale.
    page.evaluate(_STILL)
    results = Axe().run(page, options={"runOnly": {"type": "tag", "values": _RULES}})
    found = [
        f"{one['id']}: {one['help']}: {node['html'][:160]}"
        for one in results.response["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert not found, "\n".join(found)


def shot(page: Page, name: str) -> Path:
    """Take a picture of the whole page; TARN_SHOTS names the directory, else it is dropped."""
    directory = Path(os.environ.get("TARN_SHOTS", "/tmp/tarn-shots"))  # noqa: S108
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{name}.png"
    page.screenshot(path=file, full_page=True)
    return file
