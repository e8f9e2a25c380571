"""Customers by ids that paths bear badly, over HTTP (customers.md 1.1)."""

from urllib.parse import quote

import pytest

CUSTOMERS = "/api/v1/customers"
ODD_IDS = [
    "a/b",
    "/",
    "a//b",
    "../x",
    "..",
    ".",
    "a.json",
    "a b",
    "a+b",
    "a?b#c",
    "100%",
    "%2F",
    "é",
    "é".encode().decode("latin-1"),
    "portal_url",
    "a/portal_url",
    "a/checkout_url",
    "taxes",
    '"quoted"',
    "\u00a0x",
    "🦆" * 60,
]


class TestOddIds:
    @pytest.mark.parametrize("odd", ODD_IDS)
    def test_are_written_found_listed_and_deleted(self, live, odd):
        path = f"{CUSTOMERS}/{quote(odd, safe='').replace('.', '%2E')}"
        query = f"{CUSTOMERS}?external_id={quote(odd, safe='')}"

        posted = live.post(CUSTOMERS, json={"customer": {"external_id": odd, "name": "odd"}})
        found = live.get(path)
        [listed] = live.get(query).json()["customers"]
        deleted = live.delete(path)

        assert posted.status == 200
        assert posted.json()["customer"]["external_id"] == odd
        assert found.body == posted.body
        assert found.headers["ETag"] == posted.headers["ETag"]
        assert listed["lago_id"] == posted.json()["customer"]["lago_id"]
        assert deleted.body == posted.body
        assert live.get(path).json()["code"] == "customer_not_found"

    def test_reach_a_customer_over_plain_slashes_too(self, live, new_id):
        live.post(CUSTOMERS, json={"customer": {"external_id": f"{new_id}/a/b"}})

        assert live.get(f"{CUSTOMERS}/{new_id}/a/b").status == 200

    @pytest.mark.parametrize(
        "end, code",
        [("portal_url", "customer_not_found"), ("checkout_url", "method_not_allowed")],
    )
    def test_end_where_a_part_of_a_customer_begins(self, live, new_id, end, code):
        """Whether the part can be read or not, there is above all no customer."""
        live.post(CUSTOMERS, json={"customer": {"external_id": f"{new_id}/{end}"}})

        assert live.get(f"{CUSTOMERS}/{new_id}/{end}").json()["code"] == code
        assert live.get(f"{CUSTOMERS}/{new_id}%2F{end}").status == 200
