"""Nothing secret and nobody's personal data reaches what the server and its database write.

The server of these tests logs at DEBUG, where it is most talkative. Seen to fail with the path of
a request, or the message of an exception, in a line of the log.
"""

from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.server import ACME_OLD_KEY, ACME_READ_KEY, STRIPE_SECRET, LiveClient, LiveServer
from tests.contract.test_races import together

CANARY = "kanarienvogel"
EMAIL = f"{CANARY}@example.com"


def customer(**values: Any) -> dict[str, Any]:
    """Return a customer all of whose texts hold the canary."""
    texts = "name firstname lastname legal_name legal_number phone address_line1 city state".split()
    wish = {key: f"{CANARY} {key}" for key in texts}
    wish |= {
        "external_id": f"{CANARY}/1",
        "email": EMAIL,
        "tax_identification_number": f"FR{CANARY}",
        "url": f"https://{CANARY}.test",
        "metadata": [{"key": CANARY, "value": CANARY}],
        "billing_configuration": {
            "payment_provider": "stripe",
            "provider_customer_id": f"cus_{CANARY}",
        },
        "integration_customers": [
            {"integration_type": "netsuite", "external_customer_id": f"remote {CANARY}"}
        ],
    }
    return {"customer": wish | values}


def calls(live: LiveClient) -> None:
    """Send the canary everywhere: what succeeds, what is refused, what is no request at all."""
    path = f"/api/v1/customers/{quote(f'{CANARY}/1', safe='')}"
    for wish in (
        customer(),
        customer(currency=CANARY, timezone=CANARY, country=CANARY, email=f"{CANARY} at home"),
        customer(tax_codes=[CANARY]),
        customer(billing_entity_code=CANARY),
        customer(external_id=f"{CANARY}\0"),
        {CANARY: CANARY},
    ):
        live.post("/api/v1/customers", json=wish, headers={"Idempotency-Key": CANARY + "é"})
        live.post("/api/v1/customers", json=wish)
    live.post("/api/v1/customers", body=f'{{"customer": {{"name": "{CANARY}'.encode())
    live.get(path)
    live.get(f"/api/v1/customers?search_term={CANARY}&metadata[{CANARY}]={CANARY}&cursor={CANARY}")
    live.delete(path, headers={"If-Match": f'"{CANARY}"'})
    live.delete(path)
    live.get(f"/{CANARY}?{CANARY}", headers={"Cookie": CANARY, "Referer": CANARY})
    live.get(f"/admin/login/?next=/{CANARY}", headers={"Host": f"{CANARY}.test"})
    live.get("/api/v1/taxes", headers={"X-Forwarded-For": CANARY, "User-Agent": CANARY})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    live.post("/admin/login/", body=f"username={EMAIL}&password={CANARY}".encode(), headers=form)
    live.request(CANARY.upper(), f"/api/v1/{CANARY}")


@pytest.fixture(scope="module")
def written(tarn: LiveServer, live_key: str) -> str:
    """Return all that was written while the canary was sent in every way we know."""
    calls(tarn.client(live_key))
    twins = customer(external_id=f"{CANARY}/twins")
    together(tarn, live_key, [lambda client: client.post("/api/v1/customers", json=twins)] * 8)
    for key in (ACME_READ_KEY, ACME_OLD_KEY, f"{CANARY}-unknown-key"):
        stranger = tarn.client(key)
        stranger.get("/api/v1/customers")
        stranger.post("/api/v1/customers", json=customer())
    broken = [f"GET /{CANARY} HTTP/9\r\n\r\n", f"GET / HTTP/1.1\r\n{CANARY} x: y\r\n\r\n"]
    for text in broken:
        tarn.exchange(text.encode())
    return tarn.log()


class TestLog:
    def test_has_a_line_for_requests(self, written):
        """A log that says nothing would pass the other tests."""
        assert '"route":"api/v1/customers/<code:external_id>"' in written

    @pytest.mark.parametrize("secret", [CANARY, ACME_READ_KEY, ACME_OLD_KEY, STRIPE_SECRET])
    def test_holds_no_value_that_was_sent(self, written, secret):
        found = [line for line in written.splitlines() if secret.lower() in line.lower()]

        assert found == []

    def test_holds_no_key_of_a_client_or_of_the_server(self, written, live_key):
        assert live_key not in written
        assert "canary of the secret key" not in written
        assert "dGVzdHMgb25seSB0ZXN0cyBvbmx5" not in written
