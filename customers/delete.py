"""The only way a customer goes: marked as deleted, recorded, counted off (customers.md 6).

One transaction, three statements, one round trip; the last one tells who wants to know.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from billing.errors import NotFound, Refusal, Stale
from billing.events.actor import Actor
from billing.statements import Statement, run_all
from customers.read import form_sql, one_form
from customers.tell import TELL_OF_DELETED
from customers.write import Precondition, RefusedBatch

# The statement after this one sees what is true under the locks. They are taken in the order
# the writer takes them. What customers point to need not be frozen: nothing new is pointed to.
_LOCK = Statement(
    "SELECT count(*) FROM ("
    " SELECT id FROM customers_customer"
    " WHERE organization_id = %(organization)s::uuid"
    " AND external_id = ANY (%(external_ids)s::text[]) AND deleted_at IS NULL"
    " ORDER BY id FOR NO KEY UPDATE"
    ") locked"
)
# A creator may commit between the two statements: such a customer is locked here, unless somebody
# holds it already. To wait for it now, out of order, could end in a deadlock; it counts as made
# after this deletion instead.
_CHOSEN = """WITH
chosen AS MATERIALIZED (
    SELECT * FROM customers_customer
    WHERE organization_id = %(organization)s::uuid
      AND external_id = ANY (%(external_ids)s::text[])
      AND deleted_at IS NULL
    ORDER BY id
    FOR NO KEY UPDATE SKIP LOCKED
),
"""
_HERE = Path(__file__).parent
KEPT = (_HERE / "kept.sql").read_text()
_MARK = KEPT.format(action="deleted", deleted_at="now()", before="IS NULL", sign="-")
_DELETE = (_HERE / "delete.sql").read_text()
_DELETE_ONLY = Statement(_CHOSEN + _DELETE.format(kept=_MARK, json="''", form=""))
_DELETE_AND_SHOW = Statement(
    f"{_CHOSEN}{form_sql('chosen', whole=True)},\n"
    + _DELETE.format(kept=_MARK, json="form.json::text", form="JOIN form ON form.id = victim.id")
)


class _Victim(NamedTuple):
    """A row of `delete.sql`: a customer that was there, deleted now unless one was refused."""

    external_id: str
    customer_id: UUID
    tag: str
    is_as_wanted: bool
    json: str


def delete_customers(
    organization_id: UUID, external_ids: Sequence[str], actor: Actor
) -> list[UUID]:
    """Delete the customers, all or none, and return their ids, in the order of `external_ids`.

    :raises RefusedBatch: if there is no such customer, or one is named twice.
    """
    found = {
        victim.external_id: victim
        for victim in _delete(_DELETE_ONLY, organization_id, external_ids, actor)
    }
    refusals: dict[int, Refusal] = {
        position: NotFound("customer")
        for position, external_id in enumerate(external_ids)
        if external_id not in found or external_id in external_ids[:position]
    }
    if refusals:
        raise RefusedBatch(refusals)
    return [found[external_id].customer_id for external_id in external_ids]


def delete_customer(
    organization_id: UUID,
    external_id: str,
    actor: Actor,
    precondition: Precondition | None = None,
) -> bytes:
    """Delete one customer and return the JSON of it as it was.

    :raises NotFound, Stale: in this order; nothing was written.
    """
    if_match = precondition.if_match if precondition else ()
    victims = _delete(_DELETE_AND_SHOW, organization_id, [external_id], actor, if_match)
    if not victims:
        raise NotFound("customer")
    [victim] = victims
    if not victim.is_as_wanted:
        raise Stale(victim.tag)
    return one_form(victim.json)


def _delete(
    statement: Statement,
    organization_id: UUID,
    external_ids: Sequence[str],
    actor: Actor,
    if_match: Sequence[str] = (),
) -> list[_Victim]:
    values = {
        "organization": organization_id,
        "external_ids": list(external_ids),
        "if_match": list(if_match) or None,
        **actor.values(),
    }
    _, victims, _ = run_all([_LOCK, statement, TELL_OF_DELETED], values)
    return [_Victim(*row) for row in victims]
