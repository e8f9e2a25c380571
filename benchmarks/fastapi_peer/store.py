"""The statements: a handful per upsert, each prepared once per connection by asyncpg."""

import json
from collections import defaultdict
from typing import Any
from uuid import UUID, uuid4

from asyncpg import Connection, Record

from fastapi_peer.shapes import BillingConfigurationIn, CustomerIn, MetadataIn

NESTED = {"shipping_address", "billing_configuration", "metadata", "tax_codes", "external_id"}
SETTINGS = (
    "invoice_grace_period", "document_locale", "subscription_invoice_issuing_date_anchor",
    "subscription_invoice_issuing_date_adjustment",
)  # fmt: skip
PARTS = ("address_line1", "address_line2", "city", "zipcode", "state", "country")
COLUMNS = [name for name in CustomerIn.model_fields if name not in NESTED] + list(SETTINGS)

FIND_KEY = """
SELECT id, organization_id, name, permissions FROM api_key
WHERE key_hash = $1 AND (expires_at IS NULL OR expires_at > now())
"""
FIND_CUSTOMER = """
SELECT c.*, e.code AS billing_entity_code, e.timezone AS entity_timezone
FROM customer c JOIN billing_entity e ON e.id = c.billing_entity_id
WHERE c.organization_id = $1 AND c.external_id = $2
FOR UPDATE OF c
"""
FIND_PARTS = """
SELECT to_json(s) AS shipping, to_json(p) AS provider, pp.type, pp.code,
    (SELECT json_agg(json_build_array(m.key, m.value, m.display_in_invoice) ORDER BY m.key)
     FROM customer_metadata m WHERE m.customer_id = $1) AS metadata,
    (SELECT json_agg(t.code ORDER BY t.code)
     FROM applied_tax a JOIN tax t ON t.id = a.tax_id WHERE a.customer_id = $1) AS tax_codes
FROM (SELECT $1::uuid AS id) one
LEFT JOIN shipping_address s ON s.customer_id = one.id
LEFT JOIN provider_link p ON p.customer_id = one.id
LEFT JOIN payment_provider pp ON pp.id = p.payment_provider_id
"""
NUMBER = """
UPDATE organization SET last_customer_number = last_customer_number + 1 WHERE id = $1
RETURNING last_customer_number, document_number_prefix
"""
_NAMES = ", ".join(COLUMNS)
CREATE = f"""
WITH created AS (
    INSERT INTO customer
        (id, organization_id, billing_entity_id, external_id, sequential_id, slug, {_NAMES})
    SELECT $1, $2, e.id, $3, $4, $5, {", ".join(f"${n}" for n in range(6, 6 + len(COLUMNS)))}
    FROM billing_entity e WHERE e.organization_id = $2 AND e.is_default
    RETURNING *
)
SELECT created.*, e.code AS billing_entity_code, e.timezone AS entity_timezone
FROM created JOIN billing_entity e ON e.id = created.billing_entity_id
"""
_SET = ", ".join(f"{name} = ${n}" for n, name in enumerate(COLUMNS, 2))
UPDATE = f"""
UPDATE customer c SET updated_at = now(), {_SET}
FROM billing_entity e
WHERE c.id = $1 AND e.id = c.billing_entity_id
RETURNING c.*, e.code AS billing_entity_code, e.timezone AS entity_timezone
"""
PUT_SHIPPING = f"""
INSERT INTO shipping_address (customer_id, {", ".join(PARTS)}) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (customer_id) DO UPDATE SET {", ".join(f"{part} = excluded.{part}" for part in PARTS)}
RETURNING *
"""
PUT_PROVIDER = """
WITH chosen AS (
    SELECT id, type, code FROM payment_provider
    WHERE organization_id = $2 AND type = $3 AND ($4::text IS NULL OR code = $4)
),
put AS (
    INSERT INTO provider_link
    SELECT $1, chosen.id, $5, $6, $7, $8 FROM chosen
    ON CONFLICT (customer_id) DO UPDATE SET
        payment_provider_id = excluded.payment_provider_id,
        provider_customer_id = excluded.provider_customer_id, sync = excluded.sync,
        sync_with_provider = excluded.sync_with_provider,
        provider_payment_methods = excluded.provider_payment_methods
    RETURNING *
)
SELECT put.*, chosen.type, chosen.code FROM put, chosen
"""
PUT_METADATA = """
WITH removed AS (
    DELETE FROM customer_metadata WHERE customer_id = $1 AND key <> ALL ($3::text[])
)
INSERT INTO customer_metadata (id, customer_id, key, value, display_in_invoice)
SELECT item.id, $1, item.key, item.value, item.display_in_invoice
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::boolean[])
    AS item (id, key, value, display_in_invoice)
ON CONFLICT (customer_id, key) DO UPDATE SET
    value = excluded.value, display_in_invoice = excluded.display_in_invoice
RETURNING *
"""
PUT_TAXES = """
WITH chosen AS (SELECT * FROM tax WHERE organization_id = $2 AND code = ANY ($3)),
removed AS (
    DELETE FROM applied_tax WHERE customer_id = $1 AND tax_id NOT IN (SELECT id FROM chosen)
),
added AS (
    INSERT INTO applied_tax SELECT $1, id FROM chosen ON CONFLICT DO NOTHING
)
SELECT * FROM chosen
"""
RECORD = """
INSERT INTO change_record (organization_id, customer_id, action, actor, changes)
VALUES ($1, $2, $3, $4, $5)
"""
PAGE = """
SELECT c.*, e.code AS billing_entity_code, e.timezone AS entity_timezone
FROM customer c JOIN billing_entity e ON e.id = c.billing_entity_id
WHERE c.organization_id = $1
ORDER BY c.created_at DESC, c.id LIMIT $2 OFFSET $3
"""
COUNT = "SELECT count(*) FROM customer WHERE organization_id = $1"
SHIPPING = "SELECT * FROM shipping_address WHERE customer_id = ANY ($1)"
PROVIDERS = """
SELECT l.*, p.type, p.code
FROM provider_link l JOIN payment_provider p ON p.id = l.payment_provider_id
WHERE l.customer_id = ANY ($1)
"""
METADATA = "SELECT * FROM customer_metadata WHERE customer_id = ANY ($1) ORDER BY created_at, id"
TAXES = """
SELECT a.customer_id, t.* FROM applied_tax a JOIN tax t ON t.id = a.tax_id
WHERE a.customer_id = ANY ($1) ORDER BY t.created_at, t.id
"""
INTEGRATIONS = "SELECT * FROM integration_link WHERE customer_id = ANY ($1)"
SECTIONS = "SELECT * FROM invoice_custom_section WHERE billing_entity_id = $1 ORDER BY name, code"


class UnknownCode(Exception):
    """A code names nothing of this organization."""


class Parts:
    """What hangs on a customer, as far as it is known."""

    def __init__(self) -> None:
        self.shipping: dict[UUID, Record] = {}
        self.provider: dict[UUID, Record] = {}
        self.metadata: dict[UUID, list[Record]] = defaultdict(list)
        self.taxes: dict[UUID, list[Record]] = defaultdict(list)
        self.integrations: dict[UUID, list[Record]] = defaultdict(list)


async def load_parts(connection: Connection, ids: list[UUID]) -> Parts:
    """Return what hangs on these customers: one statement per table."""
    parts = Parts()
    parts.shipping = {row["customer_id"]: row for row in await connection.fetch(SHIPPING, ids)}
    parts.provider = {row["customer_id"]: row for row in await connection.fetch(PROVIDERS, ids)}
    for statement, found in (
        (METADATA, parts.metadata), (TAXES, parts.taxes), (INTEGRATIONS, parts.integrations)
    ):  # fmt: skip
        for row in await connection.fetch(statement, ids):
            found[row["customer_id"]].append(row)
    return parts


async def upsert(
    connection: Connection, organization_id: UUID, actor: str, wish: CustomerIn
) -> tuple[Record, Parts, list[Record]]:
    """Write the customer and its parts, and return it all; the caller holds the transaction."""
    stored = await connection.fetchrow(FIND_CUSTOMER, organization_id, wish.external_id)
    before = await _describe(connection, stored)
    sent = _sent(wish)
    if stored is None:
        customer = await _create(connection, organization_id, wish, sent)
    else:
        values = [sent.get(name, stored[name]) for name in COLUMNS]
        customer = await connection.fetchrow(UPDATE, stored["id"], *values)
    parts = await _put_parts(connection, organization_id, customer["id"], wish)
    changes = _diff(before, sent, wish)
    if changes:
        action = "created" if stored is None else "updated"
        body = json.dumps(changes)
        await connection.execute(RECORD, organization_id, customer["id"], action, actor, body)
    parts.integrations[customer["id"]] = (
        await connection.fetch(INTEGRATIONS, [customer["id"]]) if stored is not None else []
    )
    sections = await connection.fetch(SECTIONS, customer["billing_entity_id"])
    return customer, parts, sections


def _sent(wish: CustomerIn) -> dict[str, Any]:
    sent = wish.model_dump(exclude_unset=True, exclude=NESTED)
    configuration = wish.billing_configuration
    if configuration is not None:
        settings = set(SETTINGS) & configuration.model_fields_set
        sent |= {name: getattr(configuration, name) for name in settings}
    return sent


async def _describe(connection: Connection, stored: Record | None) -> dict[str, Any]:
    """Return the customer as change records compare it: flat, with its parts."""
    if stored is None:
        return {}
    row = await connection.fetchrow(FIND_PARTS, stored["id"])
    provider = json.loads(row["provider"] or "{}")
    provider["payment_provider"] = row["type"]
    shipping = json.loads(row["shipping"] or "{}")
    return {
        **{name: stored[name] for name in COLUMNS},
        **{f"shipping_address.{part}": shipping.get(part) for part in PARTS},
        **{f"billing_configuration.{name}": value for name, value in provider.items()},
        "metadata": json.loads(row["metadata"] or "[]"),
        "tax_codes": json.loads(row["tax_codes"] or "[]"),
    }


def _diff(
    before: dict[str, Any], sent: dict[str, Any], wish: CustomerIn
) -> dict[str, tuple[Any, Any]]:
    after = dict(sent)
    if wish.shipping_address is not None:
        for part, value in wish.shipping_address.model_dump(exclude_unset=True).items():
            after[f"shipping_address.{part}"] = value
    if wish.billing_configuration is not None:
        provider = wish.billing_configuration.model_dump(exclude_unset=True, exclude=set(SETTINGS))
        after |= {f"billing_configuration.{name}": value for name, value in provider.items()}
    if wish.metadata is not None:
        items = ([item.key, item.value, item.display_in_invoice] for item in wish.metadata)
        after["metadata"] = sorted(items)
    if wish.tax_codes is not None:
        after["tax_codes"] = sorted(wish.tax_codes)
    return {
        path: (before.get(path), value) for path, value in after.items()
        if before.get(path) != value
    }  # fmt: skip


async def _create(
    connection: Connection, organization_id: UUID, wish: CustomerIn, sent: dict[str, Any]
) -> Record:
    number = await connection.fetchrow(NUMBER, organization_id)
    sequential_id = number["last_customer_number"]
    slug = f"{number['document_number_prefix']}-{sequential_id:03}"
    defaults = {name: CustomerIn.model_fields[name].default for name in COLUMNS[: -len(SETTINGS)]}
    values = [sent.get(name, defaults.get(name)) for name in COLUMNS]
    return await connection.fetchrow(
        CREATE, uuid4(), organization_id, wish.external_id, sequential_id, slug, *values
    )


async def _put_parts(
    connection: Connection, organization_id: UUID, customer_id: UUID, wish: CustomerIn
) -> Parts:
    parts = Parts()
    missing = {"shipping_address", "billing_configuration", "metadata", "tax_codes"}
    if any(getattr(wish, name) is None for name in missing):
        parts = await load_parts(connection, [customer_id])
    if wish.shipping_address is not None:
        values = [getattr(wish.shipping_address, part) for part in PARTS]
        shipping = await connection.fetchrow(PUT_SHIPPING, customer_id, *values)
        parts.shipping[customer_id] = shipping
    if wish.billing_configuration is not None and wish.billing_configuration.payment_provider:
        parts.provider[customer_id] = await _put_provider(
            connection, organization_id, customer_id, wish.billing_configuration
        )
    if wish.metadata is not None:
        parts.metadata[customer_id] = await _put_metadata(connection, customer_id, wish.metadata)
    if wish.tax_codes is not None:
        codes = list(dict.fromkeys(wish.tax_codes))
        taxes = await connection.fetch(PUT_TAXES, customer_id, organization_id, codes)
        if len(taxes) != len(codes):
            raise UnknownCode("tax")
        parts.taxes[customer_id] = taxes
    return parts


async def _put_provider(
    connection: Connection, organization_id: UUID, customer_id: UUID, wish: BillingConfigurationIn
) -> Record:
    row = await connection.fetchrow(
        PUT_PROVIDER, customer_id, organization_id, wish.payment_provider,
        wish.payment_provider_code, wish.provider_customer_id, wish.sync, wish.sync_with_provider,
        wish.provider_payment_methods,
    )  # fmt: skip
    if row is None:
        raise UnknownCode("payment_provider")
    return row


async def _put_metadata(
    connection: Connection, customer_id: UUID, wish: list[MetadataIn]
) -> list[Record]:
    return await connection.fetch(
        PUT_METADATA,
        customer_id,
        [uuid4() for _ in wish],
        [item.key for item in wish],
        [item.value for item in wish],
        [item.display_in_invoice for item in wish],
    )
