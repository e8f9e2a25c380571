"""Pairs of customers that may be the same one, side by side."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.errors import NotFound
from billing.staff.numbers import whole_number
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.tampering import Tampered
from customers.countries import country_name
from customers.models import Customer, DuplicatePair
from customers.pairs import dismiss, open_pairs, pairs, searched_at, take_back, with_reasons

_SHOWN = 20
_ADDRESS = "admin:customers_duplicates"
_REASONS = {
    "same_tax_number": gettext_lazy("Same tax number"),
    "same_email": gettext_lazy("Same e-mail"),
    "same_name": gettext_lazy("Same name and place"),
}
_ROWS = (
    (gettext_lazy("Legal name"), "legal_name"),
    (gettext_lazy("Name"), "name"),
    (gettext_lazy("First name"), "firstname"),
    (gettext_lazy("Last name"), "lastname"),
    (gettext_lazy("Tax number"), "tax_identification_number"),
    (gettext_lazy("Registration number"), "legal_number"),
    (gettext_lazy("E-mail"), "email"),
    (gettext_lazy("Phone"), "phone"),
    (gettext_lazy("Address"), "address_line1"),
    (gettext_lazy("Zip code"), "zipcode"),
    (gettext_lazy("City"), "city"),
    (gettext_lazy("Country"), "country"),
    (gettext_lazy("Currency"), "currency"),
)


class DuplicatesPage(StaffPage):
    """The pairs that wait, or those that were called different."""

    ability = Ability.READ
    title = gettext_lazy("Likely duplicates")
    template_name = "admin/customers/duplicates.html"
    section = "customers"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the newest pairs, or those before one."""
        place = self.workplace.organization.pk
        dismissed = "dismissed" in request.GET
        found = pairs(place).exclude(dismissed_at=None) if dismissed else open_pairs(place)
        before = whole_number(request.GET.get("before", ""))
        further = found if before is None else found.filter(pk__lt=before)
        shown = list(with_reasons(further).order_by("-pk")[: _SHOWN + 1])
        last = shown[_SHOWN - 1].pk if len(shown) > _SHOWN else None
        return self.render(
            pairs=[_shown(pair) for pair in shown[:_SHOWN]],
            number=found.count(),
            dismissed=dismissed,
            before=last,
            searched_at=searched_at(place),
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Call a pair different, or take that back."""
        self.workplace.require(Ability.EDIT_CUSTOMERS)
        back = HttpResponseRedirect(
            reverse(_ADDRESS) + ("?dismissed" if request.POST.get("do") == "reopen" else "")
        )
        if request.POST.get("organization") != str(self.workplace.organization.pk):
            words = _("You work in another organization now. Nothing was done; try again here.")
            messages.error(request, words)
            return back
        try:
            messages.success(request, self._decide(request))
        except NotFound:
            messages.error(request, _("This pair is gone: one of the two is no longer there."))
        return back

    def _decide(self, request: HttpRequest) -> str:
        """Do what the button says, and say what was done."""
        place, number = self.workplace.organization.pk, whole_number(request.POST.get("pair", ""))
        if number is None:
            raise Tampered("pair")
        match request.POST.get("do"):
            case "dismiss":
                pair = dismiss(place, number, request.user.pk or 0)
                words = _("%(one)s and %(other)s are two customers. They are not shown again.")
            case "reopen":
                pair = take_back(place, number)
                words = _("%(one)s and %(other)s are shown as likely duplicates again.")
            case _:
                raise Tampered("do")
        return words % {"one": pair.first, "other": pair.second}


def _shown(pair: DuplicatePair) -> dict[str, Any]:
    return {
        "pair": pair,
        "reasons": [words for name, words in _REASONS.items() if getattr(pair, name)],
        "customers": [pair.first, pair.second],
        "rows": list(_rows(pair.first, pair.second)),
    }


def _rows(one: Customer, other: Customer) -> Iterator[tuple[Any, list[str], bool]]:
    """Yield what either has, and whether both have the same."""
    for label, name in _ROWS:
        values = [_value(customer, name) for customer in (one, other)]
        if any(values):
            yield label, values, values[0].lower() == values[1].lower()


def _value(customer: Customer, name: str) -> str:
    value = str(getattr(customer, name) or "")
    return country_name(value) if name == "country" and value else value


PAGES = (("customers/duplicates/", DuplicatesPage, "customers_duplicates"),)
