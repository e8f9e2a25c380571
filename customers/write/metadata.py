"""Metadata (contract: customers.md 2.8): an item is matched by id, else by key among the entries
that no item claims by id; what no item matches goes.
"""

from typing import Any

from billing.ids import ordered_text
from customers.models import METADATA_MAX
from customers.write.case import Case
from customers.write.identity import free_id

_KEYS = ("lago_id", "key", "value", "display_in_invoice")

Entry = dict[str, Any]


def decide_metadata(case: Case) -> None:
    """Decide which entries stay, come and go."""
    stored = {entry["lago_id"]: entry for entry in case.form["metadata"]}
    items = case.sent["metadata"]
    if "gone_metadata" in case.sent:
        items = _laid_over(case, items)
    claimed = [item["id"] for item in items if item.get("id") in stored]
    free = {entry["key"]: entry for one, entry in stored.items() if one not in claimed}
    wanted = [_wanted(case, item, stored, free, place) for place, item in enumerate(items)]
    _judge(case, wanted, claimed)
    _compare(case, [{key: entry[key] for key in _KEYS} for entry in stored.values()], wanted)


def _laid_over(case: Case, items: list[Entry]) -> list[Entry]:
    """Return all entries that are wanted where the wish names only some."""
    entries = {
        entry["key"]: {"id": entry["lago_id"], **{key: entry[key] for key in _KEYS[1:]}}
        for entry in case.form["metadata"]
        if entry["key"] not in case.sent["gone_metadata"]
    }
    for item in items:
        entries[item["key"]] = entries.get(item["key"], {}) | item
    if len(entries) > METADATA_MAX:
        case.problems.add("metadata", "invalid_count")
    return list(entries.values())


def _wanted(
    case: Case, item: Entry, stored: dict[str, Entry], free: dict[str, Entry], place: int
) -> Entry:
    claimed = stored.get(item.get("id") or "", {})
    matched = claimed or free.get(item.get("key") or "", {})
    return {
        "lago_id": (matched.get("lago_id") or free_id(case, item.get("id")) or ordered_text(place)),
        "key": item.get("key", claimed.get("key")),
        "value": item.get("value", claimed.get("value")),
        "display_in_invoice": item.get("display_in_invoice", False),
    }


def _judge(case: Case, wanted: list[Entry], claimed: list[str]) -> None:
    keys, values = [entry["key"] for entry in wanted], [entry["value"] for entry in wanted]
    if _has_doubles(claimed):
        case.problems.add("id", "value_already_exist")
    if None in keys:
        case.problems.add("key", "value_is_mandatory")
    if None in values:
        case.problems.add("value", "value_is_mandatory")
    if _has_doubles([key for key in keys if key is not None]):
        case.problems.add("key", "value_already_exist")


def _has_doubles(values: list[str]) -> bool:
    return len(values) > len(set(values))


def _compare(case: Case, old: list[Entry], wanted: list[Entry]) -> None:
    ranks = {entry["lago_id"]: rank for rank, entry in enumerate(old)}
    new = sorted(wanted, key=lambda entry: ranks.get(entry["lago_id"], len(ranks)))
    if not case.compare("metadata", old, new):
        return
    put = [entry for entry in new if entry not in old]
    if put:
        times = case.sent.get("identity", {}).get("parts", {})
        case.rows["put_metadata"] = [
            entry | {"created_at": times.get(entry["lago_id"])} for entry in put
        ]
    gone = ranks.keys() - {entry["lago_id"] for entry in new}
    if gone:
        case.rows["remove_metadata"] = [{"ids": sorted(gone)}]
