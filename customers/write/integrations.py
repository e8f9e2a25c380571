"""Links to integrations (contract: customers.md 2.10): an item is matched by id, else by type;
links that no item matches go. A partner's list is checked and then ignored.
"""

from typing import Any

from billing.ids import ordered_text
from billing.models import Integration
from customers.models import Customer
from customers.write.case import Case
from customers.write.identity import free_id

_KEYS = (
    "lago_id",
    "integration_type",
    "integration_code",
    "external_customer_id",
    "sync_with_provider",
    "subsidiary_id",
    "targeted_object",
)
_TYPE = Integration.Type

Link = dict[str, Any]


def decide_integrations(case: Case) -> None:
    """Decide which links stay, come and go."""
    old = [_stored(shown) for shown in case.form["integration_customers"]]
    if "remote_ids" in case.sent:
        _take_remote_ids(case, old)
        return
    by_type = {link["integration_type"]: link for link in old}
    by_id = {link["lago_id"]: link["integration_type"] for link in old}
    kinds, wanted = [], []
    for place, item in enumerate(case.sent["integrations"]):
        kind = item.get("integration_type") or by_id.get(item.get("id"))
        link = by_type.get(kind, {})
        kinds.append(kind)
        candidates = _candidates(case, item, kind, link)
        if kind is not None and len(candidates) != 1:
            case.problems.add("integration_customers", "integration_not_found")
        elif kind is not None and _is_link(item, link):
            [(code, connection)] = candidates.items()
            wanted.append((_wanted(case, item, kind, link, code, place), connection))
    _judge(case, kinds)
    if not _is_partner(case):
        _compare(case, old, wanted)


def _take_remote_ids(case: Case, old: list[Link]) -> None:
    """Write what integrations call the customer on the links that wait for it."""
    if case.stored is None:
        return
    connections, given = case.stored["connections"], case.sent["remote_ids"]
    wanted = [
        link | {"external_customer_id": link["external_customer_id"] or given.get(link["lago_id"])}
        for link in old
    ]
    _compare(case, old, [(link, connections[link["lago_id"]]) for link in wanted])


def _stored(shown: Link) -> Link:
    """Return a link as change records have it."""
    return {key: shown.get(key) for key in _KEYS} | {"integration_type": shown["type"]}


def _candidates(case: Case, item: Link, kind: str | None, link: Link) -> dict[str, str]:
    """Return the connections that an item can mean, codes to ids."""
    known, code = case.looked.integrations.get(kind or "", {}), item.get("integration_code")
    if code is not None:
        return {code: known[code]} if code in known else {}
    if case.stored and link:
        return {link["integration_code"]: case.stored["connections"][link["lago_id"]]}
    return known


def _is_link(item: Link, link: Link) -> bool:
    """Return whether an item makes or keeps a link; one that asks for nothing is ignored."""
    return bool(
        link or item.get("external_customer_id") is not None or item.get("sync_with_provider")
    )


def _wanted(case: Case, item: Link, kind: str, link: Link, code: str, place: int) -> Link:
    remote = item.get("external_customer_id")
    if remote is not None:
        # Whoever names a contact made it; one that another system made is kept up all the same.
        was_made_elsewhere = "identity" in case.sent and item.get("sync_with_provider")
        sync = bool(kind == _TYPE.SALESFORCE or was_made_elsewhere)
    else:
        sync = bool(item.get("sync_with_provider", link.get("sync_with_provider")))
        remote = link.get("external_customer_id") if link.get("integration_code") == code else None
    subsidiary, target = (
        item.get(key, link.get(key)) if kind == own else None
        for key, own in (("subsidiary_id", _TYPE.NETSUITE), ("targeted_object", _TYPE.HUBSPOT))
    )
    return {
        "lago_id": (link.get("lago_id") or free_id(case, item.get("id")) or ordered_text(place)),
        "integration_type": kind,
        "integration_code": code,
        "external_customer_id": remote,
        "sync_with_provider": sync,
        "subsidiary_id": subsidiary,
        "targeted_object": target,
    }


def _judge(case: Case, kinds: list[str | None]) -> None:
    if None in kinds:
        case.problems.add("integration_type", "value_is_mandatory")
    # Both compute taxes: only one of the two.
    known = [_TYPE.ANROK if kind == _TYPE.AVALARA else kind for kind in kinds if kind is not None]
    if len(known) > len(set(known)):
        case.problems.add("integration_customers", "invalid_count_per_integration_type")


def _is_partner(case: Case) -> bool:
    kind = case.sent["fields"].get("account_type") or case.form.get("account_type")
    return bool(kind == Customer.AccountType.PARTNER)


def _compare(case: Case, old: list[Link], wanted: list[tuple[Link, str]]) -> None:
    ranks = {link["lago_id"]: rank for rank, link in enumerate(old)}
    wanted.sort(key=lambda pair: ranks.get(pair[0]["lago_id"], len(ranks)))
    if not case.compare("integration_customers", old, [link for link, _ in wanted]):
        return
    put = [link | {"connection": connection} for link, connection in wanted if link not in old]
    if put:
        case.rows["put_integrations"] = put
    gone = ranks.keys() - {link["lago_id"] for link, _ in wanted}
    if gone:
        case.rows["remove_integrations"] = [{"ids": sorted(gone)}]
