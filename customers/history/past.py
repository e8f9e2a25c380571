"""A customer as it was at any moment, and as it is."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from billing.errors import NotFound
from billing.statements import Statement
from customers.change import (
    CONFIGURATION,
)
from customers.history.paths import PARTS, PATHS, in_order

_STATEMENT = Statement(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class CustomerThen:
    """A customer at some moment.

    :param values: wire paths to values, as in the change records.
    :param is_deleted: whether it was deleted then; the values are those it was deleted with.
    """

    external_id: str
    tag: str
    is_deleted: bool
    values: dict[str, Any]


def customer_now(organization_id: UUID, customer_id: UUID) -> CustomerThen:
    """Return the customer as it is; if it is deleted, as it was then.

    :raises NotFound: if there is no such customer, deleted or not.
    """
    return customer_at(organization_id, customer_id)[1]


def customer_as_of(
    organization_id: UUID, customer_id: UUID, moment: datetime
) -> CustomerThen | None:
    """Return the customer as it was at a moment; None before it was created.

    :raises NotFound: if there is no such customer, deleted or not.
    """
    was_there, customer = customer_at(organization_id, customer_id, moment)
    return customer if was_there else None


def customer_at(
    organization_id: UUID, customer_id: UUID, moment: datetime | None = None
) -> tuple[bool, CustomerThen]:
    """Return whether the customer was there at a moment, and how; without a moment as it is now.

    :raises NotFound: if there is no such customer, deleted or not.
    """
    row = _STATEMENT.row(
        {
            "organization": organization_id,
            "id": customer_id,
            "moment": moment or "infinity",
            "fields": [path for path in PATHS if "." not in path],
            "configuration": list(CONFIGURATION),
            "address": PARTS["shipping_address"],
        }
    )
    if row is None:
        raise NotFound("customer")
    external_id, tag, was_there, is_deleted, values = row
    return was_there, CustomerThen(external_id, tag, is_deleted, in_order(orjson.loads(values)))
