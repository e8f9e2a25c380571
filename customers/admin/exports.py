"""Files of customers: asked for, watched, downloaded."""

from typing import Any
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
from customers.export import KEPT_FOR, ask_for_export, exports_of, pieces
from customers.models import Export
from customers.search import CustomerQuery
from customers.tasks import ask_to_write

_SHOWN = 20
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
            return HttpResponseRedirect(reverse(LIST))
        if request.POST.get("format") not in Export.Format.values:
            raise Tampered("format")
        query = CustomerQuery.parse(place, request.POST.get("query", "")[:8_000])
        columns = chosen_columns(request.POST, ())
        language = get_language() or "en"
        export = ask_for_export(
            query, request.user.pk or 0, columns, request.POST["format"], language
        )
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
        answer = StreamingHttpResponse(pieces(export), content_type=_TYPES[export.format])
        name = f"customers-{export.created_at:%Y-%m-%d-%H%M}.{export.format}"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        answer["Content-Length"] = str(export.size)
        answer["Cache-Control"] = "private, no-store"
        return answer


def _shown(export: Export) -> dict[str, Any]:
    query = CustomerQuery.parse(export.organization_id, export.query)
    return {
        "export": export,
        "chips": query.describe(),
        "state": str(export.state),
        "until": export.created_at + KEPT_FOR,
    }


PAGES = (
    ("customers/exports/", ExportsPage, "customers_exports"),
    ("customers/exports/<uuid:export_id>/file/", ExportFile, "customers_export_file"),
)
