"""Entries of a timeline in the words of the trade."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.events.models import ChangeRecord
from customers.history import PATHS, Entry
from customers.trail import DOORS
from customers.words import Difference, difference, label, read_names

_ICONS = {
    "api": "code",
    "staff": "person",
    "import": "upload_file",
    "setup": "settings",
    "provider": "sync_alt",
    "system": "memory",
}
_SHORT = 3
_VERBS: dict[tuple[str, str], str | Promise] = {
    ("customer", "created"): gettext_lazy("created the customer"),
    ("customer", "updated"): gettext_lazy("changed"),
    ("customer", "deleted"): gettext_lazy("deleted the customer"),
    ("customer", "restored"): gettext_lazy("restored the customer"),
    ("portal_link", "created"): gettext_lazy("made a link to the customer's own page"),
    ("portal_link", "deleted"): gettext_lazy("ended all links to the customer's own page"),
}


class Told(NamedTuple):
    """An entry as it is shown.

    :param summary: what was changed, in a line.
    """

    entry: Entry
    day: date
    icon: str
    door: str
    verb: str
    summary: str
    differences: list[Difference]
    can_be_reverted: bool


def told(organization_id: UUID, entries: Sequence[Entry], country: str | None) -> list[Told]:
    """Return the entries in words; what codes stand for is read in one query for all."""
    values = [
        (change.path, value)
        for entry in entries
        for change in entry.changes
        for value in (change.old, change.new)
    ]
    names = read_names(organization_id, values)
    return [
        _told(
            entry, [difference(one.path, one.old, one.new, names, country) for one in entry.changes]
        )
        for entry in entries
    ]


def _told(entry: Entry, differences: list[Difference]) -> Told:
    return Told(
        entry,
        timezone.localtime(entry.at).date(),
        _ICONS.get(entry.door, "edit"),
        str(DOORS.get(entry.door, entry.door)),
        _verb(entry),
        summary(entry.action, differences),
        differences,
        entry.action == ChangeRecord.Action.UPDATED and bool(differences),
    )


def _verb(entry: Entry) -> str:
    words = _VERBS.get((entry.resource, entry.action))
    return str(words) if words else entry.action


def summary(action: str, differences: Sequence[Difference]) -> str:
    """Return in a line what an update changed, "" for what is no update."""
    if action != ChangeRecord.Action.UPDATED:
        return ""
    names = list(dict.fromkeys(one.label for one in differences))
    if len(names) <= _SHORT:
        return ", ".join(names)
    return _("%(names)s and %(count)d more") % {
        "names": ", ".join(names[:_SHORT]),
        "count": len(names) - _SHORT,
    }


def fields_of_customers(country: str | None) -> list[tuple[str, str]]:
    """Return what changes of customers can be narrowed to: paths, and the names of the fields."""
    groups = [("shipping_address", str(_("Shipping address")))]
    single = [(path, label(path, country)) for path in PATHS if not path.startswith("shipping_")]
    return sorted([*groups, *single], key=lambda one: one[1].casefold())
