"""Home: what waits, and where to take it up."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from customers.admin.list import LIST
from customers.conditions import NONE
from customers.countries import country_name
from customers.listing import Amount
from customers.models import Customer
from customers.queues import Checked, Gap, Queue, Waiting, check_queues, queues
from customers.readiness import NEEDED_FIELDS, label
from customers.walking import HITS

# So many countries are shown; the list narrows to any other.
_COUNTRIES = 8


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
        shown = [
            _shown(queue, checked.waiting[queue.key])
            for queue in queues()
            if queue.key in checked.waiting
            and (self.workplace.may(Ability.HISTORY) or not queue.of_history)
        ]
        return self.render(
            queues=shown,
            work=[one for one in shown if one["waits"] and one["queue"].is_work],
            gaps=_gaps(checked),
            checked_at=checked.at,
            none_yet=not Customer.objects.filter(organization=place).exists(),
        )


def _shown(queue: Queue, found: Waiting) -> dict[str, Any]:
    query = f"?{queue.query}" if queue.query else ""
    return {
        "queue": queue,
        "number": _number(found.amount),
        "waits": found.amount.number > 0,
        "oldest": found.oldest,
        "link": f"{reverse(queue.address)}{query}",
    }


def _number(amount: Amount) -> str:
    """Return the count, short."""
    if amount.precision == "exact":
        return f"{amount.number:,}"
    if amount.precision == "more":
        return f"{amount.number:,}+"
    return f"~{amount.number:,}"


# --- What is missing, by country ---------------------------------------------------------------


def _gaps(checked: Checked) -> dict[str, Any] | None:
    """Return a table: a row for each of the first countries, a column for what is missing there."""
    if not checked.gaps:
        return None
    number = sum(gap.number for gap in checked.gaps)
    total = Gap(
        "", number, tuple(map(sum, zip(*(gap.fields for gap in checked.gaps), strict=True)))
    )
    columns = [place for place, lacking in enumerate(total.fields) if lacking]
    every = _gap(_("All countries"), total, (), columns)
    return {
        "columns": [_upper_first(label(NEEDED_FIELDS[place], None)) for place in columns],
        "rows": [every, *(_gap_of_country(gap, columns) for gap in checked.gaps[:_COUNTRIES])],
        "others": max(len(checked.gaps) - _COUNTRIES, 0),
        "newest": HITS if number >= HITS else None,
    }


def _gap_of_country(gap: Gap, columns: Sequence[int]) -> dict[str, Any]:
    name = country_name(gap.country) if gap.country else _("No country")
    return _gap(name, gap, [("country", gap.country or NONE)], columns)


def _gap(
    name: str, gap: Gap, where: Sequence[tuple[str, str]], columns: Sequence[int]
) -> dict[str, Any]:
    return {
        "name": name,
        "number": gap.number,
        "link": _list(*where, ("readiness", "incomplete")),
        "cells": [
            (gap.fields[place], _list(*where, ("readiness", NEEDED_FIELDS[place])))
            for place in columns
        ],
    }


def _list(*filters: tuple[str, str]) -> str:
    return f"{reverse(LIST)}?{urlencode([('view', 'all'), *filters])}"


def _upper_first(words: str) -> str:
    return words[:1].upper() + words[1:]


PAGES = (("", HomePage, "index"),)
