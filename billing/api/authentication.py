"""Who calls: bearer keys, looked up by their hash, and what they may do (customers.md 1.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from uuid import UUID

import orjson
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication

from billing.api import keys
from billing.api.refusals import Refused
from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from billing.statements import Statement, run

# A key that was given by its organization is gone with it, by foreign key: no join is needed.
_FIND_KEY = """
WITH caller AS MATERIALIZED (
    SELECT id, organization_id, name, last_four, permissions::text,
           last_used_at > statement_timestamp() - interval '1 minute'
    FROM billing_apikey
    WHERE key_hash = %(key_hash)s::bytea
      AND (expires_at IS NULL OR expires_at > statement_timestamp())
)
SELECT caller.*, ({question}) FROM caller
"""
# Somebody who ends the key at this moment holds its row; a request doesn't wait for that.
_NOTE_USE = """
UPDATE billing_apikey SET last_used_at = statement_timestamp()
WHERE id = (SELECT id FROM billing_apikey WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED)
"""
_OF_CALLER = "(SELECT organization_id FROM caller)"
_DOOR = ChangeRecord.Door.API


class Question(Protocol):
    """What a view asks together with the look at the key: one statement, one round trip."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Return the values that the statement names."""

    def sql(self, organization: str) -> str:
        """Return a SELECT of one text, for the organization that this expression names."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The key behind a request, as far as a request needs it.

    :param answer: the answer to the question that was asked along.
    """

    key_id: UUID
    organization_id: UUID
    permissions: keys.Permissions | None
    actor: Actor
    answer: str | None = None


class BearerAuthentication(BaseAuthentication):
    """Finds the caller by `Authorization: Bearer <key>`."""

    def authenticate(
        self, request: HttpRequest, question: Question | None = None
    ) -> tuple[None, Caller]:
        """Return the caller.

        :raises Refused: 401, whatever is wrong with the key.
        """
        key = bearer_key(request.META.get("HTTP_AUTHORIZATION", ""))
        caller = None if key is None else find_caller(key, question)
        if caller is None:
            headers = {"WWW-Authenticate": self.authenticate_header(request)}
            raise Refused(401, headers=headers)
        return None, caller

    def authenticate_header(self, request: HttpRequest) -> str:
        """Return the value of `WWW-Authenticate`."""
        return "Bearer"


def bearer_key(header: str) -> str | None:
    """Return the key in an `Authorization` header, or None if it holds none.

    Servers join repeated headers by a comma, which leaves a space inside the key: no key.
    """
    scheme, _, key = header.partition(" ")
    key = key.strip(" ")
    if scheme.lower() != "bearer" or not keys.is_well_formed_given_key(key):
        return None
    return key


def find_caller(key: str, question: Question | None = None) -> Caller | None:
    """Return who holds a key that has not ended, and note that it was used."""
    asked, values = (
        ("NULL", {}) if question is None else (question.sql(_OF_CALLER), question.values)
    )
    row = _find_key(asked).row_anew({"key_hash": keys.hash_key(key), **values})
    if row is None:
        return None
    key_id, organization_id, name, last_four, permissions, used_lately, answer = row
    if not used_lately:
        run(_NOTE_USE, (key_id,))
    actor = Actor(_DOOR, name or f"API key ...{last_four}", str(key_id))
    allowed = None if permissions is None else orjson.loads(permissions)
    return Caller(key_id, organization_id, allowed, actor, answer)


@cache
def _find_key(asked: str) -> Statement:
    return Statement(_FIND_KEY.format(question=asked))
