"""The way back: a change taken back through the writer, as a change of its own."""

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import transaction

from billing.errors import Invalid, NotAllowed, NotFound, Refusal, Stale
from billing.events.actor import Actor
from billing.events.models import ChangeRecord
from customers.change import (
    CONFIGURATION,
    CustomerChange,
)
from customers.history.past import customer_at
from customers.history.paths import PARTS, in_order
from customers.history.timeline import Entry, records_of
from customers.write import Outcome, Precondition, write_customer

# Somebody may change the customer between our look and our write, more than once.
_ATTEMPTS = 5


class PutBack(NamedTuple):
    """What reverting a change would do to one value.

    :param since: the latest later entry that changed it; None if it is as the change left it.
    """

    path: str
    now: Any
    old: Any
    since: Entry | None


class ChangedSince(Refusal):
    """Later changes touched what was to be put back; nothing was written.

    :param latest: each of these paths to the latest entry that changed it.
    """

    def __init__(self, latest: dict[str, Entry]) -> None:
        super().__init__(latest)
        self.latest = latest


def revert_change(
    organization_id: UUID,
    record_id: int,
    actor: Actor,
    paths: Collection[str] | None = None,
    *,
    force: Collection[str] = (),
) -> Outcome:
    """Put back what one change replaced, as a new change by the actor.

    :param paths: only these of the change's paths; None means all. What only makes sense together
        (a provider and its link, skipped and chosen sections) comes back together.
    :param force: paths to put back, or to let change with them, whatever was done since.
    :raises NotFound: if there is no such change, its customer is deleted, or a code is gone.
    :raises NotAllowed: if the change is no update: what was created is deleted, what was deleted
        is restored.
    :raises ChangedSince: if later changes touched some of the paths.
    :raises Invalid: if the rules refuse an old value, or by path: `not_in_change`;
        `cannot_be_put_back`, as what it names is gone; `would_change_too`, a path not asked for.
    :raises Stale: if others change the customer over and over.
    """
    record = _updating_record(organization_id, record_id)
    wanted = _old_values(record, paths)
    because = actor.because(_reason(record, wanted, actor.reason))
    for _ in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                return _put_back(record, wanted, because, force)
        except Stale as stale:
            last = stale
    raise last


def preview_revert(
    organization_id: UUID, record_id: int, paths: Collection[str] | None = None
) -> list[PutBack]:
    """Return what `revert_change` would put back; what is the same already is left out.

    :raises NotFound, NotAllowed, Invalid: as `revert_change` does, if it can be seen beforehand.
    """
    record = _updating_record(organization_id, record_id)
    wanted = _old_values(record, paths)
    _, now = customer_at(record.organization_id, record.object_id)
    if now.is_deleted:
        raise NotFound("customer")
    differing = [path for path, old in wanted.items() if not is_same(now.values[path], old)]
    since = _changed_since(record, differing)
    return [PutBack(path, now.values[path], wanted[path], since.get(path)) for path in differing]


def _updating_record(organization_id: UUID, record_id: int) -> ChangeRecord:
    record = ChangeRecord.objects.filter(
        organization_id=organization_id, resource="customer", id=record_id
    ).first()
    if record is None:
        raise NotFound("change")
    if record.action != ChangeRecord.Action.UPDATED:
        raise NotAllowed("change_is_no_update")
    return record


# Where one of the first changed, all of the second that changed come back together.
_SECTIONS = frozenset({"skip_invoice_custom_sections", "invoice_custom_section_codes"})
_TOGETHER = (
    (
        frozenset(f"billing_configuration.payment_provider{part}" for part in ("", "_code")),
        frozenset(
            f"billing_configuration.{name}"
            for name in PARTS["billing_configuration"]
            if name not in CONFIGURATION
        ),
    ),
    (_SECTIONS, _SECTIONS),
)


def together(chosen: Collection[str], changed: Collection[str]) -> set[str]:
    """Return the chosen paths, and of the changed ones those that only make sense with them."""
    found = set(chosen)
    for leaders, group in _TOGETHER:
        if found & group and leaders & set(changed):
            found |= group & set(changed)
    return found


def _old_values(record: ChangeRecord, paths: Collection[str] | None) -> dict[str, Any]:
    """Return what to put back, by path."""
    chosen = set(record.changes if paths is None else paths)
    strange = chosen - record.changes.keys()
    if strange:
        raise Invalid({path: ["not_in_change"] for path in strange})
    chosen = together(chosen, record.changes.keys())
    return in_order({path: record.changes[path][0] for path in chosen})


def _reason(record: ChangeRecord, wanted: Collection[str], reason: str | None) -> str:
    what = f"Reverts change {record.id} ({', '.join(wanted)})"
    return f"{what}: {reason}" if reason else what


def _put_back(
    record: ChangeRecord, wanted: dict[str, Any], actor: Actor, force: Collection[str]
) -> Outcome:
    """Write the old values if nobody has changed them since, and see that they are there.

    :raises Stale: if somebody changes the customer meanwhile.
    """
    _, now = customer_at(record.organization_id, record.object_id)
    if now.is_deleted:
        raise NotFound("customer")
    differing = [path for path, old in wanted.items() if not is_same(now.values[path], old)]
    _refuse_changed_since(record, [path for path in differing if path not in force])
    change = CustomerChange.read(body_of(now.external_id, wanted))
    outcome = write_customer(record.organization_id, change, actor, Precondition((now.tag,)))
    _check(record, wanted, outcome, force)
    return outcome


def _refuse_changed_since(record: ChangeRecord, paths: list[str]) -> None:
    latest = _changed_since(record, paths)
    if latest:
        raise ChangedSince(latest)


def _changed_since(record: ChangeRecord, paths: list[str]) -> dict[str, Entry]:
    """Return the paths that later changes touched, each with the latest of them."""
    later = records_of(record.organization_id, record.object_id).filter(
        id__gt=record.id, changes__has_any_keys=paths
    )
    return {
        path: Entry.of(one) for one in later.order_by("id") for path in paths if path in one.changes
    }


def _check(
    record: ChangeRecord, wanted: dict[str, Any], outcome: Outcome, force: Collection[str]
) -> None:
    """See that the writer did what was wanted and nothing else: it leaves out some of what is gone.

    :raises Invalid: if not.
    """
    _, now = customer_at(record.organization_id, record.object_id)
    problems = {
        path: ["cannot_be_put_back"]
        for path, old in wanted.items()
        if not is_same(now.values[path], old)
    }
    others = outcome.diff.keys() - wanted.keys() - set(force)
    problems |= {path: ["would_change_too"] for path in others}
    if problems:
        raise Invalid(problems)


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values of one path mean the same."""
    return bool(_comparable(one) == _comparable(other))


def _comparable(value: Any) -> Any:
    """Return lists without order and ids: an entry that comes back is new, and stands last."""
    if not isinstance(value, list):
        return value
    return sorted(
        orjson.dumps(
            {name: part for name, part in one.items() if name != "lago_id"}
            if isinstance(one, dict)
            else one,
            option=orjson.OPT_SORT_KEYS,
        )
        for one in value
    )


def body_of(external_id: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the wire's body that puts the values at their paths."""
    wish: dict[str, Any] = {"external_id": external_id}
    for path, value in wanted.items():
        top, _, part = path.partition(".")
        if part:
            wish.setdefault(top, {})[part] = value
        elif top == "metadata":
            wish[top] = [entry | {"id": entry["lago_id"]} for entry in value]
        elif top == "integration_customers":
            wish[top] = [_link(entry) for entry in value]
        else:
            wish[top] = value
    if wish.get("skip_invoice_custom_sections"):
        # Skipping empties the choice; the two are refused together.
        wish.pop("invoice_custom_section_codes", None)
    return wish


def _link(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the item that asks for this link to an integration."""
    item = entry | {"id": entry["lago_id"]}
    if item["sync_with_provider"] != (item["integration_type"] == "salesforce"):
        # An id that is sent settles whether to sync; one that is not sent stays.
        del item["external_customer_id"]
    return item
