"""Every change of an organization, of customers and of what it is set up with."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from billing.events.history import find_changes
from billing.events.models import ChangeRecord
from billing.staff.numbers import whole_number
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.sentences import in_words
from customers.admin.entries import fields_of_customers, summary
from customers.history import in_order
from customers.models import Customer
from customers.trail import (
    DOORS,
    KINDS,
    Trail,
    field_name,
    names_among,
    object_name,
    objects_among,
    people,
    verb,
)
from customers.words import Difference, difference


class Line(NamedTuple):
    """One change as it is shown.

    :param link: where its object is; "" if it is gone.
    """

    record: ChangeRecord
    day: date
    door: str
    verb: str
    kind: str
    name: str
    link: str
    summary: str
    differences: list[Difference]


class HistoryPage(StaffPage):
    """Who changed what, when, through which door."""

    ability = Ability.HISTORY
    title = gettext_lazy("History")
    section = "history"
    template_name = "admin/history/list.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of it."""
        tenant = self.workplace.organization.pk
        trail = Trail.read(tenant, request.GET)
        asked, problems = trail.asked()
        before = whole_number(request.GET.get("before", ""))
        found = find_changes(tenant, asked, before)
        older = urlencode({**trail.sent, "before": found.before}) if found.before else ""
        return self.render(
            lines=told(tenant, found.records),
            older=older,
            newest=urlencode(trail.sent) if before else None,
            is_partial=found.is_partial,
            is_narrowed=bool(trail.sent),
            chosen=trail.sent,
            querystring=urlencode(trail.sent),
            problems=problems,
            actors=self._people(trail.sent.get("who"), found.records),
            doors=DOORS,
            fields=_fields(),
            kinds=[(name, kind.label) for name, kind in KINDS.items()],
        )

    def _people(self, who: str | None, records: Sequence[ChangeRecord]) -> dict[str, str]:
        """Return whom one can ask for: the staff, the keys, and who is on the page."""
        found = {one.actor_id or one.actor_name: one.actor_name for one in records}
        found |= people(self.workplace.organization.pk)
        if who:
            found.setdefault(who, who)
        return dict(sorted(found.items(), key=lambda one: one[1].casefold()))


# What the set-up has and customers have not, and people ask for.
_SETUP_FIELDS = ("code", "description", "permissions", "rate", "role")


def _fields() -> list[tuple[str, str]]:
    """Return what the history can be narrowed to, by the names of the fields."""
    return sorted(
        [*fields_of_customers(None), *((path, in_words(path)) for path in _SETUP_FIELDS)],
        key=lambda one: one[1].casefold(),
    )


def told(organization_id: UUID, records: Sequence[ChangeRecord]) -> list[Line]:
    """Return the changes in words; names are read in one query for each kind of object."""
    names = names_among(organization_id, records)
    objects = objects_among(organization_id, records)
    return [_line(record, names, objects) for record in records]


def _line(record: ChangeRecord, names: Any, objects: Mapping[UUID, Model]) -> Line:
    kind, row = KINDS.get(record.resource), objects.get(record.object_id)
    differences = [
        _told(path, old, new, names) for path, (old, new) in in_order(record.changes).items()
    ]
    gone = getattr(row, "deleted_at", None) is not None and not isinstance(row, Customer)
    link = ""
    if row is not None and not gone:
        screen = f"{row._meta.app_label}_{row._meta.model_name}"
        link = reverse(f"admin:{screen}_change", args=[row.pk])
    return Line(
        record,
        timezone.localtime(record.at).date(),
        str(DOORS.get(record.door, record.door)),
        verb(record),
        str(kind.label) if kind else record.resource,
        object_name(record, row),
        link,
        summary(record.action, differences),
        differences,
    )


def _told(path: str, old: Any, new: Any, names: Any) -> Difference:
    return difference(path, old, new, names)._replace(label=field_name(path))


PAGES = (("history/", HistoryPage, "history"),)
