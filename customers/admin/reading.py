"""What all pages about one customer share: which customer it is, its head, its tabs."""

from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.models import Organization
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.site import switch_to
from billing.staff.workplace import workplace
from customers.admin.portrait import Portrait
from customers.history import CustomerThen, customer_as_of, customer_now
from customers.listing import neighbors
from customers.models import Customer
from customers.portal.judge import waiting_of
from customers.readiness import missing_fields, readiness_sentence
from customers.search import CustomerQuery

TABS: dict[str, tuple[str, str | Promise]] = {
    "overview": ("admin:customers_customer_change", _("Overview")),
    "terms": ("admin:customer_terms", _("Terms and tax")),
    "addresses": ("admin:customer_addresses", _("Addresses")),
    "connections": ("admin:customer_connections", _("Connections")),
    "timeline": ("admin:customer_timeline", _("Timeline")),
    "api": ("admin:customer_api", _("API")),
}
# What an address of a page hands on to the other tabs.
LIST = "list"
MOMENT = "at"


class CustomerPage(StaffPage):
    """A page about one customer, deleted or not.

    A customer of another of the person's organizations is a switch to that one.
    """

    ability: ClassVar[Ability] = Ability.READ
    title = _("Customer")
    section = "customers"
    tab: ClassVar[str] = "overview"

    customer: Customer
    now: CustomerThen

    def setup(self, request: HttpRequest, *args: Any, **values: Any) -> None:
        """Keep what the address says about where the reader comes from."""
        super().setup(request, *args, **values)
        self.list_query = request.GET.get(LIST, "")

    def find(self, customer_id: UUID) -> None:
        """Take up the customer of this id.

        :raises Http404: if none of the person's organizations has it.
        """
        customer = Customer.objects.select_related("billing_entity").filter(
            organization=self.workplace.organization, pk=customer_id
        )
        found = customer.first() or self._find_elsewhere(customer_id)
        if found is None:
            raise Http404
        self.customer = found
        self.now = customer_now(found.organization_id, found.pk)

    def _find_elsewhere(self, customer_id: UUID) -> Customer | None:
        others: list[Organization] = self.workplace.others
        customers = Customer.objects.select_related("billing_entity")
        found = customers.filter(organization__in=others, pk=customer_id).first()
        if found is not None:
            switch_to(self.request, found.organization)
            self.workplace = workplace(self.request)
            self.workplace.require(self.ability)
        return found

    def link(self, name: str, *args: Any, **query: Any) -> str:
        """Return the address of another page of this customer, back to the same list."""
        # The whole list has an empty query, and is a list to walk through all the same.
        kept = {LIST: self.list_query} if LIST in self.request.GET else {}
        text = urlencode(kept | {key: value for key, value in query.items() if value})
        return reverse(name, args=[self.customer.pk, *args]) + (f"?{text}" if text else "")

    def show(self, status: int = 200, **context: Any) -> TemplateResponse:
        """Return the page within the frame and the customer's head."""
        return self.render(status, **self._head(), **context)

    def _head(self) -> dict[str, Any]:
        missing = missing_fields(self.now.values)
        return {
            "title": str(self.customer),
            "customer": self.customer,
            "version_tag": self.now.tag,
            "missing": missing,
            "readiness": readiness_sentence(missing, self.now.values["country"]),
            "proposal": waiting_of(self.customer.organization_id, self.customer.pk),
            "tabs": self._tabs(),
            "back": f"{reverse('admin:customers_customer_changelist')}?{self._list().urlencode()}",
            "list_query": self.list_query,
            **self._neighbors(),
            "links": {
                "edit": self._place("edit"),
                "restore": self.link("admin:customer_restore"),
                "delete": self.link("admin:customers_customer_delete"),
                "timeline": self.link("admin:customer_timeline"),
                "portal": self.link("admin:customer_portal"),
            },
        }

    def _place(self, last: str) -> str:
        """Return the address of a page that stands beside ours."""
        base = reverse("admin:customers_customer_change", args=[self.customer.pk])
        query = f"?{urlencode({LIST: self.list_query})}" if LIST in self.request.GET else ""
        return base.removesuffix("change/") + f"{last}/{query}"

    def _list(self) -> QueryDict:
        return QueryDict(self.list_query)

    def _neighbors(self) -> dict[str, str]:
        """Return the same tab of who stands before and after in the list the reader came from."""
        if LIST not in self.request.GET:
            return {}
        query = CustomerQuery.read(self.customer.organization_id, self._list())
        found = zip(("previous_link", "next_link"), neighbors(query, self.customer), strict=True)
        text = urlencode({LIST: self.list_query})
        return {
            name: f"{reverse(TABS[self.tab][0], args=[pk])}?{text}"
            for name, pk in found
            if pk is not None
        }

    def _tabs(self) -> list[dict[str, Any]]:
        moment = self.request.GET.get(MOMENT, "")
        return [
            {
                "label": label,
                "link": self.link(name, **({MOMENT: moment} if key in AS_OF_TABS else {})),
                "is_open": key == self.tab,
            }
            for key, (name, label) in TABS.items()
        ]


# The tabs that can show another day than today.
AS_OF_TABS = frozenset({"overview", "terms", "addresses", "connections"})


class PortraitPage(CustomerPage):
    """A tab that shows the customer's values, of today or as of a moment."""

    def portrait(self) -> tuple[Portrait | None, dict[str, Any]]:
        """Return the values to show, and what the page says about the moment.

        There are no values before the customer was made.
        """
        asked = self.request.GET.get(MOMENT, "")
        moment = _read_moment(asked)
        context: dict[str, Any] = {"asked": asked, "moment": moment, "can_go_back": True}
        if moment is None:
            context["is_unreadable"] = bool(asked)
            return Portrait.of(self.customer.organization_id, self.now.values), context
        then = customer_as_of(self.customer.organization_id, self.customer.pk, moment)
        if then is None:
            return None, context
        portrait = Portrait.of(self.customer.organization_id, then.values, self.now.values)
        return portrait, context | {"then": then, "differing": portrait.differing()}


def _read_moment(text: str) -> datetime | None:
    """Return the moment an address names; without an offset it is the reader's time."""
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    if found is None or found.year in (1, 9999):
        return None
    return found.astimezone(UTC) if found.tzinfo else timezone.make_aware(found)
