"""Work on many customers: choose, preview, confirm, result, undo.

The list of customers posts to `admin:customers_bulk` what is meant: ids as `customer`, or
`all=1` with the list's query string as `query`; what is to be done as `kind` (edit, delete,
restore); and its `organization`.
"""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    QueryDict,
    StreamingHttpResponse,
)
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from billing.errors import NotAllowed
from billing.events.models import ChangeRecord
from billing.staff.forms import OTHER_ORGANIZATION
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.site import switch_to
from billing.staff.tampering import Tampered, note
from billing.staff.workplace import organizations_of
from billing.values import CURRENCIES
from customers.admin.bulk_form import BulkForm, ReasonForm
from customers.admin.bulk_rows import Row, csv_lines, left_out_rows, preview_rows, result_rows
from customers.batches import Batch
from customers.bulk.run import prepare, prepare_undo, start, stop
from customers.bulk.tasks import go_on
from customers.bulk.words import title, wish_lines
from customers.intakes import Import
from customers.models import Customer
from customers.search import CustomerQuery

_ABILITIES = {
    Batch.Kind.EDIT: Ability.BULK_EDIT,
    Batch.Kind.DELETE: Ability.DELETE_CUSTOMERS,
    Batch.Kind.RESTORE: Ability.RESTORE,
    Batch.Kind.UNDO: Ability.REVERT,
    Batch.Kind.IMPORT: Ability.IMPORT,
}
_PAGE = 50


class BulkPage(StaffPage):
    """A page of bulk work, and what all of them refuse."""

    section = "bulk"

    def is_elsewhere(self, request: HttpRequest) -> bool:
        """Return whether the form was opened in another organization; then it says so."""
        if request.POST.get("organization") == str(self.workplace.organization.pk):
            return False
        messages.error(request, OTHER_ORGANIZATION)
        return True


class ChoosePage(BulkPage):
    """Asks what to do with the customers that were chosen in the list."""

    ability = Ability.READ
    title = lazy("Change customers")
    template_name = "admin/bulk/choose.html"
    section = "customers"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Send who came without a choice to where it is made."""
        return _to("admin:customers_customer_changelist")

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Show the form, or make the batch from it."""
        kind = _kind(request.POST)
        self.workplace.require(_ABILITIES[kind])
        chosen = self._chosen(request.POST)
        if self.is_elsewhere(request) or not self._has_any(request, chosen):
            return _to("admin:customers_customer_changelist")
        if kind != Batch.Kind.EDIT:
            return self._preview(kind, chosen)
        sent = request.POST if "term_how" in request.POST else None
        form = BulkForm(sent, organization=self.workplace.organization)
        if form.is_valid():
            return self._preview(kind, chosen, form.edit())
        return self._ask(request, form, chosen)

    def _has_any(self, request: HttpRequest, chosen: QuerySet[Customer]) -> bool:
        if chosen.exists():
            return True
        messages.warning(request, _("No customer was chosen. Tick some in the list first."))
        return False

    def _chosen(self, sent: QueryDict) -> QuerySet[Customer]:
        """Return the customers that are meant, those of this organization alone."""
        organization_id = self.workplace.organization.pk
        if sent.get("all"):
            return CustomerQuery.read(organization_id, QueryDict(sent.get("query", ""))).queryset()
        ids = [found for one in sent.getlist("customer") if (found := _uuid(one))]
        chosen = Customer.objects.filter(organization_id=organization_id, id__in=ids)
        if chosen.count() < len(set(ids)):
            note(self.request, "customer")
        return chosen

    def _ask(
        self, request: HttpRequest, form: BulkForm, chosen: QuerySet[Customer]
    ) -> HttpResponseBase:
        everything = bool(request.POST.get("all"))
        return self.render(
            status=422 if form.is_bound else 200,
            form=form,
            ids=[] if everything else request.POST.getlist("customer"),
            query=request.POST.get("query", "") if everything else None,
            count=None if everything else chosen.count(),
            currencies=CURRENCIES,
        )

    def _preview(
        self, kind: Batch.Kind, chosen: QuerySet[Customer], edit: Any = None
    ) -> HttpResponseBase:
        place = self.workplace
        batch = prepare(place.organization.pk, kind, place.actor(), chosen, edit)
        go_on(batch)
        return _to("admin:customers_batch", batch.pk)


class BatchPage(BulkPage):
    """One piece of bulk work: its preview, its progress, its result."""

    ability = Ability.HISTORY
    title = lazy("Bulk change")
    template_name = "admin/bulk/batch.html"

    def get(self, request: HttpRequest, batch_id: UUID) -> HttpResponseBase:
        """Show how far it is; a link into another of one's organizations leads there."""
        batch = _batch_of(request, batch_id)
        if batch.organization_id != self.workplace.organization.pk:
            switch_to(request, batch.organization)
            return _to("admin:customers_batch", batch_id)
        if batch.kind == Batch.Kind.IMPORT and Import.objects.filter(pk=batch.pk).exists():
            return _to("admin:customers_import", batch_id)
        return self._show(batch, ReasonForm(required=_needs_reason(batch)))

    def post(self, request: HttpRequest, batch_id: UUID) -> HttpResponseBase:
        """Start it, stop it, throw it away, or prepare to take it back."""
        if self.is_elsewhere(request):
            return _to("admin:customers_batches")
        batch = _batch_of(request, batch_id)
        if batch.organization_id != self.workplace.organization.pk:
            raise Http404
        wanted = {
            "start": self._start,
            "stop": self._stop,
            "discard": self._discard,
            "undo": self._undo,
        }.get(request.POST.get("do", ""))
        if wanted is None:
            raise Tampered("do")
        return wanted(batch)

    def _start(self, batch: Batch) -> HttpResponseBase:
        """Let it happen; who clicks twice starts it once."""
        self._require(batch)
        form = ReasonForm(self.request.POST, required=_needs_reason(batch))
        if not form.is_valid():
            return self._show(batch, form, status=422)
        if start(batch, self.workplace.actor(form.cleaned_data["reason"])):
            go_on(batch)
        return _to("admin:customers_batch", batch.pk)

    def _stop(self, batch: Batch) -> HttpResponseBase:
        self._require(batch)
        stop(batch)
        return _to("admin:customers_batch", batch.pk)

    def _discard(self, batch: Batch) -> HttpResponseBase:
        """Forget a preview that nobody wants."""
        self._require(batch)
        gone = Batch.objects.filter(
            pk=batch.pk, state__in=[Batch.State.PREVIEWED, Batch.State.PREVIEWING]
        )
        if gone.delete()[0]:
            messages.info(self.request, _("Nothing was changed."))
        return _to("admin:customers_customer_changelist")

    def _undo(self, batch: Batch) -> HttpResponseBase:
        """Make the preview of taking it back."""
        place = self.workplace
        self._require_undo(batch)
        try:
            undo = prepare_undo(batch.organization_id, batch.pk, place.actor())
        except NotAllowed:
            messages.warning(self.request, _("This is still under way. Wait until it is done."))
            return _to("admin:customers_batch", batch.pk)
        go_on(undo)
        return _to("admin:customers_batch", undo.pk)

    def _require(self, batch: Batch) -> None:
        if batch.kind == Batch.Kind.IMPORT:
            raise Http404  # an import has pages of its own
        if batch.undoes:
            self._require_undo(batch.undoes)
        else:
            self.workplace.require(_ABILITIES[Batch.Kind(batch.kind)])

    def _require_undo(self, undone: Batch) -> None:
        """Go on only if the person may take this back; who may import may take imports back."""
        if undone.kind == Batch.Kind.IMPORT and self.workplace.may(Ability.IMPORT):
            return
        self.workplace.require(Ability.REVERT)
        if _brought_customers(undone):
            self.workplace.require(Ability.DELETE_CUSTOMERS)

    def _may_act(self, batch: Batch) -> bool:
        if batch.undoes:
            return self._may_undo(batch.undoes)
        is_import = batch.kind == Batch.Kind.IMPORT
        return not is_import and self.workplace.may(_ABILITIES[Batch.Kind(batch.kind)])

    def _may_undo(self, batch: Batch) -> bool:
        """Return whether the button is shown; what else it takes is asked when it is pressed."""
        is_import = batch.kind == Batch.Kind.IMPORT
        return self.workplace.may(Ability.IMPORT if is_import else Ability.REVERT)

    def _show(self, batch: Batch, form: ReasonForm, status: int = 200) -> HttpResponseBase:
        undos = batch.undos.exclude(state__in=[Batch.State.PREVIEWED, Batch.State.PREVIEWING])
        return self.render(
            status,
            title=title(batch),
            batch=batch,
            form=form,
            wish=wish_lines(batch),
            rows=_rows(batch),
            left_out=left_out_rows(batch, _PAGE),
            left_out_count=batch.items.filter(why__isnull=False).count(),
            may_act=self._may_act(batch),
            may_undo=self._may_undo(batch),
            undone_by=undos.first(),
            percent=_percent(batch),
        )


class ProgressPage(BulkPage):
    """How far a batch is, for the page that waits for it."""

    ability = Ability.HISTORY
    title = lazy("Bulk change")
    template_name = "admin/bulk/batch.html"

    def get(self, request: HttpRequest, batch_id: UUID) -> HttpResponseBase:
        """Return the state and the percentage."""
        batch = _batch_here(self, batch_id)
        return JsonResponse(
            {"state": batch.state, "percent": _percent(batch), "position": batch.position}
        )


class LeftOutFile(BulkPage):
    """The customers that were left out, as CSV."""

    ability = Ability.HISTORY
    title = lazy("Left out")
    template_name = "admin/bulk/batch.html"

    def get(self, request: HttpRequest, batch_id: UUID) -> HttpResponseBase:
        """Return every customer that was left out, with why."""
        batch = _batch_here(self, batch_id)
        answer = StreamingHttpResponse(_written(csv_lines(batch)), content_type="text/csv")
        answer["Content-Disposition"] = f'attachment; filename="left-out-{batch.pk}.csv"'
        return answer


class BatchesPage(BulkPage):
    """All bulk work of the organization, newest first."""

    ability = Ability.HISTORY
    title = lazy("Bulk changes")
    template_name = "admin/bulk/batches.html"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Show a page of them."""
        found = Batch.objects.filter(organization=self.workplace.organization)
        found = found.exclude(state__in=[Batch.State.PREVIEWED, Batch.State.PREVIEWING])
        after = _uuid(request.GET.get("after", ""))
        if after:
            found = found.filter(id__gt=after)
        batches = list(found.order_by("id")[: _PAGE + 1])
        shown = [(one, title(one), wish_lines(one)) for one in batches[:_PAGE]]
        return self.render(
            batches=shown, next=batches[_PAGE - 1].pk if len(batches) > _PAGE else None
        )


def _kind(sent: QueryDict) -> Batch.Kind:
    asked = sent.get("kind", "")
    if asked not in (Batch.Kind.EDIT, Batch.Kind.DELETE, Batch.Kind.RESTORE):
        raise Tampered("kind")
    return Batch.Kind(asked)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _to(name: str, *values: Any) -> HttpResponse:
    return HttpResponseRedirect(reverse(name, args=values))


def _batch_of(request: HttpRequest, batch_id: UUID) -> Batch:
    """Return the batch if it is of one of the person's organizations."""
    mine = Batch.objects.filter(organization__in=organizations_of(request.user))
    found = mine.select_related("organization", "undoes").filter(pk=batch_id).first()
    if found is None:
        raise Http404
    return found


def _batch_here(page: BulkPage, batch_id: UUID) -> Batch:
    here = Batch.objects.filter(organization=page.workplace.organization, pk=batch_id).first()
    if here is None:
        raise Http404
    return here


def _needs_reason(batch: Batch) -> bool:
    return batch.kind == Batch.Kind.DELETE or "tax_codes" in batch.wish


def _brought_customers(batch: Batch) -> bool:
    """Return whether to take the batch back is to delete customers."""
    records = ChangeRecord.objects.filter(
        organization_id=batch.organization_id, batch_id=batch.pk, resource="customer"
    )
    comes = (ChangeRecord.Action.CREATED, ChangeRecord.Action.RESTORED)
    return records.filter(action__in=comes).exists()


def _rows(batch: Batch) -> list[Row]:
    if batch.state == Batch.State.PREVIEWED:
        return preview_rows(batch, 20)
    if batch.state in (Batch.State.DONE, Batch.State.STOPPED):
        return result_rows(batch, 20)
    return []


def _percent(batch: Batch) -> int:
    return 100 * batch.position // batch.total if batch.total else 100


def _written(lines: Iterator[list[str]]) -> Iterator[str]:
    """Return lines of CSV, formula-safe, as Excel reads them."""
    yield "\ufeff"
    for line in lines:
        buffer = StringIO()
        csv.writer(buffer).writerow(line)
        yield buffer.getvalue()


PAGES = (
    ("customers/bulk/", BatchesPage, "customers_batches"),
    ("customers/bulk/new/", ChoosePage, "customers_bulk"),
    ("customers/bulk/<uuid:batch_id>/", BatchPage, "customers_batch"),
    ("customers/bulk/<uuid:batch_id>/progress/", ProgressPage, "customers_batch_progress"),
    ("customers/bulk/<uuid:batch_id>/left-out.csv", LeftOutFile, "customers_batch_left_out"),
)
