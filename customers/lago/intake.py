"""Customers of a Lago account as an import: read page by page, then written as any file is."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction

from billing.events.actor import Actor
from billing.models import Integration, PaymentProvider
from customers.imports.reading.table import Row
from customers.intakes import Import, ImportRow
from customers.lago.client import Json, LagoClient
from customers.lago.copy import COLUMNS, HEADER, row_of
from customers.lago.details import Details
from customers.lago.ground import Ground
from customers.lago.walk import CustomerWalk, Seen
from customers.restore import restore_customers

FORMAT = "lago"
_AT_ONCE = 500

Progress = Callable[[int, int], None]

# Deleted here, and kept at Lago: an import that was taken back and is made again.
_DELETED = """
SELECT customer.id
FROM customers_importrow row
JOIN customers_customer customer ON customer.id = (row.cells -> 'identity' ->> 'id')::uuid
WHERE row.intake_id = %s
  AND customer.organization_id = %s
  AND customer.deleted_at IS NOT NULL
  AND customer.external_id = row.cells ->> 'external_id'
  AND NOT EXISTS (
      SELECT FROM customers_customer other
      WHERE other.organization_id = customer.organization_id
        AND other.external_id = customer.external_id AND other.deleted_at IS NULL
  )
ORDER BY row.number
LIMIT 500
"""
_CONNECTIONS = """
SELECT DISTINCT 'payment_providers', row.cells ->> 'billing_configuration.payment_provider',
    row.cells ->> 'billing_configuration.payment_provider_code'
FROM customers_importrow row
WHERE row.intake_id = %s AND row.cells ->> 'billing_configuration.payment_provider' IS NOT NULL
UNION
SELECT DISTINCT 'integrations', link ->> 'integration_type', link ->> 'integration_code'
FROM customers_importrow row
CROSS JOIN LATERAL jsonb_array_elements(row.cells -> 'integration_customers') AS link
WHERE row.intake_id = %s
ORDER BY 1, 2, 3
"""
_SECTIONS = """
SELECT DISTINCT ON (section ->> 'code') section::text
FROM customers_importrow row
CROSS JOIN LATERAL jsonb_array_elements(row.cells -> 'sections') AS section
WHERE row.intake_id = %s
ORDER BY section ->> 'code', row.number
"""


class Connection(NamedTuple):
    """A connection that customers name: the list of a set-up file, its type and its code."""

    kind: str
    type: str
    code: str | None


def open_intake(organization_id: UUID, address: str, actor: Actor) -> Import:
    """Begin to bring an account in."""
    return Import.objects.create(
        organization_id=organization_id, file_name=address, file_size=0, sha256="",
        format=FORMAT, header=HEADER, mapping=COLUMNS.dump(), actor_id=actor.id,
        actor_name=actor.name, reason=actor.reason,
    )  # fmt: skip


def unfinished_intake(organization_id: UUID, address: str) -> Import | None:
    """Return the last import of this account that has not come to its end."""
    found = Import.objects.filter(
        organization_id=organization_id, format=FORMAT, file_name=address
    ).exclude(state=Import.State.DONE)
    return found.order_by("id").first()


def forget(intake: Import) -> None:
    """Delete an import that has written nothing."""
    intake.rows.all().delete()
    intake.delete()


def read_customers(
    client: LagoClient, ground: Ground, intake: Import, details: Details, progress: Progress
) -> int:
    """Take every customer in that is not in yet; return how many Lago counts and does not show.

    Each page is one transaction, so that an interrupted reading goes on with the rest.

    :raises LagoRefused: if Lago can't be asked to the end.
    """
    seen = Seen()
    for names in _staged_names(intake):
        seen.add(names)
    walk = CustomerWalk(client, seen)
    sections = ground.entity_sections()
    for page in walk:
        whole = (one for one in details.of(page) if one is not None)
        _stage(intake, [row_of(intake.total + n, one, sections) for n, one in enumerate(whole, 1)])
        progress(intake.total, walk.total)
    return walk.missing


def _staged_names(intake: Import) -> Iterator[list[str]]:
    number, rows = 0, intake.rows.order_by("number").values_list("number", "cells__external_id")
    while page := list(rows.filter(number__gt=number)[:_AT_ONCE]):
        yield [name for _number, name in page]
        number = page[-1][0]


@transaction.atomic
def _stage(intake: Import, rows: Sequence[Row]) -> None:
    ImportRow.objects.bulk_create(
        ImportRow(
            intake=intake, number=row.number, cells=row.cells,
            flaws=[list(flaw) for flaw in row.flaws] or None,
        )
        for row in rows
    )  # fmt: skip
    intake.total += len(rows)
    intake.save(update_fields=["total"])


def shown_sections(intake: Import) -> list[Json]:
    """Return the sections that customers have chosen, each once."""
    return [orjson.loads(text) for (text,) in _rows(_SECTIONS, intake.id)]


def missing_connections(intake: Import) -> list[Connection]:
    """Return the connections that customers are linked to and that are not here."""
    named = (Connection(*row) for row in _rows(_CONNECTIONS, intake.id, intake.id))
    return [one for one in named if not _is_here(intake.organization_id, one)]


def _is_here(organization_id: UUID, named: Connection) -> bool:
    """Return whether a connection is here; without a code, the only one of its type is meant."""
    model = PaymentProvider if named.kind == "payment_providers" else Integration
    found = model._default_manager.filter(organization_id=organization_id, type=named.type)
    return (found.filter(code=named.code) if named.code else found).count() == 1


def restore_deleted(intake: Import) -> int:
    """Restore customers that Lago has and that were deleted here, as the undo of an import does.

    They keep their ids, numbers and slugs, which a newcomer could not have. Return how many.
    """
    count = 0
    while ids := [key for (key,) in _rows(_DELETED, intake.id, intake.organization_id)]:
        restore_customers(intake.organization_id, ids, intake.actor)
        count += len(ids)
    return count


def _rows(statement: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
