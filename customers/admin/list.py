"""The list of customers: found, narrowed, shown page by page, kept as views."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import structlog
from django.contrib import messages
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing.errors import Invalid, NotFound
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.sentences import sentence
from customers.columns import (
    COLUMNS,
    DEFAULT_COLUMNS,
    display_name,
    known_columns,
    tax_number_state,
    with_columns,
)
from customers.criteria import CRITERIA
from customers.listing import Amount, CustomerList, customer_list
from customers.models import Customer
from customers.readiness import missing_fields, readiness_sentence
from customers.saved_views import (
    choice_of,
    choose_columns,
    choose_default,
    delete_view,
    save_view,
    views_for,
)
from customers.search import ORDER_PARAMETER, ORDERS, CustomerQuery
from customers.search_text import is_searchable
from customers.walking import AT_ONCE, ON_REQUEST

LIST = "admin:customers_customer_changelist"
COLUMNS_PARAMETER = "columns"
_MILLION = 1_000_000

log = structlog.get_logger(__name__)


class ListPage(StaffPage):
    """The customers of the organization, narrowed by the address."""

    ability = Ability.READ
    title = gettext_lazy("Customers")
    template_name = "admin/customers/list.html"
    section = "customers"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of the list."""
        place = self.workplace.organization.pk
        choice = choice_of(place, request.user.pk or 0)
        if not request.GET and choice.default_view:
            return HttpResponseRedirect(view_link(choice.default_view))
        query = CustomerQuery.read(place, request.GET)
        columns = chosen_columns(request.GET, choice.columns)
        context = self._around(request, query, columns, choice.default_view_id)
        try:
            return self.render(**context, **self._found(request, query, columns))
        except OperationalError:
            log.exception("customers could not be listed")
            return self.render(status=503, **context, failed=True)

    def _found(
        self, request: HttpRequest, query: CustomerQuery, columns: Sequence[str]
    ) -> dict[str, Any]:
        """Return the page's rows and what leads on."""
        sent = request.GET
        patience = ON_REQUEST if "further" in sent else AT_ONCE
        page = customer_list(
            query, after=sent.get("after", ""), before=sent.get("before", ""), patience=patience
        )
        return {
            "rows": _rows(query, page, columns),
            "amount": page.amount,
            "amount_words": amount_words(page.amount),
            "next": _link(query, columns, sent, after=page.next),
            "previous": _link(query, columns, sent, before=page.previous),
            "further": page.further
            and _link(query, columns, sent, after=page.further, further="1"),
            "none_yet": not page.ids and not query.narrows,
            "too_short": bool(query.text) and not is_searchable(query.text),
        }

    def _around(
        self,
        request: HttpRequest,
        query: CustomerQuery,
        columns: Sequence[str],
        default_view: UUID | None,
    ) -> dict[str, Any]:
        """Return what stands around the rows, and needs none of them."""
        sent = request.GET
        views = list(views_for(query.organization_id, request.user.pk or 0))
        hidden = QueryDict(query.querystring(text=""))
        return {
            "query": query,
            "querystring": query.querystring(),
            "chips": query.describe(),
            **_columns(columns),
            "columns_sent": sent.get(COLUMNS_PARAMETER, ""),
            "orders": [
                (str(order.label), "?" + _address(query, sent, order=name), name == query.order)
                for name, order in ORDERS.items()
            ],
            "hidden": [(name, one) for name, values in hidden.lists() for one in values],
            "views": [_view(view, sent.get("view"), default_view) for view in views],
            "has_default": default_view is not None,
            "may_share": self.workplace.may(Ability.SHARE_VIEWS),
            "bulk": self._bulk(deleted=query.deleted),
        }

    def _bulk(self, *, deleted: bool) -> list[tuple[str, str, str]]:
        """Return what can be done with many customers: address, kind and words."""
        offered: tuple[tuple[Ability, str, str], ...] = (
            (Ability.BULK_EDIT, "edit", _("Change…")),
            (Ability.DELETE_CUSTOMERS, "delete", _("Delete…")),
        )
        if deleted:
            offered = ((Ability.RESTORE, "restore", _("Restore…")),)
        address = reverse("admin:customers_bulk")
        return [(address, kind, words) for need, kind, words in offered if self.workplace.may(need)]


def chosen_columns(sent: QueryDict, kept: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of the address, else those the person keeps, else the usual ones."""
    asked = known_columns(sent.get(COLUMNS_PARAMETER, "").split(","))
    return asked or known_columns(kept) or DEFAULT_COLUMNS


def view_link(view: Any) -> str:
    """Return where a saved view is opened."""
    parts = [("view", str(view.pk))]
    if view.columns:
        parts.append((COLUMNS_PARAMETER, ",".join(view.columns)))
    return f"{reverse(LIST)}?{urlencode(parts)}{'&' if view.query else ''}{view.query}"


def _view(view: Any, open_view: str | None, default_view: UUID | None) -> dict[str, Any]:
    return {
        "view": view,
        "link": view_link(view),
        "is_open": str(view.pk) == open_view,
        "is_default": view.pk == default_view,
    }


def _address(query: CustomerQuery, sent: QueryDict, **instead: Any) -> str:
    """Return the query string of the list with the columns and the view it was opened with."""
    kept = [(name, sent[name]) for name in ("view", COLUMNS_PARAMETER) if sent.get(name)]
    parts = [urlencode(kept), query.querystring(**instead)]
    return "&".join(part for part in parts if part)


def _columns(shown: Sequence[str]) -> dict[str, Any]:
    """Return the columns that are shown, and those one can choose from."""
    return {
        "shown": [(name, COLUMNS[name].label) for name in shown],
        "offered": [
            (name, column.label, name in shown)
            for name, column in COLUMNS.items()
            if name != "customer"
        ],
        "columns_value": ",".join(shown),
    }


def _link(
    query: CustomerQuery, columns: Sequence[str], sent: QueryDict, **cursor: str | None
) -> str | None:
    if None in cursor.values():
        return None
    return "?" + "&".join(part for part in (_address(query, sent), urlencode(cursor)) if part)


def amount_words(found: Amount) -> str:
    """Return how many customers there are, in words."""
    if found.precision == "more":
        return _("More than %(number)s customers") % {"number": f"{found.number:,}"}
    if found.precision == "about":
        return _("About %(number)s customers") % {"number": _round(found.number)}
    if found.precision == "so far":
        words = ngettext("%(number)s found so far", "%(number)s found so far", found.number)
        return words % {"number": f"{found.number:,}"}
    words = ngettext("%(number)s customer", "%(number)s customers", found.number)
    return words % {"number": f"{found.number:,}"}


def _round(number: int) -> str:
    """Return an estimate with the two digits that mean something."""
    if number >= _MILLION:
        return _("%(number)s million") % {"number": f"{number / _MILLION:.1f}"}
    digits = max(len(str(number)) - 2, 0)
    return f"{round(number, -digits):,}"


# --- Rows --------------------------------------------------------------------------------------


def _rows(query: CustomerQuery, page: CustomerList, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows in the order of the page, each with what its cells show."""
    customers = Customer.objects.filter(organization=query.organization_id, pk__in=page.ids)
    found = {row["id"]: row for row in with_columns(customers, query.organization_id, columns)}
    there = urlencode({"list": query.querystring()})
    return [_row(found[pk], columns, there) for pk in page.ids if pk in found]


def _row(row: Mapping[str, Any], columns: Sequence[str], there: str) -> dict[str, Any]:
    page = reverse("admin:customers_customer_change", args=[row["id"]])
    return {
        "id": row["id"],
        "name": display_name(row),
        "href": f"{page}?{there}",
        "cells": [(name, _cell(name, row)) for name in columns],
    }


def _cell(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    if name == "customer":
        return {
            "value": display_name(row),
            "more": row["external_id"],
            "deleted": row["deleted_at"],
        }
    if name == "tax_number":
        return {"value": row["tax_identification_number"], "state": tax_number_state(row)}
    if name == "readiness":
        missing = missing_fields(row)
        return {"missing": missing, "value": readiness_sentence(missing, row["country"])}
    if name == "updated":
        return {"moment": row["updated_at"], "by": row["changed_by"]}
    if name == "created":
        return {"moment": row["created_at"]}
    [(_label, text)] = COLUMNS[name].cells
    return {"value": text(row)}


# --- Filters, columns, views -------------------------------------------------------------------


class FiltersPage(StaffPage):
    """What the list can be narrowed by; the list shows it in a sheet at its side."""

    ability = Ability.READ
    title = gettext_lazy("Filter customers")
    template_name = "admin/customers/filters.html"
    section = "customers"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the filters as they are set."""
        query = CustomerQuery.read(self.workplace.organization.pk, request.GET)
        kept = [
            (name, request.GET[name])
            for name in ("q", ORDER_PARAMETER, COLUMNS_PARAMETER)
            if request.GET.get(name)
        ]
        return self.render(fields=_fields(query), kept=kept)


def _fields(query: CustomerQuery) -> list[dict[str, Any]]:
    found = []
    for name, criterion in CRITERIA.items():
        chosen = query.filters.get(name, ())
        choices = criterion.choices(query.organization_id) if criterion.choices else ()
        found.append(
            {
                "name": name,
                "label": criterion.label,
                "value": chosen[0] if chosen else "",
                "is_day": criterion.is_day,
                "many": criterion.many,
                "chosen": bool(chosen),
                "choices": [(value, words, str(value) in chosen) for value, words in choices],
                "is_long": len(choices) > 10,
            }
        )
    return found


class ListForm(StaffPage):
    """A form of the list that leads back to it."""

    ability = Ability.READ
    title = gettext_lazy("Customers")
    template_name = "admin/customers/list.html"
    section = "customers"
    http_method_names = ["post"]

    def back(self, request: HttpRequest) -> HttpResponse:
        """Return to the list as it was."""
        query = QueryDict(request.POST.get("back", "")[:8_000])
        return HttpResponseRedirect(f"{reverse(LIST)}?{query.urlencode() or 'view=all'}")

    def is_here(self, request: HttpRequest) -> bool:
        """Return whether the form was opened in this organization; otherwise say so."""
        if request.POST.get("organization") == str(self.workplace.organization.pk):
            return True
        messages.error(
            request, _("You work in another organization now. Nothing was done; try again here.")
        )
        return False


class ColumnsForm(ListForm):
    """Keeps the columns a person chose."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep them; none chosen means the usual ones."""
        if self.is_here(request):
            asked = [] if "usual" in request.POST else request.POST.getlist("column")
            place = self.workplace.organization.pk
            choose_columns(place, request.user.pk or 0, known_columns(asked))
        return self.back(request)


class ViewForm(ListForm):
    """Saves, deletes or prefers a view."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do what the button says."""
        do = {"save": self._save, "delete": self._delete, "prefer": self._prefer}
        act = do.get(request.POST.get("do", ""))
        if act is None or not self.is_here(request):
            return self.back(request)
        try:
            return act(request)
        except NotFound:
            messages.error(request, _("This view is gone. Choose another one."))
        except Invalid as refused:
            for code in refused.args[0]["name"]:
                messages.error(request, sentence("name", code, request.POST.get("name")))
        return self.back(request)

    def _save(self, request: HttpRequest) -> HttpResponse:
        is_shared = "shared" in request.POST
        if is_shared:
            self.workplace.require(Ability.SHARE_VIEWS)
        place = self.workplace.organization.pk
        query = CustomerQuery.parse(place, request.POST.get("query", "")[:8_000])
        columns = known_columns(request.POST.get(COLUMNS_PARAMETER, "").split(","))
        name = request.POST.get("name", "")
        view = save_view(
            place, request.user.pk or 0, name, query.querystring(), columns, is_shared=is_shared
        )
        messages.success(request, _("The view “%(name)s” was saved.") % {"name": view.name})
        return HttpResponseRedirect(view_link(view))

    def _delete(self, request: HttpRequest) -> HttpResponse:
        may_share = self.workplace.may(Ability.SHARE_VIEWS)
        place = self.workplace.organization.pk
        view = delete_view(place, request.user.pk or 0, _view_id(request), may_share=may_share)
        messages.success(request, _("The view “%(name)s” was deleted.") % {"name": view.name})
        return HttpResponseRedirect(f"{reverse(LIST)}?view=all")

    def _prefer(self, request: HttpRequest) -> HttpResponse:
        chosen = _view_id(request) if request.POST.get("view") else None
        choose_default(self.workplace.organization.pk, request.user.pk or 0, chosen)
        words = (
            _("Customers opens with this view from now on.")
            if chosen
            else _("Customers opens with everybody from now on.")
        )
        messages.success(request, words)
        return self.back(request)


def _view_id(request: HttpRequest) -> UUID:
    """:raises NotFound: if the form names no view."""
    try:
        return UUID(request.POST.get("view", ""))
    except ValueError as error:
        raise NotFound("view") from error


_LIST = "customers/customer/"
PAGES = (
    (f"{_LIST}", ListPage, "customers_customer_changelist"),
    (f"{_LIST}filters/", FiltersPage, "customers_filters"),
    (f"{_LIST}columns/", ColumnsForm, "customers_columns"),
    (f"{_LIST}views/", ViewForm, "customers_views"),
)
