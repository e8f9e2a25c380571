"""What is asked of every peer: the documented body, with a shipping address, on known customers."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

API_KEY = "bench_key_0123456789abcdef0123456789abcdef"
EXAMPLE = Path(__file__).parent.parent / "demo" / "customer.json"
SHIPPING = {
    "address_line1": "5230 Penfield Ave",
    "address_line2": None,
    "city": "Woodland Hills",
    "zipcode": "91364",
    "state": "CA",
    "country": "US",
}

_ID, _NAME, _STREET, _CITY, _ORDER = "@id@", "@name@", "@street@", "@city@", "@order@"


@dataclass(frozen=True)
class Scenario:
    """One kind of request."""

    name: str
    title: str
    writes: bool = True


UPDATE = Scenario("update", "upsert, update: the whole body, one field differs")
REWRITE = Scenario("rewrite", "upsert, update: name, addresses and metadata differ")
CREATE = Scenario("create", "upsert, create: a new customer")
PAGE = Scenario("page", "page of 100 customers, everything nested", writes=False)
TOLD = Scenario(
    "told", "upsert, update: the name, told to two endpoints and a provider or to nobody"
)
SCENARIOS = {one.name: one for one in (UPDATE, REWRITE, CREATE, PAGE, TOLD)}


def body() -> dict[str, object]:
    """Return the documented body, with a shipping address, as values."""
    customer: dict[str, object] = json.loads(EXAMPLE.read_text())["customer"]
    return customer | {"shipping_address": dict(SHIPPING)}


class Bodies:
    """Makes bodies by filling a template: nothing is encoded while the clock runs."""

    def __init__(self, scenario: Scenario, customers: int, run: str) -> None:
        self.scenario = scenario
        self.customers = customers
        self.run = run
        self.parts, self.slots = _template(scenario)

    def __iter__(self) -> Iterator[bytes]:
        # The same order of customers for every peer.
        choose = random.Random(self.run)
        for number in count(1):
            word = f"{self.run}-{number}"
            if self.scenario is CREATE:
                external_id = f"new-{word}"
            else:
                external_id = f"bench-{choose.randint(1, self.customers)}"
            yield self.fill(external_id, word)

    def fill(self, external_id: str, word: str) -> bytes:
        """Return the body for a customer; `word` goes into all that differs."""
        found = [self.parts[0]]
        for slot, part in zip(self.slots, self.parts[1:], strict=True):
            found += [external_id if slot == _ID else f"Belson {word}", part]
        return "".join(found).encode()


def _template(scenario: Scenario) -> tuple[list[str], list[str]]:
    customer = body() | {"external_id": _ID, "name": _NAME}
    if scenario is REWRITE:
        customer |= {
            "address_line1": _STREET,
            "shipping_address": SHIPPING | {"city": _CITY},
            "metadata": [{"key": "Purchase Order", "value": _ORDER, "display_in_invoice": True}],
        }
    if scenario is TOLD:
        customer["billing_configuration"] = {"invoice_grace_period": 3}  # says nothing of the link
    text = json.dumps({"customer": customer}, separators=(",", ":"))
    parts, slots = [], []
    while True:
        places = [
            (text.find(slot), slot) for slot in (_ID, _NAME, _STREET, _CITY, _ORDER) if slot in text
        ]
        if not places:
            return [*parts, text], slots
        place, slot = min(places)
        parts.append(text[:place])
        slots.append(slot)
        text = text[place + len(slot) :]


def requests(scenario: Scenario, customers: int, run: str) -> Iterator[bytes]:
    """Return requests without end, as they go over the wire."""
    if scenario is PAGE:
        return iter(lambda: get("/api/v1/customers?per_page=100&page=1"), None)
    return (post(content) for content in Bodies(scenario, customers, run))


def post(content: bytes) -> bytes:
    """Return an upsert as it goes over the wire."""
    head = f"POST /api/v1/customers HTTP/1.1\r\n{_HEADERS}Content-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def get(target: str) -> bytes:
    """Return a GET as it goes over the wire."""
    return f"GET {target} HTTP/1.1\r\n{_HEADERS}\r\n".encode()


_HEADERS = (
    "Host: 127.0.0.1\r\n"
    f"Authorization: Bearer {API_KEY}\r\n"
    "Content-Type: application/json\r\n"
    "Accept: application/json\r\n"
)
