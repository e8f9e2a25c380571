"""Fixed values of a customer's fields, in the words they are shown with elsewhere."""

from collections.abc import Iterable

from django.utils.functional import lazy as as_lazy
from django.utils.translation import gettext_lazy as lazy

from billing.staff.choices import Choices
from customers.words import shown

INHERITED = lazy("as the billing entity")


def worded(path: str, values: Iterable[str]) -> Choices:
    """Return fixed values of a field by the words they are shown with elsewhere."""
    return [(value, _words(path, value)) for value in values]


_words = as_lazy(lambda path, value: ", ".join(shown(path, value)), str)
