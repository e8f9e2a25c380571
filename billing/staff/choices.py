"""Fields that offer choices, and what there is to choose of for everybody."""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from typing import Any
from unicodedata import normalize

from babel import Locale
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from billing.values import COUNTRIES, CURRENCIES, DOCUMENT_LOCALES, TIMEZONES

NONE = lazy("none")
# With more entries, a list can be searched.
_SEARCHED_FROM = 10

Choices = Iterable[tuple[str, Any]]


class Choice(forms.ChoiceField):
    """One of some values, or none."""

    def __init__(
        self, label: Any, choices: Any, none: Any = NONE, help_text: Any = "", **options: Any
    ) -> None:
        self._none = none
        options = {"required": False} | options
        super().__init__(label=label, choices=(), help_text=help_text, **options)
        self.offer(choices)

    def offer(self, choices: Any) -> None:
        """Offer these choices, given as they are or as a function of the reader's language."""
        first = [] if self._none is None else [("", self._none)]
        given = choices if callable(choices) else list(choices)
        self.choices = (lambda: [*first, *given()]) if callable(given) else [*first, *given]
        if callable(given) or len(given) > _SEARCHED_FROM:
            self.widget.attrs["data-combobox"] = ""

    def clean(self, value: Any) -> Any:
        """Return the chosen value, None for none."""
        return super().clean(value) or None

    def validate(self, value: Any) -> None:
        """Refuse what is not on offer, and guess what was meant."""
        if value and not self.valid_value(value):
            raise ValidationError(not_on_offer(value, self.choices), code="invalid_choice")


class Several(forms.MultipleChoiceField):
    """Any of some values."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, label: Any, choices: Any = (), help_text: Any = "", **options: Any) -> None:
        super().__init__(
            label=label, choices=choices, required=False, help_text=help_text, **options
        )

    def validate(self, value: Any) -> None:
        """Refuse what is not on offer."""
        for one in value:
            if not self.valid_value(one):
                raise ValidationError(not_on_offer(one, self.choices), code="invalid_choice")


def not_on_offer(value: str, choices: Any) -> str:
    """Return the sentence that refuses a value, with the one that was probably meant."""
    by_name = {str(key).upper(): str(key) for key, _name in choices if key}
    meant = get_close_matches(value.strip().upper(), by_name, n=1)
    if meant:
        return _("“%(value)s” is not on offer. Did you mean %(meant)s?") % {
            "value": value,
            "meant": by_name[meant[0]],
        }
    return _("“%(value)s” is not on offer here. Choose one of the list.") % {"value": value}


def countries() -> Choices:
    """Return every country by its name in the reader's language."""
    return _countries(get_language() or "en")


def currencies() -> Choices:
    """Return every currency by its code and its name in the reader's language."""
    return _currencies(get_language() or "en")


def languages() -> Choices:
    """Return the languages documents are written in, by their names."""
    names = Locale.parse(get_language() or "en", sep="-").languages
    return [(one, names.get(one.replace("-", "_"), names.get(one[:2], one)) + f" ({one})")
            for one in DOCUMENT_LOCALES]  # fmt: skip


def timezones() -> Choices:
    """Return every time zone."""
    return [(zone, zone.replace("_", " ")) for zone in TIMEZONES]


@cache
def _countries(language: str) -> Choices:
    names = Locale.parse(language, sep="-").territories
    named = [(code, f"{names.get(code, code)} ({code})") for code in COUNTRIES]
    return sorted(named, key=lambda one: _plain(one[1]))


@cache
def _currencies(language: str) -> Choices:
    names = Locale.parse(language, sep="-").currencies
    return [(code, f"{code} - {names.get(code, code)}") for code in CURRENCIES]


def _plain(name: str) -> str:
    """Return a name as it is sorted: accents count for nothing."""
    return normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
