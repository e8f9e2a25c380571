"""Home: what waits, and where to take it up."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy

from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from customers.admin.list import LIST
from customers.listing import Amount
from customers.models import Customer
from customers.queues import QUEUES, Queue, Waiting, check_queues


class HomePage(StaffPage):
    """The queues of the organization."""

    ability = Ability.READ
    title = gettext_lazy("Home")
    template_name = "admin/customers/home.html"
    section = "home"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show what was found in the last minute."""
        place = self.workplace.organization.pk
        checked = check_queues(place)
        found = {one.key: one for one in checked.waiting}
        shown = [_shown(queue, found[queue.key]) for queue in QUEUES if queue.key in found]
        if self.workplace.may(Ability.HISTORY):
            shown.append(_refused_rows(checked.refused_rows))
        return self.render(
            queues=shown,
            work=[one for one in shown if one["waits"] and one["key"] != "today"],
            checked_at=checked.at,
            none_yet=not Customer.objects.filter(organization=place).exists(),
        )


def _refused_rows(found: Waiting) -> dict[str, Any]:
    return {
        "key": found.key,
        "label": gettext_lazy("Failed import rows"),
        "icon": "upload_file",
        "number": _number(found.amount),
        "waits": found.amount.number > 0,
        "oldest": found.oldest,
        "link": f"{reverse('admin:customers_imports')}?refused",
    }


def _shown(queue: Queue, found: Waiting) -> dict[str, Any]:
    address = urlencode([("view", "all"), *_pairs(queue)])
    return {
        "key": queue.key,
        "label": queue.label,
        "icon": queue.icon,
        "number": _number(found.amount),
        "waits": found.amount.number > 0,
        "oldest": found.oldest,
        "link": f"{reverse(LIST)}?{address}",
    }


def _pairs(queue: Queue) -> list[tuple[str, str]]:
    return [(name, value) for name, values in queue.filters.items() for value in values]


def _number(amount: Amount) -> str:
    """Return the count, short."""
    if amount.precision == "exact":
        return f"{amount.number:,}"
    if amount.precision == "more":
        return f"{amount.number:,}+"
    return f"~{amount.number:,}"


PAGES = (("", HomePage, "index"),)
