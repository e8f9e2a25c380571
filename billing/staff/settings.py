"""Screens of what an organization is set up with: previewed, compared, refused in sentences."""

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.views.main import ChangeList
from django.db import transaction
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, ngettext

from billing.dependents import Column, count_customers
from billing.errors import NotAllowed
from billing.organizations.locks import lock_organization
from billing.staff.forms import WishForm, Words
from billing.staff.screens import WishScreen, fact
from billing.staff.sentences import sentence


class SettingsForm(WishForm):
    """A form of a row without a version: what its reader saw is compared under the lock.

    What would change more than the row itself is told first, and done when it is saved again.
    """

    own_fields: ClassVar[frozenset[str]] = WishForm.own_fields | {"previewed"}

    previewed = forms.CharField(widget=forms.HiddenInput, required=False)
    # What would change besides, as the page tells it before anything is saved.
    consequences: tuple[str, ...] = ()
    is_asking = False

    def preview(self) -> tuple[str, ...]:
        """Return what the edits would change besides the row, in sentences."""
        return ()

    def is_valid(self) -> bool:
        """Return whether it was saved: nothing is while its reader is asked."""
        return super().is_valid() and not self.is_asking

    def clean(self) -> dict[str, Any]:
        """Write what was edited, unless somebody else was faster or it has to be seen first."""
        instance: Any = self.instance
        if self.creating or not self.initial:
            return super().clean()
        with transaction.atomic():
            lock_organization(getattr(instance, "organization_id", instance.pk))
            instance.refresh_from_db()
            if self._is_overtaken():
                self.merge()
            elif self._is_to_be_seen():
                self._show_preview()
            else:
                return super().clean()
        return self.cleaned_data

    def _is_overtaken(self) -> bool:
        theirs = self.read(self.instance)
        return any(
            self._differs(name, self.initial.get(name), theirs.get(name))
            for name in self.edited()
            if name in theirs
        )

    def _is_to_be_seen(self) -> bool:
        if self.errors:
            return False
        self.consequences = self.preview()
        return bool(self.consequences) and self.data.get("previewed") != self._token()

    def _show_preview(self) -> None:
        data: Any = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict: the form is bound
        data["previewed"] = self._token()
        self.data, self.is_asking = data, True

    def _token(self) -> str:
        """Return what was looked at: other edits have to be looked at again."""
        return json.dumps([self.wish(), *self.consequences], default=str, sort_keys=True)


class CountedList(ChangeList):
    """A page of a list that knows of each row how many kept customers use it."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the rows, and count for all of them at once."""
        super().get_results(request)
        screen: Any = self.model_admin
        rows: Any = list(self.result_list)
        used = count_customers(screen.counted, [row.pk for row in rows])
        for row in rows:
            row.used = used.get(row.pk, 0)
        self.result_list = rows


def badge(words: str, kind: str, icon: str) -> SafeString:
    """Return a state as an icon and a word, never color alone.

    :param kind: ok, warn, bad or info.
    """
    return format_html(
        '<span class="t-badge t-badge--{}"><span class="material-symbols-outlined" '
        'aria-hidden="true">{}</span>{}</span>',
        kind,
        icon,
        words,
    )


class SettingsScreen(WishScreen):
    """A screen of what an organization is set up with; rows are deleted one at a time."""

    class Media:
        css: ClassVar = {"all": ["tarn/people.css", "tarn/edit.css"]}
        js: ClassVar = [Script("tarn/settings.js", type="module")]

    # How customers point to the rows, if its list shows how many do.
    counted: ClassVar[Column | None] = None
    # What an empty list says: that there is none yet, and what one would be for.
    nothing_yet: ClassVar[tuple[Words, Words]] = (gettext_lazy("Nothing here yet."), "")

    actions = None
    delete_confirmation_template = "admin/settings/delete.html"
    show_full_result_count = False

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        """Return what reads the list."""
        return CountedList if self.counted else super().get_changelist(request, **options)

    @fact(gettext_lazy("Used by"))
    def users(self, row: Any) -> str:
        """Return how many customers use the row, with a link to them where there is a filter."""
        words = ngettext("{number} customer", "{number} customers", row.used)
        told = words.format(number=localize(row.used, use_l10n=True))
        link = self.link_to_users(row)
        return format_html('<a class="t-link" href="{}">{}</a>', link, told) if link else told

    def link_to_users(self, row: Any) -> str:
        """Return where the customers that use the row are listed; "" for nowhere."""
        return ""

    def lost_with(self, obj: Any) -> list[str]:
        """Return what goes or changes together with the row, in sentences."""
        return []

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Return what goes, and what goes with it."""
        rows = list(objs)
        _shown, counted, forbidden, protected = super().get_deleted_objects(rows, request)
        told = [line for row in rows for line in self.lost_with(row)]
        return told, counted, forbidden, protected

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Delete the row, or say why not where it can be seen."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except NotAllowed as refusal:
            self.message_user(request, sentence("", refusal.code), messages.ERROR)
            return HttpResponseRedirect("../change/")
