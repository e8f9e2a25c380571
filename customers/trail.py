"""Changes of all that an organization has, narrowed as staff narrow them, in words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Model
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from billing.events.history import Asked, find_changes
from billing.events.models import ChangeRecord, WebhookEndpoint
from billing.models import (
    ApiKey,
    BillingEntity,
    Integration,
    InvoiceCustomSection,
    Membership,
    Organization,
    PaymentProvider,
    Tax,
)
from billing.staff.sentences import in_words
from customers.history import in_order, paths_of
from customers.models import Customer
from customers.words import Names, label, read_names, shown

Words = str | Promise


class Kind(NamedTuple):
    """What a change can be about."""

    label: Words
    model: type[Model] | None


KINDS: Mapping[str, Kind] = {
    "customer": Kind(gettext_lazy("Customer"), Customer),
    "portal_link": Kind(gettext_lazy("Customer's own page"), Customer),
    "tax": Kind(gettext_lazy("Tax"), Tax),
    "billing_entity": Kind(gettext_lazy("Billing entity"), BillingEntity),
    "invoice_custom_section": Kind(gettext_lazy("Invoice section"), InvoiceCustomSection),
    "payment_provider": Kind(gettext_lazy("Payment provider"), PaymentProvider),
    "integration": Kind(gettext_lazy("Integration"), Integration),
    "webhook_endpoint": Kind(gettext_lazy("Webhook endpoint"), WebhookEndpoint),
    "api_key": Kind(gettext_lazy("API key"), ApiKey),
    "organization": Kind(gettext_lazy("Organization"), Organization),
    "member": Kind(gettext_lazy("Staff"), None),
}
DOORS: dict[str, Words] = {
    "api": gettext_lazy("API"),
    "staff": gettext_lazy("Back office"),
    "import": gettext_lazy("Import"),
    "setup": gettext_lazy("Set-up"),
    "provider": gettext_lazy("Provider"),
    "system": gettext_lazy("System"),
}
_VERBS: Mapping[str, Words] = {
    "created": gettext_lazy("created"),
    "updated": gettext_lazy("changed"),
    "deleted": gettext_lazy("deleted"),
    "restored": gettext_lazy("restored"),
}
# Where what was done is not done to the object that the record names.
_VERBS_ABOUT: Mapping[tuple[str, str], Words] = {
    ("portal_link", "created"): gettext_lazy("made a link to the page of"),
    ("portal_link", "deleted"): gettext_lazy("ended all links to the page of"),
}
# What it can be narrowed by, and what that is called.
FILTERS: Mapping[str, Words] = {
    "who": gettext_lazy("Who"),
    "door": gettext_lazy("Through"),
    "resource": gettext_lazy("Of what"),
    "field": gettext_lazy("Field"),
    "object_id": gettext_lazy("One object only"),
    "batch": gettext_lazy("One bulk change only"),
    "since": pgettext_lazy("date", "From"),
    "until": pgettext_lazy("date", "To"),
}
_ZONE = "zone"
_RECORDS_AT_ONCE = 1_000

# The columns of a file of changes; a row for each field that a change changed.
HEADINGS: Sequence[Words] = (
    gettext_lazy("Time (UTC)"),
    gettext_lazy("Of what"),
    gettext_lazy("External id or code"),
    gettext_lazy("Name"),
    gettext_lazy("What was done"),
    gettext_lazy("Who"),
    gettext_lazy("Through"),
    gettext_lazy("Field"),
    gettext_lazy("Old"),
    gettext_lazy("New"),
    gettext_lazy("Reason"),
)
_NO_FIELD = ("", "", "")


# --- What is asked for -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trail:
    """Changes of one organization.

    :param sent: names of FILTERS to what was asked for, as text.
    :param zone: the time zone whose days are meant.
    """

    organization_id: UUID
    sent: Mapping[str, str]
    zone: str

    @classmethod
    def read(cls, organization_id: UUID, query: Mapping[str, str]) -> Self:
        """Return what a query string asks for now, in the time zone of who asks."""
        texts = {name: query.get(name, "").replace("\0", "") for name in FILTERS}
        sent = {name: text for name, text in texts.items() if text}
        return cls(organization_id, sent, timezone.get_current_timezone_name())

    @classmethod
    def parse(cls, organization_id: UUID, address: str) -> Self:
        """Return what was asked for when `querystring` was kept, its time zone too."""
        query = dict(parse_qsl(address, errors="replace"))
        with timezone.override(ZoneInfo(query[_ZONE])):
            return cls.read(organization_id, query)

    def querystring(self) -> str:
        """Return all of it as `parse` understands it."""
        return urlencode({**self.sent, _ZONE: self.zone})

    def asked(self) -> tuple[Asked, list[str]]:
        """Return the question, and sentences about what can't be read and was left out."""
        problems: list[str] = []
        sent = self.sent.get
        since, until = (self._day(sent(name, ""), problems) for name in ("since", "until"))
        door, resource, field = sent("door", ""), sent("resource", ""), sent("field", "")
        asked = Asked(
            who=sent("who"),
            door=door if door in DOORS else None,
            resource=resource if resource in KINDS else None,
            object_id=_uuid(sent("object_id", ""), problems),
            batch_id=_uuid(sent("batch", ""), problems),
            since=self._begin(since) if since else None,
            until=self._begin(until + timedelta(days=1)) if until else None,
            paths=paths_of(field) if field else (),
        )
        return asked, problems

    def describe(self) -> list[str]:
        """Return what it is narrowed by, in words."""
        told = [(str(FILTERS[name]), self._words(name, text)) for name, text in self.sent.items()]
        return [f"{name}: {words}" if words else name for name, words in told]

    def _words(self, name: str, text: str) -> str:
        if name == "who":
            return people(self.organization_id).get(text, text)
        if name == "door":
            return str(DOORS.get(text, text))
        if name == "resource":
            return str(KINDS[text].label) if text in KINDS else text
        if name == "field":
            return field_name(text)
        return "" if name in ("object_id", "batch") else text

    def _day(self, text: str, problems: list[str]) -> date | None:
        try:
            day = parse_date(text) if text else None
        except ValueError:
            day = None
        # The day after it has to exist, too.
        if day is not None and date.min < day < date.max - timedelta(days=1):
            return day
        if text:
            words = _("“%(text)s” is not a day. Use 2026-03-31.")
            problems.append(words % {"text": text[:40]})
        return None

    def _begin(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(self.zone))


def _uuid(text: str, problems: list[str]) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        problems.append(_("“%(text)s” is not an id.") % {"text": text[:40]})
        return None


def people(organization_id: UUID) -> dict[str, str]:
    """Return the staff and the keys, by what `who` asks for them."""
    members = Membership.objects.filter(organization=organization_id).select_related("user")
    found = {
        str(one.user_id): one.user.get_full_name() or one.user.get_username() for one in members
    }
    keys = ApiKey.objects.filter(organization=organization_id)
    for pk, name, end in keys.values_list("pk", "name", "last_four"):
        found[str(pk)] = name or f"API key ...{end}"
    return found


# --- In words ----------------------------------------------------------------------------------


def verb(record: ChangeRecord) -> str:
    """Return what was done."""
    words = _VERBS_ABOUT.get((record.resource, record.action)) or _VERBS.get(record.action)
    return str(words or record.action)


def field_name(path: str) -> str:
    """Return what a field is called, of customers or of what an organization is set up with."""
    words = label(path)
    return in_words(path) if words == path else words


def object_name(record: ChangeRecord, row: Model | None) -> str:
    """Return what the object is called; if it is gone, what its own change says."""
    if row is not None:
        return str(row)
    for path in ("name", "email", "code"):
        old, new = record.changes.get(path) or (None, None)
        if new or old:
            return str(new or old)
    return str(record.object_id)[:8]


def names_among(organization_id: UUID, records: Iterable[ChangeRecord]) -> Names:
    """Return what the codes in these changes stand for, in one query."""
    values = [
        (path, value)
        for record in records
        if record.resource in ("customer", "billing_entity")
        for path, pair in record.changes.items()
        for value in pair
    ]
    return read_names(organization_id, values)


def objects_among(organization_id: UUID, records: Iterable[ChangeRecord]) -> dict[UUID, Model]:
    """Return what is still there of what the changes are about, in a query for each kind."""
    wanted: dict[str, set[UUID]] = {}
    for record in records:
        wanted.setdefault(record.resource, set()).add(record.object_id)
    found: dict[UUID, Model] = {}
    for resource, ids in wanted.items():
        kind = KINDS.get(resource)
        if kind is None or kind.model is None:
            continue
        tenant = "id" if kind.model is Organization else "organization_id"
        rows = kind.model._default_manager.filter(**{"pk__in": ids, tenant: organization_id})
        found |= {row.pk: row for row in rows}
    return found


# --- As rows of a file -------------------------------------------------------------------------


def rows(trail: Trail) -> Iterator[Sequence[Any]]:
    """Return the cells under HEADINGS, newest first, holding a page of changes at a time.

    Where one field was asked for, what else the same change changed is left out.
    """
    asked, _problems = trail.asked()
    before = None
    while True:
        found = find_changes(trail.organization_id, asked, before, _RECORDS_AT_ONCE)
        names = names_among(trail.organization_id, found.records)
        objects = objects_among(trail.organization_id, found.records)
        for record in found.records:
            head, reason = _head(record, objects.get(record.object_id)), record.reason or ""
            for field in _fields(record, asked.paths, names):
                yield (*head, *field, reason)
        if found.before is None:
            return
        before = found.before


def _head(record: ChangeRecord, row: Model | None) -> Sequence[str]:
    kind = KINDS.get(record.resource)
    return (
        record.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        str(kind.label) if kind else record.resource,
        getattr(row, "external_id", None) or getattr(row, "code", None) or "",
        object_name(record, row),
        verb(record),
        record.actor_name,
        str(DOORS.get(record.door, record.door)),
    )


def _fields(record: ChangeRecord, paths: Sequence[str], names: Names) -> Sequence[Sequence[str]]:
    """Return name, old and new of each field; of a change without any, one that says nothing."""
    found: list[Sequence[str]] = [
        (field_name(path), *("; ".join(shown(path, value, names)) for value in pair))
        for path, pair in in_order(record.changes).items()
        if not paths or path in paths
    ]
    return found or [_NO_FIELD]
