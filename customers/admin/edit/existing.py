"""Editing a customer, and what to do if somebody else was faster."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
)
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from billing.staff.forms import shown
from billing.staff.site import switch_to
from billing.staff.workplace import organizations_of, workplace
from customers.admin.edit.steps import FormPage
from customers.admin.form import CustomerForm, put_values, unit_of
from customers.admin.layout import labels_of
from customers.admin.values import path_of
from customers.history import Entry, timeline
from customers.listing import neighbors
from customers.models import Customer
from customers.search import CustomerQuery


class EditPage(FormPage):
    """A customer in the form, grouped as people think."""

    title = lazy("Edit customer")

    def dispatch(self, request: HttpRequest, *args: Any, **values: Any) -> HttpResponseBase:
        """Find the customer in the organizations of the person, the current one first."""
        place = workplace(request)
        found = _find(request, values["customer_id"])
        if found is None:
            raise Http404
        if found.organization_id != place.organization.pk:
            switch_to(request, found.organization)
        self.customer = found
        return super().dispatch(request, *args, **values)

    def get(self, request: HttpRequest, **_values: Any) -> HttpResponse:
        """Show the form as the customer is now."""
        if self.customer.deleted_at is not None:
            return self.show_deleted(self.form())
        return self.show_form(self.form())

    def post(self, request: HttpRequest, **_values: Any) -> HttpResponse:
        """Do the next step, unless the customer is gone."""
        if self.customer.deleted_at is not None:
            return self.show_deleted(self.form(request.POST))
        return super().post(request)

    def form(self, data: QueryDict | None = None) -> CustomerForm:
        """Return the form, with what was typed."""
        return CustomerForm(data, instance=self.customer, actor=self.workplace.actor())

    def home(self) -> str:
        """Return the page of the customer, within the list one came from."""
        return self._address("admin:customers_customer_change", self.customer.pk)

    def frame(self, form: CustomerForm) -> dict[str, Any]:
        """Return what this page says around the form."""
        return {
            "draft": f"{self.request.user.pk}:{self.customer.pk}",
        }

    def resolved(self, data: QueryDict) -> QueryDict:
        """Return what was typed; where theirs was chosen of a conflict, with theirs."""
        chosen = {
            name.removeprefix("choose-")
            for name, value in data.items()
            if name.startswith("choose-") and value == "theirs"
        }
        found = data.copy()
        for name in [name for name in found if name.startswith("choose-")]:
            del found[name]
        if not chosen:
            return found
        form = self.form(found)
        names = [name for name in form.fields if unit_of(name) in chosen]
        put_values(found, form, names, form.initial)
        if "metadata" in chosen:
            form.take_their_notes(found)
        return found

    def show_conflict(self, form: CustomerForm) -> HttpResponse:
        """Show theirs beside mine, field by field, with who changed it and when."""
        assert form.conflict is not None  # noqa: S101  # asked by the caller
        entries = timeline(self.workplace.organization.pk, self.customer.pk, limit=20)
        labels, theirs = labels_of(form), form.theirs
        rows = [
            _Both(
                clash.name,
                labels[clash.name],
                _words(form, clash.fields, theirs),
                _words(form, clash.fields, form.typed()),
                _last_change(entries, clash.fields),
            )
            for clash in form.conflict.both
        ]
        taken = [
            _Both(
                clash.name,
                labels[clash.name],
                _words(form, clash.fields, theirs),
                _words(form, clash.fields, form.seen_before),
                _last_change(entries, clash.fields),
            )
            for clash in form.conflict.taken
        ]
        return self.render_as("conflict", 409, rows=rows, taken=taken, **self.carried(form))

    def show_deleted(self, form: CustomerForm) -> HttpResponse:
        """Say that the customer is gone, and what can be done with what was typed."""
        entries = timeline(self.workplace.organization.pk, self.customer.pk, limit=1)
        return self.render_as("gone", 410, entry=next(iter(entries), None), **self.carried(form))

    def saved(self, customer_id: UUID, changed: int) -> HttpResponse:
        """Say what was saved, and go on to the customer or to the next one of the list."""
        words = ngettext(
            "Saved: %(count)s change to %(name)s.", "Saved: %(count)s changes to %(name)s.", changed
        )
        if not changed:
            words = _("This was saved already, once: %(name)s.")
        self.customer.refresh_from_db()
        messages.success(self.request, words % {"count": changed, "name": str(self.customer)})
        following = self.find_following() if self.request.POST.get("step") == "save_next" else None
        if following is None:
            return HttpResponseRedirect(self.home())
        return HttpResponseRedirect(self._address("admin:customers_customer_edit", following))

    def find_following(self) -> UUID | None:
        """Return the next customer of the list that the person came from."""
        came_from = self.request.GET.get("list")
        if came_from is None:
            return None
        query = CustomerQuery.read(self.workplace.organization.pk, QueryDict(came_from))
        return neighbors(query, self.customer)[1]

    def _address(self, name: str, customer_id: UUID) -> str:
        came_from = self.request.GET.get("list")
        query = QueryDict(mutable=True)
        if came_from is not None:
            query["list"] = came_from
        return reverse(name, args=[customer_id]) + (f"?{query.urlencode()}" if query else "")


class _Both(NamedTuple):
    """A row of the conflict: their value and another one, with who changed it last."""

    name: str
    label: str
    theirs: str
    mine: str
    entry: Entry | None


def _find(request: HttpRequest, customer_id: UUID) -> Customer | None:
    mine = organizations_of(request.user)
    rows = Customer.objects.filter(organization__in=mine, pk=customer_id)
    return rows.select_related("organization", "billing_entity").first()


def _words(form: CustomerForm, names: list[str], values: Mapping[str, Any]) -> str:
    """Return what stands in the fields as people read it."""
    found = [shown(form.fields[name], values.get(name)) for name in names]
    return " · ".join(words for words in found if words)


def _last_change(entries: list[Entry], names: list[str]) -> Entry | None:
    """Return the latest entry that touched one of the fields."""
    paths = {path_of(name) for name in names}
    return next(
        (entry for entry in entries if paths.intersection(one.path for one in entry.changes)), None
    )
