"""Files of customers and of changes: asked for, watched, downloaded."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from billing.staff.pages import StaffPage
from billing.staff.roles import Ability
from billing.staff.tampering import Tampered
from customers.admin.list import LIST, chosen_columns
from customers.export import KEPT_FOR, ask_for_export, describe, exports_of, pieces
from customers.models import Export
from customers.search import CustomerQuery
from customers.tasks import ask_to_write
from customers.trail import Trail

_SHOWN = 20
_QUERY_LENGTH = 8_000
# Where a file of each kind is asked for.
_LISTS: Mapping[str, str] = {Export.Kind.CUSTOMERS: LIST, Export.Kind.HISTORY: "admin:history"}
_TYPES = {
    Export.Format.CSV: "text/csv; charset=utf-8",
    Export.Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ExportsPage(StaffPage):
    """The exports of the person, and where new ones are asked for."""

    ability = Ability.EXPORT
    title = gettext_lazy("Exports")
    template_name = "admin/customers/exports.html"
    section = "customers"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show how far each is."""
        exports = exports_of(self.workplace.organization.pk, request.user.pk or 0)[:_SHOWN]
        shown = [_shown(export) for export in exports]
        working = any(one["state"] in ("waiting", "running") for one in shown)
        return self.render(exports=shown, working=working)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Ask for a file."""
        place = self.workplace.organization.pk
        if request.POST.get("organization") != str(place):
            words = _("You work in another organization now. Nothing was done; try again here.")
            messages.error(request, words)
            kind = request.POST.get("kind", "")
            return HttpResponseRedirect(reverse(_LISTS.get(kind, LIST)))
        if request.POST.get("format") not in Export.Format.values:
            raise Tampered("format")
        kind = request.POST.get("kind", Export.Kind.CUSTOMERS)
        if kind not in _LISTS:
            raise Tampered("kind")
        if kind == Export.Kind.HISTORY:
            return self._ask_for_changes(request.POST.get("query", "")[:_QUERY_LENGTH])
        query = CustomerQuery.parse(place, request.POST.get("query", "")[:_QUERY_LENGTH])
        return self._ask_for(query, chosen_columns(request.POST, ()))

    def _ask_for_changes(self, address: str) -> HttpResponse:
        """Ask for changes; never for more than was meant, because a filter can't be read."""
        self.workplace.require(Ability.HISTORY)
        trail = Trail.read(self.workplace.organization.pk, dict(parse_qsl(address)))
        _asked, problems = trail.asked()
        if not problems:
            return self._ask_for(trail, ())
        for problem in problems:
            messages.error(self.request, problem)
        return HttpResponseRedirect(f"{reverse('admin:history')}?{urlencode(trail.sent)}")

    def _ask_for(self, query: CustomerQuery | Trail, columns: Sequence[str]) -> HttpResponse:
        file, language = self.request.POST["format"], get_language() or "en"
        export = ask_for_export(query, self.request.user.pk or 0, columns, file, language)
        ask_to_write(export.pk)
        return HttpResponseRedirect(reverse("admin:customers_exports"))


class ExportFile(StaffPage):
    """The file of an export, for who asked for it alone."""

    ability = Ability.EXPORT
    title = gettext_lazy("Exports")
    template_name = "admin/customers/exports.html"
    section = "customers"

    def get(self, request: HttpRequest, export_id: UUID) -> HttpResponseBase:
        """Send the file piece by piece."""
        mine = exports_of(self.workplace.organization.pk, request.user.pk or 0)
        export = mine.filter(pk=export_id, state=Export.State.DONE).first()
        if export is None:
            raise Http404
        if export.kind == Export.Kind.HISTORY:
            self.workplace.require(Ability.HISTORY)
        answer = StreamingHttpResponse(pieces(export), content_type=_TYPES[export.format])
        name = f"{export.kind}-{export.created_at:%Y-%m-%d-%H%M}.{export.format}"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        answer["Content-Length"] = str(export.size)
        answer["Cache-Control"] = "private, no-store"
        return answer


def _shown(export: Export) -> dict[str, Any]:
    return {
        "export": export,
        "narrowed": describe(export),
        "state": str(export.state),
        "until": export.created_at + KEPT_FOR,
        "list": f"{reverse(_LISTS[export.kind])}?{export.query or 'view=all'}",
    }


PAGES = (
    ("customers/exports/", ExportsPage, "customers_exports"),
    ("customers/exports/<uuid:export_id>/file/", ExportFile, "customers_export_file"),
)
