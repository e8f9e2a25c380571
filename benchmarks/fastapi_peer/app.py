"""The application: `uvicorn fastapi_peer.app:app --workers 2`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from asyncpg import Connection, Record
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request

from fastapi_peer import shapes, store


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Have a pool of connections for as long as the application runs."""
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=4, max_size=4) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


async def connection(request: Request) -> AsyncIterator[Connection]:
    """Lend the request a connection."""
    async with request.app.state.pool.acquire() as lent:
        yield lent


Database = Annotated[Connection, Depends(connection)]


async def caller(database: Database, authorization: Annotated[str, Header()] = "") -> Record:
    """Return the key behind the request, found by its hash."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401)
    found = await database.fetchrow(store.FIND_KEY, sha256(key.encode()).digest())
    if found is None:
        raise HTTPException(401)
    return found


Caller = Annotated[Record, Depends(caller)]


@app.post("/api/v1/customers")
async def upsert_customer(
    body: shapes.UpsertIn, caller: Caller, database: Database
) -> shapes.UpsertOut:
    """Create or change a customer."""
    for attempt in range(3):
        try:
            async with database.transaction():
                customer, parts, sections = await store.upsert(
                    database, caller["organization_id"], caller["name"], body.customer
                )
            break
        except asyncpg.UniqueViolationError:
            if attempt == 2:
                raise
        except store.UnknownCode as error:
            raise HTTPException(404, f"{error}_not_found") from error
    shown = _form(customer, parts)
    shown["applicable_invoice_custom_sections"] = [_section(section) for section in sections]
    shown["error_details"] = []
    return shapes.UpsertOut(customer=shapes.CustomerOut(**shown))


@app.get("/api/v1/customers")
async def list_customers(
    caller: Caller,
    database: Database,
    page: Annotated[int, Query(ge=1)] = 1,
    per_page: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> shapes.PageOut:
    """Return a page of customers, newest first."""
    organization: UUID = caller["organization_id"]
    total = await database.fetchval(store.COUNT, organization)
    rows = await database.fetch(store.PAGE, organization, per_page, (page - 1) * per_page)
    parts = await store.load_parts(database, [row["id"] for row in rows])
    pages = -(-total // per_page)
    meta = shapes.Meta(
        current_page=page,
        next_page=page + 1 if page < pages else None,
        prev_page=page - 1 if page > 1 else None,
        total_pages=pages,
        total_count=total,
    )
    customers = [shapes.CustomerInList(**_form(row, parts)) for row in rows]
    return shapes.PageOut(customers=customers, meta=meta)


def _form(row: Record, parts: store.Parts) -> dict[str, Any]:
    key = row["id"]
    shipping = parts.shipping.get(key) or dict.fromkeys(store.PARTS)
    return dict(row) | {
        "lago_id": key,
        "applicable_timezone": row["timezone"] or row["entity_timezone"],
        "billing_configuration": _billing(row, parts.provider.get(key)),
        "shipping_address": dict(shipping),
        "metadata": [{**entry, "lago_id": entry["id"]} for entry in parts.metadata[key]],
        "taxes": [{**tax, "lago_id": tax["id"]} for tax in parts.taxes[key]],
        "integration_customers": [
            {**link, "lago_id": link["id"]} for link in parts.integrations[key]
        ],
    }


def _billing(row: Record, provider: Record | None) -> dict[str, Any]:
    names = ("provider_customer_id", "sync", "sync_with_provider", "provider_payment_methods")
    return {
        **{name: row[name] for name in store.SETTINGS},
        "payment_provider": provider["type"] if provider else None,
        "payment_provider_code": provider["code"] if provider else None,
        **{name: provider[name] if provider else None for name in names},
    }


def _section(row: Record) -> dict[str, Any]:
    return {**row, "lago_id": row["id"], "applied_to_organization": True}
