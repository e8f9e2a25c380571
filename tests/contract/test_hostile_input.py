"""No body, header, path or query gives a 5xx or a page, and no refusal leaves a trace."""

import json
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Answer
from tests.contract.hostile import (
    CHARSETS,
    CUSTOMER_KEYS,
    ODD_BODIES,
    OTHER_KEYS,
    fuzzed,
    scalars,
    texts,
    values,
    wishes,
)
from tests.contract.tenants import Tenant
from tests.contract.test_hostile_http import assert_polite

FILTERS = [
    "page",
    "per_page",
    "cursor",
    "external_id",
    "search_term",
    "account_type[]",
    "customer_type",
    "has_customer_type",
    "countries[]",
    "currencies[]",
    "states[]",
    "zipcodes[]",
    "has_tax_identification_number",
    "tax_identification_number",
    "metadata[a]",
    "metadata[a][b]",
    "metadata[",
    "metadata[]",
    "billing_entity_codes[]",
    "updated_at[gte]",
    "updated_at[lte]",
    "updated_at",
]
HEADERS = [
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Content-Type",
    "Content-Encoding",
    "Accept",
    "Authorization",
    "Host",
    "X-Request-Id",
    "Cookie",
    "Accept-Language",
]
ROOTS = {
    "customers": "customer",
    "taxes": "tax",
    "billing_entities": "billing_entity",
    "webhook_endpoints": "webhook_endpoint",
}

_latin = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30)


class _Undo(Exception):
    """Ends a block whose rows shall not stay."""


@pytest.fixture
def us(db: None) -> Tenant:
    return Tenant.build("us")


def ask(us: Tenant, method: str, target: str, **sent: Any) -> Answer:
    """Return the answer, which must be polite, and leave no trace if it is a refusal."""
    before = us.rows()
    answer: Answer | None = None
    try:
        with transaction.atomic():
            answer = us.client.request(method, target, **sent)
            unharmed = answer.status == 200 or us.rows() == before
            raise _Undo
    except _Undo:
        assert answer is not None
        assert_polite(answer)
        assert unharmed, answer.body
        return answer


def encoded(value: Any, *, ascii_only: bool) -> bytes:
    """Return JSON; what UTF-8 can't hold is sent as the bytes it would have."""
    return json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


class TestBodies:
    @fuzzed
    @given(wish=wishes(CUSTOMER_KEYS), ascii_only=st.booleans())
    def test_of_customers(self, us, wish, ascii_only):
        body = {"customer": {"external_id": "shared"} | wish}

        ask(us, "POST", "/api/v1/customers", body=encoded(body, ascii_only=ascii_only))

    @fuzzed
    @given(
        path=st.sampled_from([*ROOTS, "organizations"]),
        wish=wishes(OTHER_KEYS),
        at=st.sampled_from(["", "/shared", "/us-own"]),
    )
    def test_of_other_resources(self, us, path, wish, at):
        if path == "organizations":
            method, target, root = "PUT", path, "organization"
        elif path == "customers" or not at:
            method, target, root = "POST", path, ROOTS[path]
        else:
            method, target, root = "PUT", path + at, ROOTS[path]
        if path == "webhook_endpoints" and at:
            target = f"{path}/{us.refs['webhook_endpoint_id']}"

        ask(us, method, f"/api/v1/{target}", body=encoded({root: wish}, ascii_only=True))

    @fuzzed
    @given(value=values)
    def test_that_are_any_value(self, us, value):
        ask(us, "POST", "/api/v1/taxes", body=encoded(value, ascii_only=True))

    @fuzzed
    @given(template=ODD_BODIES, chunked=st.booleans())
    def test_that_no_encoder_writes(self, us, template, chunked):
        text = template.replace("%s", '{"customer":{"external_id":"a"}}')
        headers = {"Transfer-Encoding": "chunked"} if chunked else {}

        ask(us, "POST", "/api/v1/customers", body=text.encode(), headers=headers)

    @fuzzed
    @given(data=st.binary(max_size=40), charset=CHARSETS)
    def test_that_are_bytes(self, us, data, charset):
        headers = {"Content-Type": f"application/json; charset={charset}"}

        ask(us, "POST", "/api/v1/customers", body=data, headers=headers)


class TestHeaders:
    @fuzzed
    @given(
        headers=st.dictionaries(st.sampled_from(HEADERS), _latin, max_size=4),
        method=st.sampled_from(["GET", "POST", "DELETE"]),
    )
    def test_hold_anything(self, us, headers, method):
        target = "/api/v1/customers" if method == "POST" else "/api/v1/customers/shared"

        body = b'{"customer":{"external_id":"a"}}' if method == "POST" else None
        ask(us, method, target, body=body, headers=headers)


class TestPaths:
    @fuzzed
    @given(
        data=st.binary(min_size=1, max_size=30),
        start=st.sampled_from(
            ["", "customers/", "taxes/", "billing_entities/", "webhook_endpoints/"]
        ),
        method=st.sampled_from(["GET", "DELETE", "PUT", "POST", "TRACE", "X"]),
    )
    def test_hold_any_bytes(self, us, data, start, method):
        ask(us, method, f"/api/v1/{start}{quote(data, safe='/')}")

    @fuzzed
    @given(
        external_id=st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text),
    )
    def test_lead_to_the_customer_that_was_named(self, us, external_id):
        """Whatever id a POST takes, a GET finds, letter by letter."""
        wish = {"customer": {"external_id": external_id, "name": "here"}}

        with transaction.atomic():
            posted = us.client.post("/api/v1/customers", json=wish)
            found = us.client.get(f"/api/v1/customers/{quote(external_id, safe='')}")
            transaction.set_rollback(True)

        if posted.status == 200:
            assert found.body == posted.body
        else:
            assert (posted.status, found.status) == (422, 404)


class TestQueries:
    @fuzzed
    @given(
        pairs=st.lists(st.tuples(st.one_of(st.sampled_from(FILTERS), texts), scalars), max_size=6)
    )
    def test_hold_anything(self, us, pairs):
        query = urlencode(
            [(name.encode("utf-8", "surrogatepass"), str(value).encode("utf-8", "surrogatepass"))
             for name, value in pairs]
        )  # fmt: skip

        ask(us, "GET", f"/api/v1/customers?{query}")

    @fuzzed
    @given(
        cursor=st.binary(min_size=24, max_size=24),
        stamp=st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,12}([+-][0-9:]{2,5}|Z)?)?\Z"),
    )
    def test_hold_what_looks_right(self, us, cursor, stamp):
        query = urlencode({"cursor": urlsafe_b64encode(cursor), "updated_at[gte]": stamp})

        ask(us, "GET", f"/api/v1/customers?{query}")
