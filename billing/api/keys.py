"""API keys: how they look, what they allow, and their life from making to end.

Only a hash of a key is kept. Keys that Tarn makes hold 256 random bits, so one round of SHA-256
is enough; nothing slower is needed to keep them from being guessed.
"""

import base64
import re
import secrets
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from billing.api.models import ApiKey
from billing.errors import Invalid, Problems
from billing.events.actor import SYSTEM, Actor
from billing.events.models import ChangeRecord
from billing.events.records import Changes, differences, record_change
from billing.organizations.models import Organization
from billing.values import TEXT_LENGTH

READ, WRITE = "read", "write"
RESOURCES = frozenset(
    {
        "customer",
        "tax",
        "organization",
        "billing_entity",
        "webhook_endpoint",
        "webhook_jwt_public_key",
    }
)
# Accepted so that permissions brought from elsewhere can be kept; nothing asks for them yet.
FUTURE_RESOURCES = frozenset(
    {
        "activity_log",
        "add_on",
        "alert",
        "analytic",
        "api_log",
        "applied_coupon",
        "billable_metric",
        "coupon",
        "credit_note",
        "customer_usage",
        "event",
        "feature",
        "fee",
        "invoice",
        "invoice_custom_section",
        "lifetime_usage",
        "order",
        "order_form",
        "payment",
        "payment_method",
        "payment_receipt",
        "payment_request",
        "plan",
        "plan_rate_card",
        "product",
        "product_category",
        "quote",
        "rate_card",
        "security_log",
        "subscription",
        "wallet",
        "wallet_transaction",
    }
)
PREFIX = "tarn_"
_RANDOM_BYTES = 32
_TAIL_LENGTH = 6
_GIVEN_KEY = re.compile(r"[\x21-\x7e]{16,255}")

Permissions = Mapping[str, Iterable[str]]


def hash_key(key: str) -> bytes:
    """Return what is stored of a key."""
    return sha256(key.encode()).digest()


def make_key() -> str:
    """Return a new key; its tail checks the rest, so that scanners for leaked secrets know it."""
    body = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    return body + _tail(body)


def has_valid_tail(key: str) -> bool:
    """Return whether a key looks as if Tarn had made it, to the last character."""
    return key.startswith(PREFIX) and _tail(key[:-_TAIL_LENGTH]) == key[-_TAIL_LENGTH:]


def _tail(body: str) -> str:
    checksum = zlib.crc32(body.encode()).to_bytes(4, "big")
    return base64.urlsafe_b64encode(checksum).decode()[:_TAIL_LENGTH]


def is_well_formed_given_key(key: str) -> bool:
    """Return whether an operator may choose this key: 16 to 255 visible ASCII characters."""
    return _GIVEN_KEY.fullmatch(key) is not None


def allows(permissions: Permissions | None, resource: str, mode: str) -> bool:
    """Return whether permissions let a key `read` or `write` a resource; None allows all."""
    return permissions is None or mode in permissions.get(resource, ())


def create_api_key(
    organization: Organization,
    name: str = "",
    permissions: Permissions | None = None,
    expires_at: datetime | None = None,
    key: str | None = None,
    actor: Actor = SYSTEM,
    key_id: UUID | None = None,
) -> tuple[ApiKey, str]:
    """Make a key, or take the one that is given, and return it with its text, shown only now.

    A form brings the `key_id` the key will have, so that sending it twice makes one key.

    :raises Invalid: if the name, the permissions, the given key or the id are not acceptable.
    """
    problems = _find_problems(name, permissions)
    if key is not None and not is_well_formed_given_key(key):
        problems.add("key", "value_is_invalid")
    problems.raise_if_any()
    text = make_key() if key is None else key
    row = ApiKey(
        id=key_id or uuid4(),
        organization=organization,
        name=name,
        key_hash=hash_key(text),
        last_four=text[-4:],
        permissions=_normalized(permissions),
        expires_at=expires_at,
    )
    _create(row, actor)
    return row, text


def _create(row: ApiKey, actor: Actor) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _record(row, ChangeRecord.Action.CREATED, differences({}, _told(row)), actor)
    except IntegrityError:
        raise Invalid({"key": ["value_already_exist"]}) from None


@transaction.atomic
def change_api_key(key: ApiKey, actor: Actor = SYSTEM, **values: Any) -> bool:
    """Change the `name`, `permissions` or `expires_at` of a key; return whether one differed.

    :raises Invalid: if the name or the permissions are not acceptable.
    """
    old = _locked(key)
    _find_problems(values.get("name", ""), values.get("permissions")).raise_if_any()
    if "permissions" in values:
        values["permissions"] = _normalized(values["permissions"])
    changes = differences({name: getattr(old, name) for name in values}, values)
    if not changes:
        return False
    for name in changes:
        setattr(old, name, values[name])
    old.save(update_fields=list(changes))
    _record(old, ChangeRecord.Action.UPDATED, changes, actor)
    return True


def _find_problems(name: str, permissions: Permissions | None) -> Problems:
    problems = Problems()
    if len(name) > TEXT_LENGTH:
        problems.add("name", "value_is_too_long")
    if permissions is not None and not _are_permissions(permissions):
        problems.add("permissions", "value_is_invalid")
    return problems


def _are_permissions(permissions: Any) -> bool:
    # An empty mapping could mean everything or nothing; we don't guess with permissions.
    if not isinstance(permissions, Mapping) or not permissions:
        return False
    return all(
        resource in RESOURCES | FUTURE_RESOURCES
        and isinstance(modes, list | tuple | set | frozenset)
        and all(mode in (READ, WRITE) for mode in modes)
        for resource, modes in permissions.items()
    )


def _normalized(permissions: Permissions | None) -> dict[str, list[str]] | None:
    if permissions is None:
        return None
    return {resource: sorted(set(modes)) for resource, modes in permissions.items()}


@transaction.atomic
def rotate_api_key(
    key: ApiKey,
    ends_at: datetime | None = None,
    actor: Actor = SYSTEM,
    key_id: UUID | None = None,
) -> tuple[ApiKey, str]:
    """Make a key with the same name and permissions, without end; the old one ends now or then.

    :raises Invalid: if the old key ended before, or the new one was made already.
    """
    old = _locked(key)
    now = timezone.now()
    if old.expires_at is not None and old.expires_at <= now:
        raise Invalid({"base": ["api_key_has_ended"]})
    made = create_api_key(old.organization, old.name, old.permissions, actor=actor, key_id=key_id)
    _end(old, ends_at if ends_at and ends_at > now else Now(), actor)
    return made


@transaction.atomic
def revoke_api_key(key: ApiKey, actor: Actor = SYSTEM) -> None:
    """End a key now; the next request with it fails.

    :raises Invalid: if it is the organization's last key without an end.
    """
    old = _locked(key)
    others = ApiKey.objects.filter(organization=old.organization_id, expires_at=None)
    if old.expires_at is None and not others.exclude(id=old.id).exists():
        raise Invalid({"base": ["last_non_expiring_api_key"]})
    _end(old, Now(), actor)


def _locked(key: ApiKey) -> ApiKey:
    """Return the key as it is, while nobody else ends a key of this organization."""
    organizations = Organization.objects.select_for_update(no_key=True)
    organization = organizations.get(id=key.organization_id)
    found = ApiKey.objects.get(id=key.id)
    found.organization = organization
    return found


def _end(key: ApiKey, at: datetime | Now, actor: Actor) -> None:
    # "Now" is the database's, which also decides whether a key has ended.
    later = Q(expires_at=None) | Q(expires_at__gt=at)
    if not ApiKey.objects.filter(later, id=key.id).update(expires_at=at):
        return
    before = {"expires_at": key.expires_at}
    key.refresh_from_db(fields=["expires_at"])
    changes = differences(before, {"expires_at": key.expires_at})
    _record(key, ChangeRecord.Action.UPDATED, changes, actor)


def _told(key: ApiKey) -> dict[str, Any]:
    """Return what a change record tells of a key: nothing that opens anything."""
    return {
        "name": key.name,
        "last_four": key.last_four,
        "permissions": key.permissions,
        "expires_at": key.expires_at,
    }


def _record(key: ApiKey, action: ChangeRecord.Action, changes: Changes, actor: Actor) -> None:
    record_change(key.organization_id, "api_key", key.id, action, changes, actor)
