"""What all screens of the back office share: whose data they show, and who may change it."""

import uuid
from contextlib import suppress
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from billing.errors import NotFound
from billing.events.actor import Actor
from billing.organizations.models import Organization
from billing.staff.forms import WishForm, Words
from billing.staff.roles import Ability
from billing.staff.site import switch_to
from billing.staff.tampering import note
from billing.staff.workplace import has_workplace, organizations_of, staff_actor, workplace


class Screen(ModelAdmin):
    """A list and a form of rows of the organization where a person works now.

    Nothing can be changed unless a subclass says what one must be able to do for it.
    """

    # The path from a row to its organization's id.
    tenant: ClassVar[str] = "organization_id"
    reads: ClassVar[Ability] = Ability.READ
    writes: ClassVar[Ability | None] = None
    # If not the same as for writing.
    deletes: ClassVar[Ability | None] = None
    may_create: ClassVar[bool] = False
    may_delete: ClassVar[bool] = False
    # Addresses of lists may carry these besides the filters on show.
    open_lookups: ClassVar[frozenset[str]] = frozenset()

    list_per_page = 50
    show_full_result_count = False
    list_filter_submit = True
    compressed_fields = True
    view_on_site = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Return the rows of the person's organization."""
        found = super().get_queryset(request)
        return found.filter(**{self.tenant: workplace(request).organization.pk})

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Model | None:
        """Return the row; if it is of another organization of the person, switch to that."""
        found = super().get_object(request, object_id, from_field)
        if found is None and (elsewhere := self._elsewhere(request, object_id)) is not None:
            switch_to(request, elsewhere)
            found = super().get_object(request, object_id, from_field)
        if found is None:
            note(request, "object_id")
        return found

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the person sees this screen at all."""
        return self._may(request, self.reads)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the person may look at the row."""
        return self._may(request, self.reads, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may make a row here."""
        return self.may_create and self._may(request, self.writes)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the person may change the row."""
        return self._may(request, self.writes, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the person may delete the row."""
        return self.may_delete and self._may(request, self.deletes or self.writes, obj)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the filters on show and no others: any column could be guessed at with them."""
        names = {getattr(one, "parameter_name", None) for one in self.get_list_filter(request)}
        return lookup in names | self.open_lookups and "\0" not in value

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Show the change records of the row: they are the one history."""
        return HttpResponseRedirect(f"{reverse('admin:history')}?object_id={object_id}")

    def log_addition(self, *_: Any, **__: Any) -> None:
        """Write nothing: the writer records every change."""

    def log_change(self, *_: Any, **__: Any) -> None:
        """Write nothing: the writer records every change."""

    def log_deletions(self, *_: Any, **__: Any) -> None:
        """Write nothing: the writer records every change."""

    def _may(self, request: HttpRequest, ability: Ability | None, obj: Model | None = None) -> bool:
        if ability is None or not has_workplace(request):
            return False
        place = workplace(request)
        here = obj is None or self._tenant_of(obj) == place.organization.pk
        return here and place.may(ability)

    def _tenant_of(self, obj: Model) -> uuid.UUID:
        found: Any = obj
        for step in self.tenant.split("__"):
            found = getattr(found, step)
        return found

    def _elsewhere(self, request: HttpRequest, object_id: str) -> Organization | None:
        """Return the other organization of the person in which the row stands."""
        try:
            pk = self.opts.pk.to_python(object_id)
        except (ValidationError, ValueError):
            return None
        tenant = self.model.objects.filter(pk=pk).values(self.tenant)
        return organizations_of(request.user).filter(pk__in=tenant).first()


class WishScreen(Screen):
    """A screen whose form writes by the writer that the API uses."""

    wish_form: ClassVar[type[WishForm]]
    # Shown above the fields of the form, not to be edited.
    facts: ClassVar[tuple[str, ...]] = ()
    may_create = True
    may_delete = True
    change_form_before_template = "admin/seen.html"

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **_: Any
    ) -> Any:
        """Return what makes the form of this request."""
        return self.form_of(request, self.wish_form)

    def form_of(self, request: HttpRequest, form: type[WishForm]) -> Any:
        """Return a function that stands for the form's class, with the person put in."""
        model, place = self.model, workplace(request)

        def make(data: Any = None, files: Any = None, **options: Any) -> Form:
            instance = options.get("instance") or model()
            initial = options.get("initial")
            made = form(data, files, instance=instance, actor=place.actor(), initial=initial)
            made.fit(place)
            return made

        make.base_fields = form.base_fields  # type: ignore[attr-defined]  # Django asks for it
        return make

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **options: Any
    ) -> HttpResponse:
        """Show the form with the buttons it answers to."""
        context["show_save_and_add_another"] = False
        return super().render_change_form(request, context, **options)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Say what became of it; the form has written it."""
        if change and not form.edited():
            words = _("Nothing was edited, nothing was saved.")
            self.message_user(request, words, messages.INFO)
            return
        labels = [str(form.fields[name].label or name).lower() for name in form.edited()]
        told = _("Saved: {fields}.") if change else _("{name} was created.")
        words = told.format(fields=", ".join(labels), name=obj)
        self.message_user(request, words, messages.SUCCESS)

    def save_related(self, *_: Any, **__: Any) -> None:
        """Do nothing: the form has written everything."""

    def construct_change_message(self, *_: Any, **__: Any) -> str:
        """Return nothing: the writer records every change."""
        return ""

    def response_change(self, request: HttpRequest, obj: Model) -> HttpResponse:
        """Go on where the button says."""
        if "_continue" in request.POST:
            return HttpResponseRedirect(request.get_full_path())
        return self.response_post_save_change(request, obj)

    def response_add(self, request: HttpRequest, obj: Model, *_: Any) -> HttpResponse:
        """Go on to the new row, where the rest can be filled in."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=[obj.pk]))

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Delete one row by its writer."""
        with suppress(NotFound):  # somebody else was faster
            self.delete_row(obj, staff_actor(request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """Delete the chosen rows by their writer, all or none."""
        with transaction.atomic():
            for obj in queryset:
                self.delete_model(request, obj)

    def delete_row(self, obj: Any, actor: Actor) -> None:
        """Delete one row by its writer; a screen that names none deletes nothing.

        :raises PermissionDenied: unless the screen says how.
        """
        raise PermissionDenied

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Return what goes, and whether one of them is not this person's to delete."""
        rows = list(objs)
        forbidden = {
            str(self.opts.verbose_name)
            for row in rows
            if not self.has_delete_permission(request, row)
        }
        counted = {str(self.opts.verbose_name_plural): len(rows)}
        return [str(row) for row in rows], counted, forbidden, []


def fact(words: Words, **options: Any) -> Any:
    """Return a decorator that names a column or a line of a screen."""
    return admin.display(description=words, **options)
