"""Nobody sees, changes or infers what belongs to another organization.

Each call is sent twice: in a world in which the other organization exists, with objects that the
call names, and in one in which it never was. The answers must be the same, byte for byte.

Seen to fail with the scope of any one statement dropped: `organization_id = %(organization)s` in
customers' list.sql, one.sql, delete.py and write/*.sql, in billing's read.sql files and in the
store of idempotent answers; `organization_id=` in the look-ups of taxes, billing entities and the
addresses of webhook endpoints. Of what no answer depends on nothing is seen here: the scope of a
lock, and of the question whether anybody listens.
"""

import re
from typing import Any

import pytest
from django.db import transaction

from customers.portal.links import read_token
from tests.contract.tenants import IDEMPOTENCY_KEY, Call, Tenant, addresses, calls, other_doors

_PORTAL = re.compile(rb"customer-portal/([\w.-]+)")
_MADE_UP = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:]+Z")


class _Undo(Exception):
    """Ends a block whose rows shall not stay."""


@pytest.fixture
def us(db: None) -> Tenant:
    us = Tenant.build("us")
    us.client.get("/api/v1/webhooks/public_key")  # the server's key is made when first asked for
    return us


def told(us: Tenant, call: Call, known: set[bytes], them: Tenant | None = None) -> Any:
    """Return what a call tells us, without the ids and times it makes up; nothing of it stays.

    Beside another organization, which sends the same under the same Idempotency-Key first, its
    rows must not change.
    """
    try:
        with transaction.atomic():
            if them and ("Idempotency-Key", IDEMPOTENCY_KEY) in call.headers:
                call.send(them.client)
            before = them.rows() if them else None
            status, headers, body = call.send(us.client)
            assert not them or them.rows() == before, call
            raise _Undo
    except _Undo:
        body = _PORTAL.sub(lambda match: str(read_token(match[1].decode()).pk).encode(), body)
        headers |= {name: "" for name in ("etag", "content-length") if name in headers}
        body = _MADE_UP.sub(lambda match: match[0] if match[0] in known else b"<made up>", body)
        return status, headers, body


def told_beside_them(us: Tenant, method: str, route: str) -> tuple[list[Call], set[bytes], Any]:
    """Return the calls of an address, the ids that exist, and what the calls tell beside them."""
    try:
        with transaction.atomic():
            them = Tenant.build("them")
            known = {one.encode() for one in [*us.refs.values(), *them.refs.values()]}
            found = calls(method, route, them)
            answers = [told(us, call, known, them) for call in found]
            raise _Undo
    except _Undo:
        return found, known, answers


ADDRESSES = sorted(addresses())


class TestOtherOrganizations:
    @pytest.mark.parametrize("method, route", ADDRESSES, ids=[" ".join(one) for one in ADDRESSES])
    def test_are_as_if_they_never_were(self, us, method, route):
        found, known, beside = told_beside_them(us, method, route)

        alone = [told(us, call, known) for call in found]

        assert found
        for call, with_them, without in zip(found, beside, alone, strict=True):
            assert with_them == without, call
            assert with_them[0] < 500, call

    def test_have_no_door_that_is_not_in_this_matrix(self):
        """A door outside of /api/v1/ needs a look of its own before it is added here."""
        assert other_doors() == {
            "health",
            "metrics",
            "ready",
            "admin/",
            "logos/<uuid:entity_id>",  # shown to anybody who knows the id, by contract
            # Shows one customer to whoever has a link that we signed for it.
            "customer-portal/<str:token>",
            # Takes only what the provider signed with the secret of a connection there.
            "webhooks/<provider:kind>/<id:organization_id>",
            "api/schema/",
            "api/docs/",
        }
