"""The page on which somebody says what the columns of a file fill."""

from uuid import UUID

from django.http import HttpRequest, HttpResponseBase

from billing.staff.roles import Ability
from customers.admin.import_columns import (
    find_columns,
    fixed_choices,
    fixed_lines,
    lines,
    problems_with_fixed,
    read_columns,
    replacements,
    save_mapping,
    sources,
)
from customers.admin.import_page import OneImportPage, is_elsewhere, number_of, same_file, to
from customers.imports.mapping import ColumnMap, problems_of
from customers.imports.tasks import go_on
from customers.intakes import Import, SavedMapping

_State = Import.State


class ColumnsPage(OneImportPage):
    """What the columns of a file fill."""

    ability = Ability.IMPORT
    template_name = "admin/imports/columns.html"

    def get(self, request: HttpRequest, import_id: UUID) -> HttpResponseBase:
        """Show the guess, or what was said before."""
        intake = self.find(import_id)
        if intake.state not in (_State.STAGED, _State.CHECKED):
            return to("admin:customers_import", import_id)
        source, columns = find_columns(intake, request.GET.get("source", ""))
        return self._show(intake, source, columns)

    def post(self, request: HttpRequest, import_id: UUID) -> HttpResponseBase:
        """Take it over, and begin the check."""
        if is_elsewhere(self):
            return to("admin:customers_imports")
        intake = self.find(import_id)
        if request.POST.get("do") == "forget":
            return self._forget(intake)
        source, base = find_columns(intake, request.POST.get("source", ""))
        columns = read_columns(request.POST, intake.header, base)
        problems = [*problems_of(columns), *problems_with_fixed(columns)]
        if problems:
            return self._show(intake, source, columns, problems)
        waiting = Import.objects.filter(pk=intake.pk, state__in=(_State.STAGED, _State.CHECKED))
        if waiting.update(
            state=_State.MAPPED, mapping=columns.dump(), wants_stop=False, attempts=0,
            is_checked=False,
        ):  # fmt: skip
            who = str(self.workplace.actor().name)
            save_mapping(intake, columns, request.POST.get("save_as", ""), who)
            go_on(intake)
        return to("admin:customers_import", import_id)

    def _forget(self, intake: Import) -> HttpResponseBase:
        """Delete a saved mapping."""
        name = self.request.POST.get("source", "").removeprefix("saved:")
        mine = SavedMapping.objects.filter(organization=self.workplace.organization)
        mine.filter(pk=number_of(name) or 0).delete()
        return to("admin:customers_import_columns", intake.pk)

    def _show(
        self, intake: Import, source: str, columns: ColumnMap, problems: list[str] | None = None
    ) -> HttpResponseBase:
        return self.render(
            status=422 if problems else 200,
            title=intake.file_name,
            intake=intake,
            step=2,
            source=source,
            sources=sources(intake.organization_id),
            lines=lines(intake, columns),
            columns=columns,
            fixed=fixed_lines(columns),
            fixed_choices=fixed_choices(),
            replacements=replacements(columns),
            problems=problems,
            save_as=self.request.POST.get("save_as", ""),
            same=same_file(intake),
        )
