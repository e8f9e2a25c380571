"""A form that carries a wish: it sends only what a person edited, and writes by the one writer."""

import json
from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from django import forms
from django.db.models import Model
from django.forms.forms import DeclarativeFieldsMetaclass
from django.forms.models import ModelFormOptions
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from billing.errors import Invalid, NotFound, Refusal, Stale
from billing.events.actor import Actor
from billing.organizations.models import Organization
from billing.staff.sentences import sentence
from billing.staff.workplace import Workplace

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# What people read, translated when it is shown.
Words: TypeAlias = "str | _StrPromise"

OTHER_ORGANIZATION = _(
    "You work in another organization than when you opened this form. Nothing was saved: switch "
    "back at the top, or open the form again."
)


class Text(forms.CharField):
    """One line, kept as it is; empty means none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "strip": False, "empty_value": None} | options)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare with what a browser makes of the stored text: it drops line breaks."""
        return _one_line(initial) != _one_line(data)


class LongText(Text):
    """Several lines."""

    def to_python(self, value: Any) -> Any:
        """Return the text with line breaks as they are stored."""
        text = super().to_python(value)
        return _lines(text) if text else text

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare with what a browser makes of the stored text."""
        return _lines(initial) != _lines(data)


def organization_choice() -> forms.ModelChoiceField:
    """Return the field that carries for whom a new row is: where the person was when it opened."""
    return forms.ModelChoiceField(
        Organization.objects.none(),
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": OTHER_ORGANIZATION, "required": OTHER_ORGANIZATION},
    )


def text(label: Words, help_text: Words = "", **options: Any) -> Text:
    """Return a field of one line."""
    return Text(label=label, help_text=help_text, widget=UnfoldAdminTextInputWidget, **options)


def long_text(label: Words, help_text: Words = "", **options: Any) -> LongText:
    """Return a field of several lines."""
    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})
    return LongText(label=label, help_text=help_text, widget=widget, **options)


def switch(label: Words, help_text: Words = "") -> forms.BooleanField:
    """Return a field that is on or off."""
    return forms.BooleanField(
        label=label, help_text=help_text, required=False, widget=UnfoldBooleanSwitchWidget
    )


def _one_line(value: Any) -> str:
    return str(value or "").replace("\r", "").replace("\n", "")


def _lines(value: Any) -> str:
    return str(value or "").replace("\r\n", "\n").replace("\r", "\n")


class _FormMeta(ABCMeta, DeclarativeFieldsMetaclass):
    """What makes classes of forms that leave something to be said by each."""


class WishForm(forms.Form, metaclass=_FormMeta):
    """Shows an object and turns what a person changed of it into one wish.

    The form travels with the values the person saw (`seen`): only fields that differ from those
    were edited, whatever happened to the object meanwhile.
    """

    # Names of the wire that are shown under another field.
    shown_at: ClassVar[Mapping[str, str]] = {}
    # Fields of the form itself, which are no part of a wish.
    own_fields: ClassVar[frozenset[str]] = frozenset({"seen", "reason", "organization"})

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        data: QueryDict | None = None,
        files: Any = None,
        *,
        instance: Model,
        actor: Actor,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        self.instance = instance
        self.actor = actor
        # Where the admin looks for the labels of what it shows as text.
        self._meta: Any = ModelFormOptions()
        self._meta.model = type(instance)
        self.creating = instance._state.adding
        self.current = {} if self.creating else self.read(instance)
        super().__init__(data, initial={**(initial or {}), **self.current})
        if self.is_bound and not self.creating:
            self.initial = self._seen()
        else:
            self.initial["seen"] = json.dumps(self.current)
        # How those who only look read them.
        labels = {name: str(field.label or "") for name, field in self.fields.items()}
        self._meta.labels = labels

    def fit(self, place: Workplace) -> None:
        """Offer what there is where the person works, and what they may choose of it."""
        field: Any = self.fields.get("organization")
        if field is not None:
            field.queryset = Organization.objects.filter(pk=place.organization.pk)
            self.initial.setdefault("organization", place.organization.pk)

    @abstractmethod
    def read(self, instance: Any) -> dict[str, Any]:
        """Return the object's values by field, as JSON knows them."""

    @abstractmethod
    def write(self, wish: dict[str, Any]) -> None:
        """Write the wish.

        :raises Refusal: if a rule forbids it.
        """

    def wish(self) -> dict[str, Any]:
        """Return what was edited, as it would stand on the wire."""
        return {name: self.cleaned_data[name] for name in self.edited()}

    def edited(self) -> list[str]:
        """Return the fields a person edited."""
        return [name for name in self.changed_data if name not in self.own_fields]

    def clean(self) -> dict[str, Any]:
        """Write what was edited, and show a refusal at its fields."""
        if self.is_bound and not self.creating and not self.initial:
            words = _("This form came back incomplete. Open it again and repeat.")
            self.add_error(None, forms.ValidationError(words, code="incomplete"))
        elif not self.errors and (self.creating or self.edited()):
            try:
                self.write(self.wish())
            except Refusal as refusal:
                self.show(refusal)
        return self.cleaned_data

    def show(self, refusal: Refusal) -> None:
        """Put the refusal into sentences, each at the field it is about."""
        if isinstance(refusal, Invalid):
            for name, codes in refusal.problems.items():
                for code in codes:
                    self.show_problem(name, code)
        elif isinstance(refusal, NotFound):
            self.show_problem(refusal.resource, f"{refusal.resource}_not_found")
        elif isinstance(refusal, Stale):
            self.merge()
        else:
            self.add_error(None, sentence("", str(refusal)))

    def show_problem(self, name: str, code: str) -> None:
        """Put one problem at its field, or above the form if it has none there."""
        field = self.shown_at.get(name, name)
        value = self.cleaned_data.get(field)
        self.add_error(field if field in self.fields else None, sentence(name, code, value))

    def merge(self) -> None:
        """Show theirs beside mine: what only they changed is taken over, the rest is marked."""
        self.instance.refresh_from_db()
        mine, seen, theirs = set(self.edited()), self.initial, self.read(self.instance)
        data: Any = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict: the form is bound
        for name, field in self.fields.items():
            if name in self.own_fields:
                continue
            if name not in mine:
                put_value(data, name, field, theirs.get(name))
            elif self._differs(name, seen.get(name), theirs.get(name)):
                self._show_both(name, theirs.get(name))
        data["seen"] = json.dumps(self.carry_over(theirs))
        self.data, self.initial, self.current = data, theirs, theirs
        self.add_error(
            None,
            _(
                "Somebody else changed this meanwhile. Nothing was saved and nothing is lost: look "
                "at the marked fields, then save again to have it your way."
            ),
        )

    def carry_over(self, theirs: dict[str, Any]) -> dict[str, Any]:
        """Return what counts as seen from now on."""
        return theirs

    def _differs(self, name: str, old: Any, new: Any) -> bool:
        field = self.fields[name]
        return field.has_changed(old, field.prepare_value(new))

    def _show_both(self, name: str, theirs: Any) -> None:
        field = self.fields[name]
        now, yours = shown(field, theirs), shown(field, self.cleaned_data.get(name))
        words = gettext("Now: {now}. You entered: {yours}.")
        self.add_error(name, words.format(now=_quoted(now), yours=_quoted(yours)))

    def _seen(self) -> dict[str, Any]:
        try:
            found = json.loads(self.data.get("seen", ""))
        except ValueError:
            found = None
        # Without what was seen there is no telling what was edited; `clean` refuses it.
        return found if isinstance(found, dict) else {}

    def save(self, commit: bool = True) -> Model:
        """Return the object; `clean` has written it."""
        return self.instance

    def save_m2m(self) -> None:
        """Do nothing: `clean` has written the links."""


def shown(field: forms.Field, value: Any) -> str:
    """Return a value as people read it; choices by their names, "" for none."""
    if value in (None, "", []):
        return ""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    names = {str(key): str(name) for key, name in getattr(field, "choices", [])}
    values = value if isinstance(value, list) else [value]
    return ", ".join(str(names.get(str(one), one)) for one in values)


def _quoted(text: str) -> str:
    return f"“{text}”" if text else gettext("nothing")


def put_value(data: QueryDict, name: str, field: forms.Field, value: Any) -> None:
    """Set a field's value in the data of the form, as a browser would have sent it."""
    data.pop(name, None)
    if isinstance(value, list):
        data.setlist(name, [str(one) for one in value])
    elif isinstance(field, forms.BooleanField):
        if value:
            data[name] = "on"
    elif value is not None:
        data[name] = str(value)
