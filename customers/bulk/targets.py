"""The customers of a piece of bulk work: frozen when it is asked for, held when it is done."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from billing.errors import NotAllowed
from billing.events.models import ChangeRecord
from billing.statements import Statement
from customers.batches import Batch, BatchItem
from customers.bulk.steps import Target, Why
from customers.models import Customer

_HERE = Path(__file__).parent
_HOLD = Statement(_HERE / "hold.sql")
_INSERT = (
    "INSERT INTO customers_batchitem (batch_id, position, customer_id, version)"
    " SELECT %s, chosen.* FROM "
)
_FREEZE_BATCH = Statement(_HERE / "freeze_batch.sql")


def freeze_matches(batch: Batch, matches: QuerySet[Customer]) -> int:
    """Put all that match now into the batch, newest first, and return how many they are.

    They go from table to table: a million never pass through here.
    """
    number = Window(RowNumber(), order_by=[F("created_at").desc(), F("id").asc()])
    rows = matches.filter(organization_id=batch.organization_id).order_by()
    chosen = rows.values_list(number, "id", "version")
    select, values = chosen.query.sql_with_params()
    return _insert(batch, select, values)


def freeze_batch(batch: Batch, undone_id: UUID) -> int:
    """Put the customers that another batch changed into this one, the last changed first."""
    rows = _FREEZE_BATCH.rows(
        {"organization": batch.organization_id, "undone": undone_id, "batch": batch.id}
    )
    return int(rows[0][0])


def _insert(batch: Batch, select: str, values: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_INSERT + f"({select}) AS chosen", [batch.id, *values])
        return int(cursor.rowcount)


def hold(organization_id: UUID, items: Sequence[BatchItem]) -> list[Target]:
    """Hold the customers of these items until the transaction ends."""
    seen = {item.customer_id: item.version for item in items}
    rows = _HOLD.rows({"organization": organization_id, "ids": list(seen)})
    return [
        Target(id_, external_id, version, is_deleted, seen[id_])
        for id_, external_id, version, is_deleted in rows
    ]


def look(organization_id: UUID, items: Sequence[BatchItem]) -> list[Target]:
    """Return the customers of these items as they are, in their order, holding none."""
    rows = Customer.objects.filter(
        organization_id=organization_id, id__in=[item.customer_id for item in items]
    ).values_list("id", "external_id", "version", "deleted_at")
    found = {row[0]: row for row in rows}
    return [
        Target(id_, external_id, version, deleted_at is not None, item.version)
        for item in items
        if item.customer_id in found
        for id_, external_id, version, deleted_at in [found[item.customer_id]]
    ]


class Later(NamedTuple):
    """What others did to a customer since the batch was made over it."""

    paths: frozenset[str]
    actions: frozenset[str]
    last: Why


def changes_since_seen(organization_id: UUID, targets: Sequence[Target]) -> Mapping[UUID, Later]:
    """Return what happened to those of the customers that have changed since the batch was made.

    Each change of a customer is one version and one record, so the last records are the ones.
    """
    missed = {one.id: one.version - one.seen_version for one in targets}
    records = ChangeRecord.objects.filter(
        organization_id=organization_id,
        resource="customer",
        object_id__in=[id_ for id_, count in missed.items() if count > 0],
    ).alias(place=Window(RowNumber(), partition_by=["object_id"], order_by="-id"))
    by_customer: dict[UUID, list[ChangeRecord]] = {}
    for record in records.filter(place__lte=max(missed.values(), default=0)).order_by("-id"):
        found = by_customer.setdefault(record.object_id, [])
        if len(found) < missed[record.object_id]:
            found.append(record)
    return {id_: _later(found) for id_, found in by_customer.items()}


def _later(records: Sequence[ChangeRecord]) -> Later:
    """Return what the records, newest first, say together."""
    return Later(
        frozenset(path for record in records for path in record.changes),
        frozenset(record.action for record in records),
        why_changed("changed_since_preview", records[0]),
    )


def why_changed(code: str, record: ChangeRecord, paths: Sequence[str] = ()) -> Why:
    """Return who changed a customer and when, as the reason to leave it alone."""
    return {
        "code": code,
        "by": record.actor_name,
        "door": record.door,
        "at": record.at.isoformat(),
        "paths": list(paths or record.changes),
    }


def refuse_unfinished(batch: Batch) -> None:
    """:raises NotAllowed: if the batch has not come to its end."""
    if batch.state not in (Batch.State.DONE, Batch.State.STOPPED):
        raise NotAllowed("batch_is_not_finished")
