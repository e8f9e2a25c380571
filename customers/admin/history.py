"""Every change of an organization, of customers and of what it is set up with."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

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
from billing.staff.forms import Words
from billing.staff.numbers import whole_number
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.sentences import in_words
from customers.admin.entries import DOORS, fields_of_customers, summary
from customers.history import in_order, paths_of
from customers.models import Customer
from customers.words import Difference, difference, read_names


class Kind(NamedTuple):
    """What a change can be about."""

    label: Words
    model: type[Model] | None
    screen: str


KINDS: Mapping[str, Kind] = {
    "customer": Kind(gettext_lazy("Customer"), Customer, "customers_customer"),
    "portal_link": Kind(gettext_lazy("Customer's own page"), Customer, "customers_customer"),
    "tax": Kind(gettext_lazy("Tax"), Tax, "billing_tax"),
    "billing_entity": Kind(gettext_lazy("Billing entity"), BillingEntity, "billing_billingentity"),
    "invoice_custom_section": Kind(
        gettext_lazy("Invoice section"), InvoiceCustomSection, "billing_invoicecustomsection"
    ),
    "payment_provider": Kind(
        gettext_lazy("Payment provider"), PaymentProvider, "billing_paymentprovider"
    ),
    "integration": Kind(gettext_lazy("Integration"), Integration, "billing_integration"),
    "webhook_endpoint": Kind(
        gettext_lazy("Webhook endpoint"), WebhookEndpoint, "billing_webhookendpoint"
    ),
    "api_key": Kind(gettext_lazy("API key"), ApiKey, "billing_apikey"),
    "organization": Kind(gettext_lazy("Organization"), Organization, "billing_organization"),
    "member": Kind(gettext_lazy("Staff"), None, ""),
}
_VERBS = {
    "created": gettext_lazy("created"),
    "updated": gettext_lazy("changed"),
    "deleted": gettext_lazy("deleted"),
    "restored": gettext_lazy("restored"),
}
# Where what was done is not done to the object that the record names.
_VERBS_ABOUT = {
    ("portal_link", "created"): gettext_lazy("made a link to the page of"),
    ("portal_link", "deleted"): gettext_lazy("ended all links to the page of"),
}


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
        sent = {name: request.GET.get(name, "").replace("\0", "") for name in _FILTERS}
        asked, problems = _read(sent)
        before = whole_number(request.GET.get("before", ""))
        found = find_changes(tenant, asked, before)
        kept = {name: value for name, value in sent.items() if value}
        older = urlencode(kept | {"before": found.before}) if found.before else ""
        return self.render(
            lines=told(tenant, found.records),
            older=older,
            newest=urlencode(kept) if before else None,
            is_partial=found.is_partial,
            is_narrowed=bool(kept),
            chosen=sent,
            problems=problems,
            actors=self._people(sent["who"], found.records),
            doors=DOORS,
            fields=_fields(),
            kinds=[(name, kind.label) for name, kind in KINDS.items()],
        )

    def _people(self, who: str, records: Sequence[ChangeRecord]) -> dict[str, str]:
        """Return whom one can ask for: the staff, the keys, and who is on the page."""
        organization = self.workplace.organization
        found = {one.actor_id or one.actor_name: one.actor_name for one in records}
        for member in Membership.objects.filter(organization=organization).select_related("user"):
            found[str(member.user_id)] = member.user.get_full_name() or member.user.get_username()
        for pk, name, end in ApiKey.objects.filter(organization=organization).values_list(
            "pk", "name", "last_four"
        ):
            found[str(pk)] = name or f"API key ...{end}"
        if who:
            found.setdefault(who, who)
        return dict(sorted(found.items(), key=lambda one: one[1].casefold()))


# What the set-up has and customers have not, and people ask for.
_SETUP_FIELDS = ("code", "description", "permissions", "rate", "role")
_FILTERS = ("who", "door", "resource", "field", "object_id", "batch", "since", "until")


def _read(sent: Mapping[str, str]) -> tuple[Asked, list[str]]:
    """Return what was asked for, and sentences about what can't be read and was left out."""
    problems: list[str] = []
    since, until = (_day(sent[name], problems) for name in ("since", "until"))
    asked = Asked(
        who=sent["who"] or None,
        door=sent["door"] if sent["door"] in DOORS else None,
        resource=sent["resource"] if sent["resource"] in KINDS else None,
        object_id=_uuid(sent["object_id"], problems),
        batch_id=_uuid(sent["batch"], problems),
        since=since,
        until=until + timedelta(days=1) if until else None,
        paths=paths_of(sent["field"]) if sent["field"] else (),
    )
    return asked, problems


def _fields() -> list[tuple[str, str]]:
    """Return what the history can be narrowed to, by the names of the fields."""
    return sorted(
        [*fields_of_customers(None), *((path, in_words(path)) for path in _SETUP_FIELDS)],
        key=lambda one: one[1].casefold(),
    )


def _day(text: str, problems: list[str]) -> datetime | None:
    if not text:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    # The day after it has to exist, too.
    if day is None or not date.min < day < date.max - timedelta(days=1):
        problems.append(_("“%(text)s” is not a day. Use 2026-03-31.") % {"text": text[:40]})
        return None
    return timezone.make_aware(datetime.combine(day, time()))


def _uuid(text: str, problems: list[str]) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        problems.append(_("“%(text)s” is not an id.") % {"text": text[:40]})
        return None


def told(organization_id: UUID, records: Sequence[ChangeRecord]) -> list[Line]:
    """Return the changes in words; names are read in one query for each kind of object."""
    names = read_names(
        organization_id,
        [
            (path, value)
            for record in records
            if record.resource in ("customer", "billing_entity")
            for path, values in record.changes.items()
            for value in values
        ],
    )
    objects = _objects(organization_id, records)
    return [_line(record, names, objects) for record in records]


def _objects(organization_id: UUID, records: Iterable[ChangeRecord]) -> dict[UUID, Model]:
    """Return what is still there of what the changes are about."""
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


def _line(record: ChangeRecord, names: Any, objects: Mapping[UUID, Model]) -> Line:
    kind, row = KINDS.get(record.resource), objects.get(record.object_id)
    differences = [
        _told(path, old, new, names) for path, (old, new) in in_order(record.changes).items()
    ]
    gone = getattr(row, "deleted_at", None) is not None and not isinstance(row, Customer)
    link = ""
    if kind is not None and row is not None and not gone:
        link = reverse(f"admin:{kind.screen}_change", args=[row.pk])
    return Line(
        record,
        timezone.localtime(record.at).date(),
        str(DOORS.get(record.door, record.door)),
        _verb(record),
        str(kind.label) if kind else record.resource,
        _name(record, row),
        link,
        summary(record.action, differences),
        differences,
    )


def _verb(record: ChangeRecord) -> str:
    words = _VERBS_ABOUT.get((record.resource, record.action)) or _VERBS.get(record.action)
    return str(words or record.action)


def _told(path: str, old: Any, new: Any, names: Any) -> Difference:
    found = difference(path, old, new, names)
    return found._replace(label=in_words(path)) if found.label == path else found


def _name(record: ChangeRecord, row: Model | None) -> str:
    """Return what the object is called; if it is gone, what its own change says."""
    if row is not None:
        return str(row)
    for path in ("name", "email", "code"):
        old, new = record.changes.get(path) or (None, None)
        if new or old:
            return str(new or old)
    return str(record.object_id)[:8]


PAGES = (("history/", HistoryPage, "history"),)
