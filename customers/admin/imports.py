"""Files of customers: sent in, mapped, previewed, tried, imported, looked at later."""

import tempfile
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Count
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
)
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from billing.errors import NotAllowed, NotFound, Refusal
from billing.events.models import ChangeRecord
from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.sentences import sentence
from billing.staff.site import switch_to
from billing.staff.workplace import organizations_of
from customers.admin.import_columns import BRANDS
from customers.admin.import_columns_page import ColumnsPage
from customers.admin.import_page import (
    OneImportPage,
    is_elsewhere,
    number_of,
    same_file,
    to,
    uuid_of,
)
from customers.admin.import_rows import TABS, page_of
from customers.batches import Batch
from customers.imports.arrival import receive, repeat
from customers.imports.mending import mend_cell, replace_value
from customers.imports.repairs import repairs_of
from customers.imports.report import write_refused_workbook
from customers.imports.run import is_at_work, start
from customers.imports.samples import SAMPLES, sample
from customers.imports.tasks import (
    ATTEMPTS,
    MOVING,
    discard,
    enqueue,
    go_on,
    stop_import,
    try_first,
)
from customers.intakes import Import, ImportRow
from customers.models import Customer

_PAGE = 50
_TRIED = 3
_State = Import.State
_BEGUN = (_State.RUNNING, _State.STOPPED, _State.DONE)
_SHOWN_REASON = 500


class ImportsPage(StaffPage):
    """All imports of the organization, newest first; also those of the command line."""

    ability = Ability.HISTORY
    title = lazy("Imports")
    template_name = "admin/imports/list.html"
    section = "imports"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Show a page of them."""
        found = Import.objects.filter(organization=self.workplace.organization)
        is_narrowed = "refused" in request.GET
        if is_narrowed:
            found = found.filter(refused__gt=0, is_settled=False, state__in=_BEGUN, emptied_at=None)
        after = uuid_of(request.GET.get("after", ""))
        if after:
            found = found.filter(id__gt=after)
        shown = list(found.order_by("id")[: _PAGE + 1])
        return self.render(
            imports=shown[:_PAGE],
            is_narrowed=is_narrowed,
            is_first=after is None,
            next=shown[_PAGE - 1].pk if len(shown) > _PAGE else None,
        )


class NewImportPage(StaffPage):
    """Where a file is sent in."""

    ability = Ability.IMPORT
    title = lazy("Import customers")
    template_name = "admin/imports/new.html"
    section = "imports"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for the file."""
        return self._ask()

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Take the file, and go on to its columns."""
        if is_elsewhere(self):
            return to("admin:customers_imports")
        file = request.FILES.get("file")
        if getattr(request, "refused_upload", False):
            words = _("The file is larger than %(size)s MB. Split it, or let an operator import it "
                      "with manage.py import_customers.")  # fmt: skip
            return self._ask([words % {"size": settings.TARN_UPLOAD_MAX_MB}])
        if file is None:
            return self._ask([_("Choose a file first.")])
        place = self.workplace
        intake = receive(place.organization, file.chunks(), file.name or "", place.actor())
        go_on(intake)
        intake.refresh_from_db()
        if intake.state == _State.UNREAD:
            intake.delete()
            return self._ask([_("“%(name)s” was not taken in.") % {"name": file.name},
                              *intake.notes])  # fmt: skip
        return to("admin:customers_import", intake.pk)

    def _ask(self, problems: list[str] | None = None) -> HttpResponseBase:
        return self.render(
            status=422 if problems else 200,
            problems=problems,
            samples=[(one, BRANDS[one]) for one in SAMPLES],
            size=settings.TARN_UPLOAD_MAX_MB,
            bytes=settings.TARN_UPLOAD_MAX_MB * 1_048_576,
        )


class SampleFile(StaffPage):
    """A file to begin with."""

    ability = Ability.IMPORT
    title = lazy("Import customers")
    template_name = "admin/imports/new.html"
    section = "imports"

    def get(self, request: HttpRequest, preset: str) -> HttpResponseBase:
        """Send it."""
        if preset not in SAMPLES:
            raise Http404
        answer = HttpResponse(sample(preset), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="customers-{preset}.csv"'
        return answer


class ImportPage(OneImportPage):
    """One import, wherever it stands: its preview, its progress, its result."""

    def get(self, request: HttpRequest, import_id: UUID) -> HttpResponseBase:
        """Show it; a link into another of one's organizations leads there."""
        mine = Import.objects.filter(organization__in=organizations_of(request.user))
        intake = mine.select_related("organization").filter(pk=import_id).first()
        if intake is None:
            raise Http404
        if intake.organization_id != self.workplace.organization.pk:
            switch_to(request, intake.organization)
            return to("admin:customers_import", import_id)
        if intake.state == _State.STAGED and self.workplace.may(Ability.IMPORT):
            return to("admin:customers_import_columns", import_id)
        return self._show(intake)

    def _show(self, intake: Import) -> HttpResponseBase:
        moves = intake.state in MOVING
        return self.render(
            title=intake.file_name,
            intake=intake,
            step=_step(intake),
            moves=moves,
            is_at_work=moves and is_at_work(intake.organization_id),
            gave_up=moves and intake.attempts >= ATTEMPTS,
            percent=_percent(intake),
            may_import=self.workplace.may(Ability.IMPORT),
            **(_result(intake) if intake.state in _BEGUN else {}),
            **self._rows(intake),
        )

    def _rows(self, intake: Import) -> dict[str, Any]:
        """Return the tab that is open, with its rows."""
        has_rows = not intake.emptied_at and intake.state in (
            _State.CHECKED, _State.STOPPED, _State.DONE,
        )  # fmt: skip
        if not has_rows:
            return {}
        counts = _tab_counts(intake)
        tabs = [(key, title, counts[key]) for key, title in TABS if key in counts]
        best = next((key for key in ("refused", "changed", "new") if counts.get(key)), tabs[0][0])
        tab = self.request.GET.get("tab", "")
        tab = tab if tab in counts else best
        before = number_of(self.request.GET.get("before", ""))
        page = page_of(intake, tab, after=number_of(self.request.GET.get("after", "")) or 0,
                       before=before)  # fmt: skip
        can_mend = intake.state == _State.CHECKED and self.workplace.may(Ability.IMPORT)
        repairs = repairs_of(intake) if can_mend and tab == "refused" and not before else []
        return {"tabs": tabs, "tab": tab, "page": page, "can_mend": can_mend, "repairs": repairs}

    def post(self, request: HttpRequest, import_id: UUID) -> HttpResponseBase:
        """Mend it, try it, start it, stop it, throw it away."""
        self.workplace.require(Ability.IMPORT)
        if is_elsewhere(self):
            return to("admin:customers_imports")
        intake = self.find(import_id)
        wanted = {
            "mend": self._mend, "replace": self._replace, "try": self._try, "start": self._start,
            "stop": self._stop, "resume": self._resume, "discard": self._discard,
            "settle": self._settle, "repeat": self._repeat,
        }.get(request.POST.get("do", ""))  # fmt: skip
        if wanted is None:
            raise Http404
        try:
            return wanted(intake)
        except Refusal as refusal:
            messages.warning(request, _why_not(refusal))
            return self._back(intake)

    def _back(self, intake: Import, **query: str) -> HttpResponseBase:
        answer = to("admin:customers_import", intake.pk)
        if query:
            answer["Location"] += "?" + "&".join(f"{name}={text}" for name, text in query.items())
        return answer

    def _mend(self, intake: Import) -> HttpResponseBase:
        sent = self.request.POST
        number = number_of(sent.get("row", ""))
        if number is None:
            raise Http404
        mend_cell(intake, number, sent.get("column", ""), sent.get("text", ""))
        row = ImportRow.objects.get(intake=intake, number=number)
        if row.state == ImportRow.State.REFUSED:
            words = _("Row %(row)s: still refused. Look at what it says now.")
            messages.warning(self.request, words % {"row": number})
        else:
            words = _("Row %(row)s is mended: it will be imported.")
            messages.success(self.request, words % {"row": number})
        return self._back(intake, tab="warnings" if sent.get("tab") == "warnings" else "refused")

    def _replace(self, intake: Import) -> HttpResponseBase:
        sent = self.request.POST
        old, new = sent.get("old", ""), sent.get("new", "").replace("\0", "").strip()
        if not new:
            messages.warning(self.request, _("Write what is meant by “%(old)s”.") % {"old": old})
            return self._back(intake, tab="refused")
        before = intake.refused
        if not replace_value(intake, sent.get("column", ""), sent.get("code", ""), old, new):
            go_on(intake)
            return self._back(intake)
        words = _("“%(old)s” now means “%(new)s”. Rows refused: %(before)s before, %(now)s now.")
        intake.refresh_from_db()
        values = {"old": old, "new": new, "before": before, "now": intake.refused}
        messages.success(self.request, words % values)
        return self._back(intake, tab="refused")

    def _try(self, intake: Import) -> HttpResponseBase:
        """Import the first few rows, at once."""
        if start(intake, self._actor()):
            intake.refresh_from_db()
            try_first(intake, _TRIED)
        return self._back(intake)

    def _start(self, intake: Import) -> HttpResponseBase:
        """Let it run; who clicks twice starts it once."""
        if start(intake, self._actor()):
            go_on(intake)
        return self._back(intake)

    def _actor(self) -> Any:
        reason = self.request.POST.get("reason", "").replace("\0", "").strip()[:_SHOWN_REASON]
        return self.workplace.actor(reason or None)

    def _stop(self, intake: Import) -> HttpResponseBase:
        stop_import(intake)
        return self._back(intake)

    def _resume(self, intake: Import) -> HttpResponseBase:
        """Have a worker take it on again."""
        Import.objects.filter(pk=intake.pk).update(attempts=0)
        enqueue(intake.pk)
        return self._back(intake)

    def _discard(self, intake: Import) -> HttpResponseBase:
        if discard(intake):
            messages.info(self.request, _("The file is gone. Nothing was changed."))
            return to("admin:customers_imports")
        raise NotAllowed("import_has_begun")

    def _settle(self, intake: Import) -> HttpResponseBase:
        """Take its refused rows off the list of what waits, or put them back."""
        settled = self.request.POST.get("settled") == "1"
        Import.objects.filter(pk=intake.pk).update(is_settled=settled)
        return self._back(intake, tab="refused")

    def _repeat(self, intake: Import) -> HttpResponseBase:
        if intake.emptied_at or not intake.header:
            raise NotAllowed("import_is_empty")
        return to("admin:customers_import_columns", repeat(intake, self.workplace.actor()).pk)


class ImportProgress(OneImportPage):
    """How far an import is, for the page that waits for it."""

    def get(self, request: HttpRequest, import_id: UUID) -> HttpResponseBase:
        """Return the state and the counts."""
        intake = self.find(import_id)
        counts = {name: getattr(intake, name) for name in _COUNTED}
        return JsonResponse(
            {"state": intake.state, "percent": _percent(intake), "behind": intake.behind, **counts}
        )


class RefusedFile(OneImportPage):
    """The refused rows, to be mended and imported again."""

    ability = Ability.EXPORT

    def get(self, request: HttpRequest, import_id: UUID) -> HttpResponseBase:
        """Send them as XLSX."""
        intake = self.find(import_id)
        if intake.emptied_at:
            raise Http404
        file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 # the answer closes it
        write_refused_workbook(intake, file)
        file.seek(0)
        name = f"refused-{intake.pk.hex[:12]}.xlsx"
        return FileResponse(file, as_attachment=True, filename=name)


_COUNTED = ("new", "changed", "unchanged", "refused", "warnings", "total")


def _why_not(refusal: Refusal) -> str:
    if isinstance(refusal, NotFound):
        return _("This row or column is not there any more.")
    code = refusal.code if isinstance(refusal, NotAllowed) else ""
    return sentence("base", code)


def _tab_counts(intake: Import) -> dict[str, int]:
    """Return the tabs there are; of an import without a preview only the refused were kept."""
    names = [key for key, _title in TABS] if intake.is_checked else ["refused"]
    if intake.state == _State.CHECKED:
        return {name: getattr(intake, name) for name in names}
    states = intake.rows.exclude(state=None).values_list("state")
    found = dict(states.annotate(count=Count("number")).order_by())
    warned = intake.rows.filter(warnings__isnull=False).count()
    return {name: found.get(name, 0) if name != "warnings" else warned for name in names}


def _result(intake: Import) -> dict[str, Any]:
    """Return what there is to say of an import that has begun."""
    undos = Batch.objects.filter(undoes_id=intake.pk).order_by("id")
    done = (Batch.State.RUNNING, Batch.State.DONE, Batch.State.STOPPED)
    return {
        "left": intake.total - intake.behind,
        "undone_by": undos.filter(state__in=done).first(),
        "mended": intake.rows.filter(mended__isnull=False).count(),
        "written": _written(intake),
        "same": same_file(intake),
    }


def _written(intake: Import) -> list[tuple[str, UUID]]:
    """Return the first customers that it wrote, to look at."""
    records = ChangeRecord.objects.filter(
        organization=intake.organization_id, batch_id=intake.pk, resource="customer"
    )
    ids = list(records.order_by("id").values_list("object_id", flat=True)[:_TRIED])
    found = Customer.objects.filter(organization=intake.organization_id).in_bulk(ids)
    return [(str(found[one]), one) for one in dict.fromkeys(ids) if one in found]


def _step(intake: Import) -> int:
    """Return how far the file is on its way: 1 sent in to 5 done."""
    return {
        _State.ARRIVED: 1, _State.UNREAD: 1, _State.STAGED: 2, _State.MAPPED: 3,
        _State.CHECKING: 3, _State.CHECKED: 3, _State.RUNNING: 4, _State.STOPPED: 4,
    }.get(_State(intake.state), 5)  # fmt: skip


def _percent(intake: Import) -> int:
    return 100 * intake.behind // intake.total if intake.total else 0


_ONE = "imports/<uuid:import_id>/"
PAGES = (
    ("imports/", ImportsPage, "customers_imports"),
    ("imports/new/", NewImportPage, "customers_import_new"),
    ("imports/sample/<slug:preset>.csv", SampleFile, "customers_import_sample"),
    (_ONE, ImportPage, "customers_import"),
    (f"{_ONE}columns/", ColumnsPage, "customers_import_columns"),
    (f"{_ONE}progress/", ImportProgress, "customers_import_progress"),
    (f"{_ONE}refused.xlsx", RefusedFile, "customers_import_refused"),
)
