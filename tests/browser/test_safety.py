"""What customers are called runs nowhere, and every page keeps the policy, in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from billing.models import Organization
from customers.models import Customer
from tests.conftest import Client as ApiClient
from tests.screens import Address, addresses, make_world

# Each would set `window.pwned` or open a dialog if it ran.
PAYLOADS = (
    "<script>window.pwned=1</script>",
    '"><img src=x onerror=window.pwned=1>',
    "'><svg onload=window.pwned=1>",
    "{{7*7}}{% now 'Y' %}",
    "${window.pwned=1}",
    "javascript:window.pwned=1",
    '" x-data x-init="window.pwned=1" y="',
    "' x-on:click='window.pwned=1' autofocus onfocus='window.pwned=1",
    "</title></textarea></style></script><script>window.pwned=1</script>",
)
TEXTS = (
    "name firstname lastname legal_name legal_number tax_identification_number phone "
    "address_line1 address_line2 city zipcode state external_salesforce_id"
).split()


def poisoned(number: int) -> dict[str, Any]:
    """Return a customer with a payload in every text that takes one."""

    def payload(position: int) -> str:
        return PAYLOADS[(number + position) % len(PAYLOADS)]

    wish: dict[str, Any] = {name: payload(n) for n, name in enumerate(TEXTS)}
    wish["external_id"] = f"{payload(3)} {number}"
    wish["shipping_address"] = {"address_line1": payload(1), "city": payload(2)}
    wish["metadata"] = [
        {"key": f"k{n}<b>{n}", "value": payload(n), "display_in_invoice": True} for n in range(3)
    ]
    wish["url"] = "javascript:window.pwned=1//"
    return wish


@pytest.fixture
def everywhere(organization: Organization, api: ApiClient) -> list[Address]:
    """Every address, in an organization whose customers are all called badly."""
    for number in range(len(PAYLOADS)):
        wish = poisoned(number)
        answer = api.post("/api/v1/customers", json={"customer": wish})
        if answer.status == 422:
            for field in answer.json()["error_details"]:
                wish.pop(field, None)
            answer = api.post("/api/v1/customers", json={"customer": wish})
        assert answer.status == 200, answer.body
    world = make_world(organization)
    worst = Customer.objects.filter(organization=organization, name=PAYLOADS[1]).get()
    return list(addresses(world | {"customer": worst, "customer_id": worst.pk}))


class TestEveryPage:
    def test_runs_nothing_that_a_customer_is_called(
        self, everywhere: list[Address], staff_page: Callable[..., Page]
    ) -> None:
        """Seen to fail with `|safe` on a customer's name. Nor does a page break its policy."""
        page = staff_page(is_superuser=True)
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation',"
            " (e) => console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI))"
        )
        problems: list[str] = []
        page.on("dialog", lambda dialog: (problems.append(f"dialog {page.url}"), dialog.dismiss()))
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda said: (
                problems.append(f"{page.url}: {said.text}") if said.type == "error" else None
            ),
        )

        for address in everywhere:
            head = page.request.get(address.path)
            if head.status != 200 or "text/html" not in head.headers["content-type"]:
                continue  # a file, or an address that forms are sent to
            page.goto(address.path, wait_until="load")
            if page.evaluate("'pwned' in window"):
                problems.append(f"ran: {address.name}")

        assert problems == []
