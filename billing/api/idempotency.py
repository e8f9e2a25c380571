"""The same request twice has one effect and one answer (contract: customers.md 1.6)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from billing.api.answers import ApiResponse
from billing.api.body import canonical
from billing.api.refusals import RETRY_AFTER_SECONDS, Refused
from billing.statements import fetch_one, find_one, run

KEPT_FOR = timedelta(hours=24)
# Longer than anything takes after a commit. Then whoever was at it has died, and what was stored
# with the effect is the answer; if that was none yet, the key is free.
OPEN_FOR = timedelta(seconds=15)

_KEY = re.compile(r"[\x21-\x7e]{1,255}")

# The narrow lock first: who can't get it repeats a request that still runs. Who gets it but not
# the wide one, sends another request under a key that is in use. Both are let go by the commit,
# or with the connection if the worker dies.
_LOCK = """
SELECT CASE WHEN pg_try_advisory_xact_lock(%s) THEN pg_try_advisory_xact_lock(%s) END
"""
_UNANSWERED = int(HTTPStatus.PROCESSING)
# A statement of its own: it must see what was committed before the locks were let go.
_FIND = """
SELECT fingerprint, status, headers::text, body, COALESCE(open_until > now(), false)
FROM billing_idempotentanswer
WHERE organization_id = %s AND key = %s AND created_at > now() - %s::interval
  AND (status <> %s OR open_until > now())
"""
_FORGET = """
DELETE FROM billing_idempotentanswer
WHERE organization_id = %s AND key = %s AND status = %s
"""
_STORE = """
INSERT INTO billing_idempotentanswer
    (organization_id, key, fingerprint, status, headers, body, created_at, open_until)
VALUES (%s, %s, %s, %s, %s::jsonb, %s, now(), now() + %s::interval)
ON CONFLICT (organization_id, key) DO UPDATE SET
    fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers,
    body = excluded.body, created_at = excluded.created_at, open_until = excluded.open_until
"""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that carries a key; the key is shared by all API keys of the organization."""

    organization_id: UUID
    key: str
    fingerprint: bytes

    def locks(self) -> tuple[int, int]:
        """Return the numbers of the narrow lock (this request) and the wide one (this key)."""
        wide = f"{self.organization_id} {self.key}".encode()
        return _lock_number(wide + self.fingerprint), _lock_number(wide)


def _lock_number(name: bytes) -> int:
    return int.from_bytes(sha256(name).digest()[:8], "big", signed=True)


def read_key(header: str | None) -> str | None:
    """Return the Idempotency-Key, None if none was sent.

    :raises Refused: 400 if it isn't 1 to 255 visible ASCII characters.
    """
    if header is None or _KEY.fullmatch(header):
        return header
    raise Refused(
        400,
        "invalid_idempotency_key",
        words="Idempotency-Key must have 1 to 255 visible ASCII characters",
    )


def fingerprint(method: str, target: str, payload: Any) -> bytes:
    """Return what is equal for equal requests: verb, path with query, and body as JSON values."""
    return sha256(f"{method} {target}\n{canonical(payload)}".encode()).digest()


def run_once(request: Request, handler: Callable[[], ApiResponse]) -> ApiResponse:
    """Return the stored answer, or run the handler and store its answer with its effect.

    One transaction holds both, so neither can be without the other; an answer other than 2xx, or
    an exception, leaves nothing behind and the key free. What is left to do after the commit is
    done then; until it is, the request still runs, and its last answer is the one to repeat.

    :raises Refused: 409 while the same request runs; 422 if the key belongs to another one.
    """
    with transaction.atomic():
        _take_key(request)
        stored = _find(request)
        if stored is not None:
            return stored
        response = handler()
        if response.rest is not None or 200 <= response.status_code < 300:
            _store(request, response)
        else:
            transaction.set_rollback(True)
    return response if response.rest is None else _finish(request, response)


def _finish(request: Request, response: ApiResponse) -> ApiResponse:
    try:
        answer = response.finished()
    except Exception:
        run(_FORGET, (request.organization_id, request.key, _UNANSWERED))
        raise
    _store(request, answer)
    return answer


def _take_key(request: Request) -> None:
    [is_free] = fetch_one(_LOCK, request.locks())
    if is_free is None:
        raise _still_runs()
    if not is_free:
        raise Refused(422, "idempotency_key_reused")


def _still_runs() -> Refused:
    return Refused(409, "idempotency_key_in_use", headers={"Retry-After": RETRY_AFTER_SECONDS})


def _find(request: Request) -> ApiResponse | None:
    row = find_one(_FIND, (request.organization_id, request.key, KEPT_FOR, _UNANSWERED))
    if row is None:
        return None
    stored_fingerprint, status, headers, body, is_open = row
    if bytes(stored_fingerprint) != request.fingerprint:
        raise Refused(422, "idempotency_key_reused")
    if is_open:
        raise _still_runs()
    response = ApiResponse(bytes(body), status)
    for name, value in {**orjson.loads(headers), "Idempotent-Replayed": "true"}.items():
        response.headers[name] = value
    return response


def _store(request: Request, response: ApiResponse) -> None:
    headers = {name: response.headers[name] for name in ("ETag",) if name in response.headers}
    run(
        _STORE,
        (
            request.organization_id,
            request.key,
            request.fingerprint,
            response.status_code,
            orjson.dumps(headers).decode(),
            response.content,
            OPEN_FOR if response.rest else None,
        ),
    )
